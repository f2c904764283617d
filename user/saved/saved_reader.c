// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values of what was saved, and messages about them. */
#include "saved_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int saved_refuse(const struct saved_reader *reader, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return error_set(reader->err, -EINVAL, "what was saved makes no sense: %s%.64s%s%s",
                     reader->service ? "service " : "", reader->service ? reader->service : "",
                     reader->service ? ": " : "", text);
}

int saved_unpack(const struct saved_reader *reader, const json_t *from, const char *format, ...)
{
    json_error_t why;
    va_list args;
    int code;

    va_start(args, format);
    code = json_vunpack_ex((json_t *)from, &why, 0, format, args);
    va_end(args);
    return code ? saved_refuse(reader, "%s", why.text) : 0;
}

int saved_number(const struct saved_reader *reader, const json_t *from, const char *key,
                 uint64_t least, uint64_t most, uint32_t *number)
{
    const json_t *value = json_object_get(from, key);
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < (json_int_t)least || n > (json_int_t)most)
        return saved_refuse(reader, "%s is no number from %llu to %llu", key,
                            (unsigned long long)least, (unsigned long long)most);
    *number = (uint32_t)n;
    return 0;
}

int saved_number_or(const struct saved_reader *reader, const json_t *from, const char *key,
                    uint64_t least, uint64_t most, uint32_t absent, uint32_t *number)
{
    *number = absent;
    return json_object_get(from, key) ? saved_number(reader, from, key, least, most, number) : 0;
}

int saved_word(const struct saved_reader *reader, const json_t *from, uint64_t *word)
{
    const char *text = json_string_value(from);

    if (!text || strlen(text) != 16 || text[strspn(text, "0123456789abcdef")])
        return saved_refuse(reader, "a word is not 16 hexadecimal digits");
    *word = strtoull(text, NULL, 16);
    return 0;
}
