/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every unit test includes: cmocka with all it needs first, and tests named by sentences. */
#ifndef FLOWSPLIT_UNIT_H
#define FLOWSPLIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An entry of a struct CMUnitTest array: what the test shows, and its function. */
#define TEST(sentence, fn)             \
    {                                  \
        sentence, fn, NULL, NULL, NULL \
    }

/* The same for a function that gets one row of a table, as its *state. */
#define TEST_ROW(sentence, fn, row)   \
    {                                 \
        sentence, fn, NULL, NULL, row \
    }

/* Where `part` begins in `text`, which must have it. */
static inline const char *assert_contains(const char *text, const char *part)
{
    const char *found = strstr(text, part);

    if (!found)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    return found;
}

#endif
