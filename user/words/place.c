// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where in a file something stands. */
#include "place.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int place_refuse(struct place at, struct error *err, const char *format, ...)
{
    struct error what;
    va_list args;

    va_start(args, format);
    vsnprintf(what.text, sizeof(what.text), format, args);
    va_end(args);
    /* A path may be longer than a message: leave room for what was wrong. */
    return error_set(err, -EINVAL, "%.400s:%d:%d: %s", at.file, at.line, at.column, what.text);
}
