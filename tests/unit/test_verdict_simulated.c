// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the verdict promises, tried out: versions that are no worse are hardly ever called worse,
 * however often one looks; worse ones soon. Prints how often, and how soon. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "duel.h"
#include "random.h"
#include "verdict.h"

static const struct question usual = {
    .factor = 1,
    .alpha = 0.01,
    .evidence = 500,
    .version_buckets = 100,
    .control_buckets = 100,
};

/* A duel that has as many outcomes of either side as its buckets let expect. */
static struct duel duel(const struct question *question, double version, double control,
                        uint64_t most)
{
    struct duel duel = {.begin = {.version_rate = version, .control_rate = control}, .most = most};

    verdict_prepare(&duel.test, question);
    duel.begin.version_share =
        question->version_buckets / (double)(question->version_buckets + question->control_buckets);
    duel.end = duel.begin;
    return duel;
}

/* --- false alarms --- */

static unsigned count_worse(const struct duel *duel, unsigned runs, uint64_t seed)
{
    struct rng rng = {seed};
    unsigned worse = 0;

    for (unsigned i = 0; i < runs; i++)
        worse += duel_run(duel, &rng) != DUEL_NEVER;
    return worse;
}

/* Prints what was found, and fails if it was more than one in a hundred. */
static void expect_rare(const struct duel *duel, const char *what, unsigned runs, uint64_t seed)
{
    unsigned worse = count_worse(duel, runs, seed);

    printf("#   %-60s %6llu %6u   %.2f%%\n", what, (unsigned long long)duel->most, runs,
           100.0 * worse / runs);
    if (worse > runs / 100)
        fail_msg("%s: %u of %u called worse", what, worse, runs);
}

static void print_false_alarm_head(const char *what)
{
    printf("# %-62s %6s %6s  worse\n", what, "a side", "steps");
}

static void test_equal(void **state)
{
    static const struct {
        double rate;
        uint64_t most;
    } rows[] = {{0.001, 2000}, {0.01, 3000}, {0.1, 1000}, {0.5, 1000}};

    (void)state;
    print_false_alarm_head("version equal to its control");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct question question = usual;
        struct duel equal;
        char what[128];

        question.base_rate = rows[i].rate;
        equal = duel(&question, rows[i].rate, rows[i].rate, rows[i].most);
        snprintf(what, sizeof(what), "both %g%%", 100 * rows[i].rate);
        expect_rare(&equal, what, 10000, i);
    }
}

static void test_edge(void **state)
{
    static const struct {
        double factor, margin, rate;
    } rows[] = {{1, 0.005, 0.01}, {1.25, 0, 0.01}, {1.25, 0.005, 0.1}, {2, 0, 0.001}};

    (void)state;
    print_false_alarm_head("version exactly as bad as it may be");
    for (size_t i = 0; i < COUNT(rows); i++) {
        double edge = rows[i].factor * rows[i].rate + rows[i].margin;
        struct question question = usual;
        struct duel at_edge;
        char what[128];

        question.factor = rows[i].factor;
        question.margin = rows[i].margin;
        question.base_rate = rows[i].rate;
        at_edge = duel(&question, edge, rows[i].rate, 2500);
        snprintf(what, sizeof(what), "<= %gx baseline + %g%%: %g%% and %g%%", rows[i].factor,
                 100 * rows[i].margin, 100 * rows[i].rate, 100 * edge);
        expect_rare(&at_edge, what, 2000, i);
    }
}

static void test_other_shares(void **state)
{
    struct question question = usual;
    struct duel equal;

    (void)state;
    print_false_alarm_head("sides of unequal size, both 1%");
    question.base_rate = 0.01;
    question.control_buckets = 300;
    equal = duel(&question, 0.01, 0.01, 2500);
    expect_rare(&equal, "buckets 1:3", 2000, 1);
    question.version_buckets = 900;
    equal = duel(&question, 0.01, 0.01, 2500);
    expect_rare(&equal, "buckets 3:1", 2000, 2);
}

static void test_wrong_base_rates(void **state)
{
    static const double told[] = {0, 0.002, 0.05, 1};

    (void)state;
    print_false_alarm_head("both 1%, and the base rate a wrong guess");
    for (size_t i = 0; i < COUNT(told); i++) {
        struct question question = usual;
        struct duel equal;
        char what[128];

        question.base_rate = told[i];
        equal = duel(&question, 0.01, 0.01, 2500);
        snprintf(what, sizeof(what), "told %g%%", 100 * told[i]);
        expect_rare(&equal, what, 2000, i);
    }
}

/* As with connections that live long: one side has more outcomes than its share of buckets, or
 * comes to have it. */
