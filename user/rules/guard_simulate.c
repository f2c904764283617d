// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Simulated outcomes for a rule: from one bad outcome to the next, as the good ones between them
 * can be counted at once. */
#include "guard_simulate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "guard.h"

/* Of each kind: how many excursions are tried, unless they take more than so many bad outcomes, and
 * how few are too few. */
enum { EXCURSIONS = 10000, EFFORT = 300 * 1000, ENOUGH = 500 };

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is a good one. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* A stream of outcomes. */
struct stream {
    uint64_t random;
    double log_good; /* ln(1 - rate); -inf if all are bad */
};

static struct stream stream_begin(double rate, uint64_t seed)
{
    return (struct stream){.random = seed, .log_good = log1p(-rate)};
}

/* How many good outcomes come before the next bad one: geometrically distributed, and far below
 * 2^32 for any rate that a limit can have. */
static uint32_t stream_good(struct stream *stream)
{
    double uniform = (double)((next_random(&stream->random) >> 11) + 1) * 0x1p-53; /* (0, 1] */
    double good = floor(log(uniform) / stream->log_good);

    return good < UINT32_MAX ? (uint32_t)good : UINT32_MAX;
}

/* The first score that trips by one more bad outcome after `good` good ones, or -1. */
static int scores_advance(const struct fs_rule *rule, __s64 score[FS_BANKS], uint32_t good)
{
    int first = -1;

    for (int i = 0; i < FS_BANKS; i++) {
        score[i] = fs_score_good(&rule->steps[i], score[i], good);
        score[i] = fs_score_next(rule, i, score[i], 1);
        if (first < 0 && score[i] >= rule->threshold)
            first = i;
    }
    return first;
}

static uint64_t run(const struct fs_rule *rule, struct stream *stream, uint64_t most)
{
    __s64 score[FS_BANKS] = {0};
    uint64_t outcomes = 0;
    bool tripped = false;

    while (!tripped) {
        uint32_t good = stream_good(stream);

        outcomes += good + 1ULL;
        if (outcomes > most)
            return GUARD_NEVER;
        tripped = scores_advance(rule, score, good) >= 0;
    }
    return outcomes;
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

void guard_simulate(const struct fs_rule *rule, double rate, uint64_t seed, uint64_t most,
                    uint64_t *trips, size_t count)
{
    struct stream stream = stream_begin(rate, seed);

    for (size_t i = 0; i < count; i++)
        trips[i] = run(rule, &stream, most);
    qsort(trips, count, sizeof(*trips), ascending);
}

/* --- false alarms --- */

/* A score leaves zero by a bad outcome, and its excursion ends at zero again or when it trips, or
 * when another score does so before it. */
struct excursion {
    uint64_t bad, good; /* outcomes */
    bool tripped;       /* this score did, and none before it */
};

/* One of `own`, given up after `most` bad outcomes. The others begin at zero, too, so they trip
 * rather too late here. */
static struct excursion excursion_run(const struct fs_rule *rule, int own, struct stream *stream,
                                      uint64_t most)
{
    struct excursion excursion = {.bad = 1};
    __s64 score[FS_BANKS] = {0}, fall = -rule->steps[own].good;
    int first = scores_advance(rule, score, 0);

    while (first < 0 && excursion.bad < most) {
        uint64_t to_zero = (uint64_t)((score[own] + fall - 1) / fall);
        uint32_t good = stream_good(stream);

        if (good >= to_zero) {
            excursion.good += to_zero;
            return excursion;
        }
        excursion.good += good;
        excursion.bad++;
        first = scores_advance(rule, score, good);
    }
    excursion.tripped = first == own;
    return excursion;
}

/* How much likelier than at the limit an excursion is at a rate, after its first outcome. */
static double likelihood(const struct excursion *excursion, double limit, double rate)
{
    return exp((double)(excursion->bad - 1) * log(rate / limit) +
               (double)excursion->good * log((1 - rate) / (1 - limit)));
}

/* Outcomes in an excursion at the limit, on average. Sets *excursions to how many were tried. */
static double mean_outcomes(const struct fs_rule *rule, int own, double limit, uint64_t seed,
                            int *excursions)
{
    struct stream stream = stream_begin(limit, seed);
    double outcomes = 0;
    uint64_t effort = 0;

    for (*excursions = 0; *excursions < EXCURSIONS && effort < EFFORT; ++*excursions) {
        struct excursion excursion = excursion_run(rule, own, &stream, EFFORT - effort);

        effort += excursion.bad;
        outcomes += (double)(excursion.bad + excursion.good);
    }
    return outcomes / *excursions;
}

/* The share of excursions at the limit that trip. They are too rare to wait for: instead, outcomes
 * come at the rate that the score is made to notice, where many trip, and by turns at one between
 * that and the limit, as when few bad outcomes are enough. Each counts by how much less likely it
 * is at the limit (importance sampling as for sequential tests, Siegmund 1976; from several sources
 * by the balance heuristic, Veach and Guibas 1995). */
static double tripping_share(const struct fs_rule *rule, int own, double limit, double rate,
                             uint64_t seed, int *excursions)
{
    double rates[] = {rate, sqrt(rate * limit)}, share = 0;
    struct stream streams[] = {stream_begin(rates[0], seed), stream_begin(rates[1], seed + 1)};
    uint64_t effort = 0;

    for (*excursions = 0; *excursions < EXCURSIONS && effort < EFFORT; ++*excursions) {
        struct excursion excursion =
            excursion_run(rule, own, &streams[*excursions & 1], EFFORT - effort);

        effort += excursion.bad;
        if (excursion.tripped)
            share += 2 / (likelihood(&excursion, limit, rates[0]) +
                          likelihood(&excursion, limit, rates[1]));
    }
    return share / *excursions;
}

double guard_false_alarm_every(const struct fs_rule *rule, uint64_t seed)
{
    double limit = (double)rule->share_ppm / FS_SHARE_ONE, rates[FS_BANKS], alarms = 0, sum = 0;
    bool enough = true;

    guard_rates(rule->share_ppm, rates);
    for (int i = 0; i < FS_BANKS; i++) {
        int common, rare;
        double outcomes = mean_outcomes(rule, i, limit, seed + 3 * (uint64_t)i, &common);
        double share = tripping_share(rule, i, limit, rates[i], seed + 3 * (uint64_t)i + 1, &rare);

        /* At zero there follows a good outcome, or an excursion. */
        alarms += limit * share / (1 - limit + limit * outcomes);
        sum += rates[i];
        enough = enough && common >= ENOUGH && rare >= ENOUGH;
    }
    return enough ? 1 / alarms : exp((double)rule->threshold / FS_SCORE_ONE) / sum;
}
