/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules by which a rollout compares its version with the control: `connect_failures <= baseline
 * + 0.5%`, `p99 response_time <= 1.25x baseline`. Pure. */
#ifndef FLOWSPLIT_COMPARE_H
#define FLOWSPLIT_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/signals.h>

#include "error.h"
#include "place.h"

/* `[pQUANTILE] SIGNAL <= [FACTORx] baseline [+ MARGIN]`. */
struct compare_rule {
    enum fs_signal signal;
    unsigned share_ppm;     /* times: 1 - quantile, in millionths; else 0 */
    unsigned factor_millis; /* 1000 is 1x, and what it is when not given; at least 1000 */
    unsigned margin_ppm;    /* shares: of outcomes, in millionths; else 0 */
    uint64_t margin_ns;     /* times; else 0 */
    struct place place;     /* no file when not from one */
};

/* Reads a rule. Returns 0, or -EINVAL with *err saying what was wrong, at which column of the text,
 * and what is allowed. Leaves rule->place as it is. */
int compare_parse(const char *text, struct compare_rule *rule, struct error *err);

enum {
    COMPARE_TEXT_MAX = 112 /* room for any formatted rule and its terminator */
};

/* Do both say the same, wherever they stand? */
bool compare_same(const struct compare_rule *a, const struct compare_rule *b);

/* Written so that compare_parse() reads it back. buf holds COMPARE_TEXT_MAX. Returns buf. */
const char *compare_format(const struct compare_rule *rule, char *buf);

#endif