static void test_shares_that_differ(void **state)
{
    static const struct {
        double begin, end, rate, told;
    } rows[] = {
        {0.67, 0.67, 0.01, 0.05}, {0.33, 0.33, 0.01, 0.002}, {0.9, 0.9, 0.1, 0.02},
        {0.1, 0.9, 0.1, 0.02},    {0.9, 0.1, 0.1, 0.5},
    };

    (void)state;
    print_false_alarm_head("outcomes out of proportion, looked at after every tenth");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct question question = usual;
        struct duel uneven;
        char what[128];

        question.base_rate = rows[i].told;
        uneven = duel(&question, rows[i].rate, rows[i].rate, 1000);
        uneven.stride = 10;
        uneven.begin.version_share = rows[i].begin;
        uneven.end.version_share = rows[i].end;
        snprintf(what, sizeof(what), "both %g%%, told %g%%, version has %g%% to %g%% of all",
                 100 * rows[i].rate, 100 * rows[i].told, 100 * rows[i].begin, 100 * rows[i].end);
        expect_rare(&uneven, what, 1000, i);
    }
}

static void test_rates_that_change(void **state)
{
    struct question question = usual;
    struct duel changing;

    (void)state;
    print_false_alarm_head("rates that change with the hour, for both");
    question.base_rate = 0.01;
    changing = duel(&question, 0.001, 0.001, 2500);
    changing.end.version_rate = changing.end.control_rate = 0.2;
    expect_rare(&changing, "0.1% to 20%", 2000, 1);
    changing = duel(&question, 0.5, 0.5, 2500);
    changing.end.version_rate = changing.end.control_rate = 0;
    expect_rare(&changing, "50% to 0%", 2000, 2);
}

static void test_room(void **state)
{
    static const double version_rates[] = {0.01, 0.02, 0.1};

    (void)state;
    for (size_t i = 0; i < COUNT(version_rates); i++) {
        struct question question = usual;
        struct rng one = {7}, other = {7};
        struct duel some, each;

        question.base_rate = 0.01;
        some = duel(&question, version_rates[i], 0.01, 1000);
        each = some;
        each.stride = 1;
        for (int k = 0; k < 30; k++) {
            assert_true(duel_run(&some, &one) == duel_run(&each, &other));
            assert_true(one.state == other.state);
        }
    }
}

/* --- how soon --- */

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

struct delay {
    double mean;          /* of those that were called worse */
    uint64_t median, p90; /* 0: not within the step */
    double worse;         /* share of steps */
};

enum { RUNS_MAX = 1000 };

static struct delay measure(const struct duel *duel, size_t runs, uint64_t seed)
{
    uint64_t delays[RUNS_MAX] = {0};
    struct delay delay = {0};
    struct rng rng = {seed};
    size_t worse = 0;

    for (size_t i = 0; i < runs; i++) {
        delays[i] = duel_run(duel, &rng);
        if (delays[i] == DUEL_NEVER)
            continue;
        delay.mean += (double)delays[i];
        worse++;
    }
    qsort(delays, runs, sizeof(*delays), ascending);
    delay.mean /= worse ? (double)worse : 1;
    delay.median = delays[runs / 2] == DUEL_NEVER ? 0 : delays[runs / 2];
    delay.p90 = delays[runs * 9 / 10] == DUEL_NEVER ? 0 : delays[runs * 9 / 10];
    delay.worse = (double)worse / (double)runs;
    return delay;
}

static double kl(double p, double q)
{
    return (p > 0 ? p * log(p / q) : 0) + (p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0);
}

/* Wald's: how few outcomes of the version, on average, any test can do with that keeps the promise.
 * That is at the pair of rates that is no worse and hardest to tell from the true one, which is
 * looked for here from a thousand places and then nearby. */
static double fewest(const struct question *question, double version, double control)
{
    double ratio = (double)question->control_buckets / question->version_buckets;
    double low = 0, high = 1, best = HUGE_VAL, at = 0, around;

    for (int round = 0; round < 6; round++) {
        for (int i = 1; i < 1000; i++) {
            double rate = low + (high - low) * i / 1000;
            double edge = question->factor * rate + question->margin;
            double far = edge < 1 ? kl(version, edge) + ratio * kl(control, rate) : HUGE_VAL;

            if (far < best) {
                best = far;
                at = rate;
            }
        }
        around = (high - low) / 500;
        high = fmin(at + around, 1);
        low = fmax(at - around, 0);
    }
    return -log(question->alpha) / best;
}

