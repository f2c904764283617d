/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules of a guard, as users write them: `connect_failures > 1%`, `p99 connect_time > 20ms`.
 * And what a user is told about the signals they watch. Pure. */
#ifndef FLOWSPLIT_RULE_H
#define FLOWSPLIT_RULE_H

#include <flowsplit/guard.h>

#include "spec.h"

/* What is known of a signal. */
struct signal_info {
    const char *name;
    enum fs_signal_kind kind;
    enum fs_signal_needs needs;
    const char *outcome, *bad, *fake; /* see FS_SIGNALS */
};

extern const struct signal_info signal_infos[FS_SIGNAL_COUNT];

/* Reads `NAME > SHARE%` or `pQUANTILE NAME > DURATION`, either perhaps with `for DURATION` behind
 * it. Returns 0, or -EINVAL with *err saying what was wrong, at which column of the text, and what
 * is allowed. Leaves rule->place as it is. */
int rule_parse(const char *text, struct rule_spec *rule, struct error *err);

/* Do both watch the same signal with the same limit? */
bool rule_same(const struct rule_spec *a, const struct rule_spec *b);

/* The declaration of a rule that the data path has. */
struct rule_spec rule_declared(const struct fs_rule *rule);

enum {
    RULE_TEXT_MAX = 128 /* room for any formatted rule and its terminator */
};

/* Written so that rule_parse() reads it back. buf holds RULE_TEXT_MAX. Returns buf. */
const char *rule_format(const struct rule_spec *rule, char *buf);

/* The same of a rule that the data path has. */
const char *rule_text(const struct fs_rule *rule, char *buf);

#endif
