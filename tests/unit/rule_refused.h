/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a rule that can't be read is refused, whatever its kind. */
#ifndef FLOWSPLIT_UNIT_RULE_REFUSED_H
#define FLOWSPLIT_UNIT_RULE_REFUSED_H

#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"

struct refusal {
    const char *text;
    int column;
    const char *why; /* all that follows the column */
};

/* `code` and `err` are what parsing its text came to. */
static inline void assert_refused(const struct refusal *refusal, int code, const struct error *err)
{
    char place[32];
    const char *rest;

    if (code != -EINVAL)
        fail_msg("\"%s\" is not refused", refusal->text);
    snprintf(place, sizeof(place), "\", column %d: ", refusal->column);
    rest = assert_contains(err->text, place);
    assert_string_equal(rest + strlen(place), refusal->why);
    assert_memory_equal(err->text, "rule \"", 6);
}

#endif
