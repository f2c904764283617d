/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a message that refuses a rule must look like, whatever the rule. */
#ifndef FLOWSPLIT_FUZZ_RULE_MESSAGE_H
#define FLOWSPLIT_FUZZ_RULE_MESSAGE_H

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "fuzz.h"

/* One line of printable text, with a column that is in the rule's text. */
static inline void expect_message(const char *text, const struct error *err)
{
    const char *column = strstr(err->text, "\", column ");
    int number;

    EXPECT(strncmp(err->text, "rule \"", 6) == 0 && column);
    EXPECT(strlen(err->text) < sizeof(err->text) - 1);
    for (const char *at = err->text; *at; at++)
        EXPECT(*at >= ' ' && *at <= '~');
    /* The text may look like that, too; then this is not what it seems. */
    if (strstr(text, "column"))
        return;
    EXPECT(sscanf(column, "\", column %d: ", &number) == 1);
    EXPECT(number >= 1 && (size_t)number <= strlen(text) + 1);
}

#endif
