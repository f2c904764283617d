// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Text from outside, made safe and short enough to stand in a message. */
#include "quote.h"

#include <stdio.h>

struct quoted quote(const char *text)
{
    enum { TAIL = sizeof("\\xNN...\"") };
    struct quoted out;
    size_t used = 0;

    out.text[used++] = '"';
    for (; *text && used < QUOTE_MAX - TAIL; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c > '~')
            used += (size_t)sprintf(out.text + used, "\\x%02x", c);
        else
            out.text[used++] = (char)c;
    }
    sprintf(out.text + used, "%s\"", *text ? "..." : "");
    return out;
}