/* One row of the table. */
static const struct contest {
    double control, version; /* rates */
    double told;
    double factor, margin;
    unsigned control_buckets; /* for 100 of the version */
    double at_most;           /* what is promised of the mean; 0: nothing */
    size_t runs;
} contests[] = {
    {0.01, 0.015, 0.01, 1, 0, 100, 0, 100},      {0.01, 0.02, 0.01, 1, 0, 100, 3000, RUNS_MAX},
    {0.01, 0.03, 0.01, 1, 0, 100, 1100, 400},    {0.01, 0.05, 0.01, 1, 0, 100, 410, RUNS_MAX},
    {0.01, 0.1, 0.01, 1, 0, 100, 160, 400},      {0.01, 1, 0.01, 1, 0, 100, 12, 400},
    {0.01, 0.02, 0, 1, 0, 100, 3200, 400},       {0.01, 0.02, 0.002, 1, 0, 100, 3200, 400},
    {0.01, 0.02, 0.05, 1, 0, 100, 3500, 400},    {0.01, 0.05, 0, 1, 0, 100, 450, 400},
    {0.01, 0.05, 0.002, 1, 0, 100, 450, 400},    {0.01, 0.05, 0.05, 1, 0, 100, 450, 400},
    {0.001, 0.005, 0.001, 1, 0, 100, 4200, 400}, {0.1, 0.2, 0.1, 1, 0, 100, 310, 400},
    {0.5, 0.6, 0.5, 1, 0, 100, 1100, 400},       {0.01, 0.03, 0.01, 1, 0.005, 100, 1900, 400},
    {0.01, 0.05, 0.01, 1, 0.005, 100, 520, 400}, {0.01, 0.05, 0.01, 2, 0.001, 100, 0, 400},
    {0.01, 0.02, 0.01, 1, 0, 200, 2300, 400},    {0.01, 0.05, 0.01, 1, 0, 200, 300, 400},
};

enum { MOST = 50000 };

static void test_worse(void **state)
{
    (void)state;
    printf("# %-8s %-7s %-6s %-22s %-7s | outcomes of the version until worse | called\n",
           "baseline", "version", "told", "rule: <=", "control");
    printf("# %-8s %-7s %-6s %-22s %-7s | %8s %8s %8s %8s | worse\n", "", "", "", "", "size",
           "fewest", "mean", "median", "p90");
    for (size_t i = 0; i < COUNT(contests); i++) {
        const struct contest *row = &contests[i];
        struct question question = usual;
        struct delay delay;
        struct duel worse;
        char rule[64];

        question.factor = row->factor;
        question.margin = row->margin;
        question.base_rate = row->told;
        question.control_buckets = row->control_buckets;
        worse = duel(&question, row->version, row->control, MOST);
        delay = measure(&worse, row->runs, 1);
        snprintf(rule, sizeof(rule), "%gx baseline + %g%%", row->factor, 100 * row->margin);
        printf("# %7g%% %6g%% %5g%% %-22s %6ux | %8.0f %8.0f %8llu %8llu | %5.1f%%\n",
               100 * row->control, 100 * row->version, 100 * row->told, rule,
               row->control_buckets / 100, fewest(&question, row->version, row->control),
               delay.mean, (unsigned long long)delay.median, (unsigned long long)delay.p90,
               100 * delay.worse);
        assert_true(!row->at_most || (delay.worse == 1 && delay.mean <= row->at_most));
    }
}

/* --- times --- */

/* The share of times above a limit, where times are log-normal with this median and sigma 0.8. */
static double share_above(double limit, double median)
{
    return erfc(log(limit / median) / (0.8 * sqrt(2))) / 2;
}

/* `p99 response_time <= 1.25x baseline`: the baseline's p99 as the step begins is the control's
 * limit, 1.25 times that the version's; and then it is two shares of exchanges. */
static void test_times(void **state)
{
    static const struct {
        double slower, at_most;
    } rows[] = {{1, 0}, {1.25, 0}, {1.5, 9000}, {2, 1000}, {4, 200}};
    double p99 = exp(0.8 * 2.3263478740408408);
    struct question question = usual;

    (void)state;
    question.base_rate = 0.01;
    printf("# p99 response_time <= 1.25x baseline; the control's median is 1, its p99 %.2f\n", p99);
    printf("# version is  above its limit | exchanges until worse: mean, median, p90 | worse\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        double slow = share_above(1.25 * p99, rows[i].slower);
        struct duel times =
            duel(&question, slow, share_above(p99, 1), rows[i].at_most ? MOST : 2500);
        struct delay delay = measure(&times, 400, 3);

        printf("# %5gx as slow %12.2f%% | %27.0f %8llu %8llu | %5.1f%%\n", rows[i].slower,
               100 * slow, delay.mean, (unsigned long long)delay.median,
               (unsigned long long)delay.p90, 100 * delay.worse);
        if (rows[i].at_most)
            assert_true(delay.worse == 1 && delay.mean <= rows[i].at_most);
        else
            assert_true(delay.worse <= 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("looking only where something can come of it finds the same", test_room),
        TEST("equal versions are called worse once in a hundred steps at most", test_equal),
        TEST("versions as bad as they may be, too", test_edge),
        TEST("with a larger or smaller control, too", test_other_shares),
        TEST("with a wrong guess of the base rate, too", test_wrong_base_rates),
        TEST("with outcomes out of proportion, too", test_shares_that_differ),
        TEST("with rates that change for both, too", test_rates_that_change),
        TEST("worse versions are called so nearly as soon as any test can", test_worse),
        TEST("quantiles are compared as shares of two limits", test_times),
    };

    return cmocka_run_group_tests_name("verdict_simulated", tests, NULL, NULL);
}
