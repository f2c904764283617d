/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is a version worse than the control? A sequential test of two streams of yes/no outcomes, valid
 * however often one looks. Pure: a function of the counts so far, so that whoever has these (the
 * controller, after a restart too; `rollout status`; a test) reaches the same verdict. */
#ifndef FLOWSPLIT_VERDICT_H
#define FLOWSPLIT_VERDICT_H

#include <stddef.h>
#include <stdint.h>

/* Outcomes of one side since the comparison began. */
struct tally {
    uint64_t total;
    uint64_t bad;
};

/* What is asked: is the version's share of bad outcomes at most `factor` times the control's plus
 * `margin`? */
struct question {
    double factor;            /* >= 1 */
    double margin;            /* a share, 0..1 */
    double base_rate;         /* the share the baseline has shown before; a guess, 0..1: it decides
                               * how soon a verdict is reached, never whether it is right */
    double alpha;             /* how often "worse" may be wrong, however often one looks; 0..1 */
    uint64_t evidence;        /* outcomes wanted on either side before "no worse" is said */
    unsigned version_buckets; /* the sides' shares of new flows */
    unsigned control_buckets;
};

enum verdict {
    VERDICT_OPEN,     /* not enough evidence yet */
    VERDICT_NO_WORSE, /* better, or equal within the margin */
    VERDICT_WORSE,
};

/* An answer, and how it came about. */
struct answer {
    enum verdict verdict;
    double log_e;         /* evidence that it is worse: natural logarithm of the e-value */
    double log_threshold; /* "worse" from here on: ln(1/alpha) */
    uint64_t missing;     /* OPEN: outcomes of the version still wanted; 0: not known */
};

struct answer verdict_ask(const struct question *question, struct tally version,
                          struct tally control);

/* --- the same for whoever asks one question often --- */

enum { VERDICT_TERMS_MAX = 48 };

/* What one pair of rates that would be worse makes of an outcome: the logarithm of its likelihood
 * ratio to the nearest pair that would not. */
struct verdict_term {
    double log_weight;
    struct {
        double good, bad;
    } version, control;
};

/* A question made ready. */
struct verdict_test {
    struct question question;
    double log_threshold;
    size_t term_count; /* 0: nothing could be worse, or there is nothing to compare with */
    struct verdict_term terms[VERDICT_TERMS_MAX];
};

void verdict_prepare(struct verdict_test *test, const struct question *question);

struct answer verdict_look(const struct verdict_test *test, struct tally version,
                           struct tally control);

#endif
