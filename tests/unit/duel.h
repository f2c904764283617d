/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A version and its control, with rates that are known, until the version is called worse. */
#ifndef FLOWSPLIT_UNIT_DUEL_H
#define FLOWSPLIT_UNIT_DUEL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "random.h"
#include "verdict.h"

#define DUEL_NEVER UINT64_MAX

/* Rates and shares at a moment of a step, which goes from 0 to 1. */
struct moment {
    double version_rate, control_rate;
    double version_share; /* of outcomes */
};

struct duel {
    struct verdict_test test;
    struct moment begin, end; /* between them it goes straight; the same: nothing changes */
    uint64_t most;            /* outcomes of the version; then it is over */
    unsigned stride;          /* looks after so many outcomes; 0: after every one, but for those at
                               * which nothing can have come of it */
};

/* Outcomes that may come until there is anything to look at. */
struct room {
    uint64_t good, bad;
    bool worse; /* called so already */
};

/* A term's logarithm if all outcomes count, which is no less than if some count in part. */
static inline double duel_term(const struct verdict_term *term, struct tally version,
                               struct tally control)
{
    return term->log_weight + (double)version.bad * term->version.bad +
           (double)(version.total - version.bad) * term->version.good +
           (double)control.bad * term->control.bad +
           (double)(control.total - control.bad) * term->control.good;
}

/* The threshold is divided among the terms, nine tenths of it as they stand, the rest equally: as
 * long as each is below its part, their sum is below it. Half of a term's way to there is left to
 * good outcomes, half to bad ones. */
static inline struct room duel_room(const struct verdict_test *test, struct tally version,
                                    struct tally control)
{
    struct room room = {.good = UINT32_MAX, .bad = UINT32_MAX};
    double logs[VERDICT_TERMS_MAX], sum = 0;

    for (size_t i = 0; i < test->term_count; i++) {
        logs[i] = duel_term(&test->terms[i], version, control);
        sum += exp(logs[i]);
    }
    for (size_t i = 0; i < test->term_count; i++) {
        const struct verdict_term *term = &test->terms[i];
        double part = 0.9 * exp(logs[i]) / sum + 0.1 / (double)test->term_count;
        double way = fmax(test->log_threshold + log(part) - logs[i], 0) / 2 * (1 - 1e-9);
        double good = fmax(term->version.good, term->control.good);
        double bad = fmax(term->version.bad, term->control.bad);

        if (way < good * (double)room.good)
            room.good = (uint64_t)(way / good);
        if (way < bad * (double)room.bad)
            room.bad = (uint64_t)(way / bad);
    }
    return room;
}

/* Shares of all 32-bit numbers. */
struct below {
    uint64_t version_rate, control_rate, version_share;
};

static inline struct below duel_below(const struct duel *duel, uint64_t version_total)
{
    const struct moment *begin = &duel->begin, *end = &duel->end;
    double there = 0x1p32 * (double)version_total / (double)duel->most, left = 0x1p32 - there;

    return (struct below){
        (uint64_t)(begin->version_rate * left + end->version_rate * there),
        (uint64_t)(begin->control_rate * left + end->control_rate * there),
        (uint64_t)(begin->version_share * left + end->version_share * there),
    };
}

static inline struct room duel_look(const struct duel *duel, struct tally version,
                                    struct tally control)
{
    struct room room = {0};

    if (verdict_look(&duel->test, version, control).verdict == VERDICT_WORSE)
        room.worse = true;
    else if (!duel->stride)
        room = duel_room(&duel->test, version, control);
    return room;
}

/* Returns how many outcomes the version had when it was called worse, or DUEL_NEVER. Counts in
 * plain variables: with sanitizers, what has an address costs. */
static inline uint64_t duel_run(const struct duel *duel, struct rng *rng)
{
    uint64_t total = 0, bad = 0, control_total = 0, control_bad = 0;
    uint64_t most = duel->most, stride = duel->stride, next = stride;
    struct rng random = *rng;
    struct below below = {0};
    struct room room = {0};

    while (total < most) {
        uint64_t number = rng_next(&random);
        bool is_version, is_bad;

        if (total % 64 == 0)
            below = duel_below(duel, total);
        is_version = number >> 32 < below.version_share;
        is_bad = (uint32_t)number < (is_version ? below.version_rate : below.control_rate);
        total += is_version;
        control_total += !is_version;
        bad += is_version && is_bad;
        control_bad += !is_version && is_bad;
        if (stride ? --next : is_bad ? room.bad : room.good) {
            room.bad -= is_bad;
            room.good -= !is_bad;
            continue;
        }
        next = stride;
        room =
            duel_look(duel, (struct tally){total, bad}, (struct tally){control_total, control_bad});
        if (room.worse)
            break;
    }
    *rng = random;
    return room.worse ? total : DUEL_NEVER;
}

#endif
