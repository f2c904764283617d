// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What commands and servers say, as one line. */
#include "printable.h"

#include <stdbool.h>
#include <string.h>

/* Control characters are as good as blanks. */
static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

char *printable(char *buf, size_t size, const char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        bool gap = used && is_blank(text[i - 1]);

        if (is_blank(text[i]))
            continue;
        if (used + gap + 1 >= size) {
            memcpy(buf + size - 4, "...", 3);
            used = size - 1;
            break;
        }
        if (gap)
            buf[used++] = ' ';
        buf[used++] = (unsigned char)text[i] < 0x7f ? text[i] : '?';
    }
    buf[used] = '\0';
    return buf;
}

char *printable_last_line(char *buf, size_t size, const char *text, size_t length)
{
    size_t start;

    while (length && is_blank(text[length - 1]))
        length--;
    for (start = length; start && text[start - 1] != '\n'; start--)
        ;
    return printable(buf, size, text + start, length - start);
}
