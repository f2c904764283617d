/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The guard's arithmetic: what a rule makes of an outcome. One text, compiled for the data path,
 * for `guard test` and for the tests.
 *
 * Each rule watches outcomes, good or bad, of which a share p0 may be bad. It keeps CUSUM scores
 * (Page, "Continuous inspection schemes", Biometrika 41, 1954), one for each of three rates p1 that
 * it wants to notice: twice the limit, eight times the limit, and one half. An outcome adds the
 * logarithm of its likelihood ratio, ln(p1/p0) if it is bad and ln((1-p1)/(1-p0)) if it is good; no
 * score falls below zero; one that reaches the threshold trips. With threshold h, a stream that is
 * exactly at its limit takes at least exp(h) outcomes on average until one score trips by chance,
 * or exp(h) / sum(p1) where the three p1 come to more than 1 (Lorden, "Procedures for reacting to a
 * change in distribution", 1971; user/rules/guard.c). */
#ifndef FLOWSPLIT_GUARD_H
#define FLOWSPLIT_GUARD_H

#include <linux/types.h>

#include "hash.h"
#include "signals.h"

#define FS_MAX_RULES 16        /* per service */
#define FS_BANKS     3         /* scores of a rule */
#define FS_SCORE_ONE (1 << 24) /* a score of 1.0, in natural logarithms */
#define FS_SHARE_ONE 1000000   /* shares are in millionths */
#define FS_CELLS     128       /* of the clients that gave bad outcomes, see fs_score */
#define FS_CELL_MAX  250       /* bad outcomes of a cell that are counted */
#define FS_CLIENTS   64        /* the most that a guard can ask for */

/* What one score makes of an outcome, in units of 1/FS_SCORE_ONE. */
struct fs_steps {
    __s64 bad;  /* > 0 */
    __s64 good; /* < 0 */
};

/* A rule, as the data path needs it. */
struct fs_rule {
    __u32 signal;    /* enum fs_signal */
    __u32 share_ppm; /* of outcomes that may be bad, in millionths */
    __u64 limit_ns;  /* for times: an outcome is bad if it took longer; else 0 */
    __s64 threshold; /* in units of 1/FS_SCORE_ONE; no score rises above it */
    struct fs_steps steps[FS_BANKS];
    __u64 hold_ns;       /* how long the evidence must have stood; 0: not at all */
    __u8 most[FS_BANKS]; /* bad outcomes of one client that count, for each score */
    __u8 clients;        /* that must have given bad outcomes; with 1, `most` is no matter */
    __u32 zero;
};

_Static_assert(sizeof(struct fs_rule) == 88, "fs_rule is part of the ABI");

/* The score number `bank` after one more outcome. */
static __always_inline __s64 fs_score_next(const struct fs_rule *rule, int bank, __s64 score,
                                           int bad)
{
    score += bad ? rule->steps[bank].bad : rule->steps[bank].good;
    if (score < 0)
        return 0;
    return score < rule->threshold ? score : rule->threshold;
}

/* The score after `count` good outcomes in a row. */
static __always_inline __s64 fs_score_good(const struct fs_steps *steps, __s64 score, __u32 count)
{
    score += steps->good * count;
    return score < 0 ? 0 : score;
}

enum fs_on_trip { FS_TRIP_WITHDRAW, FS_TRIP_REPORT };

/* What becomes of the live flows of a withdrawn version. */
enum fs_live_flows {
    FS_LIVE_KEEP,  /* they stay */
    FS_LIVE_DRAIN, /* for a time, then as CUT */
    FS_LIVE_CUT,   /* their next packet goes to the baseline, whose host resets them */
};

/* How a service is guarded. */
struct fs_guard {
    __u32 rule_count;
    __u8 on_trip;              /* enum fs_on_trip */
    __u8 live_flows;           /* enum fs_live_flows */
    __u8 clients;              /* as in each of its rules */
    __u8 worse_than_baseline;  /* 1: while the baseline breaks a rule, that rule only reports */
    __u32 live_ticks;          /* for DRAIN */
    __u32 close_wait_after_ms; /* how long a socket may stay in CLOSE_WAIT */
    __u32 false_alarm_ppb;     /* once in so many outcomes by chance: in billionths */
    __u32 edition;             /* of the rules: scores of another one count as zero */
    __u32 recover_ticks;       /* what a rule withdraws is back after that, doubled each time */
    __u32 recover_at_most;     /* so often; 0: never */
    struct fs_rule rules[FS_MAX_RULES];
};

_Static_assert(sizeof(struct fs_guard) == 32 + FS_MAX_RULES * 88, "fs_guard is part of the ABI");

#endif
