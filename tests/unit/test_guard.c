// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The guard's arithmetic, as the data path does it: the figures that the design gives, and that the
 * false-alarm rate is a promise. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include <flowsplit/steer.h>

#include "guard.h"
#include "guard_simulate.h"
#include "random.h"

#define ONE_PERCENT 10000

static struct fs_rule rule(unsigned share_ppm, unsigned false_alarm_ppb)
{
    struct guard_spec spec = {.rule_count = 1, .false_alarm_ppb = false_alarm_ppb};
    struct fs_guard guard;

    spec.rules[0].share_ppm = share_ppm;
    guard_build(&spec, &guard);
    return guard.rules[0];
}

/* --- steps and thresholds --- */

/* Every limit there is: all below 2000 and above 998000, and one in 37 between. */
static unsigned next_share(unsigned share)
{
    return share + (share > 2000 && share < FS_SHARE_ONE - 2000 ? 37 : 1);
}

static void test_rates(void **state)
{
    double rates[FS_BANKS];

    (void)state;
    guard_rates(ONE_PERCENT, rates);
    assert_true(fabs(rates[0] - 0.02) < 1e-12 && fabs(rates[1] - 0.08) < 1e-12);
    assert_true(rates[2] == 0.5);
    for (unsigned share = 1; share < FS_SHARE_ONE; share = next_share(share)) {
        double limit = share / 1e6;

        guard_rates(share, rates);
        for (int i = 0; i < FS_BANKS; i++)
            assert_true(rates[i] > limit && rates[i] < 1);
        assert_true(rates[0] <= 2 * limit && rates[0] >= fmin(2 * limit, (1 + limit) / 2) - 1e-12);
        assert_true(rates[1] <= 8 * limit);
    }
}

/* At the limit e^score must not grow on average, or the promise doesn't hold; at the rates that are
 * to be noticed the score must. And rounding costs less than a unit. */
static void test_steps(void **state)
{
    (void)state;
    for (unsigned share = 1; share < FS_SHARE_ONE; share = next_share(share)) {
        struct fs_rule built = rule(share, 1000);
        double limit = share / 1e6, rates[FS_BANKS];

        guard_rates(share, rates);
        for (int i = 0; i < FS_BANKS; i++) {
            double bad = (double)built.steps[i].bad, good = (double)built.steps[i].good;
            double rate = rates[i];

            assert_true(bad > 0 && good < 0);
            assert_true(rate * bad + (1 - rate) * good > 0);
            assert_true(limit * exp(bad / FS_SCORE_ONE) + (1 - limit) * exp(good / FS_SCORE_ONE) <=
                        1 + 1e-15);
            assert_true(log(rate / limit) * FS_SCORE_ONE - bad < 1.001);
            assert_true(log((1 - rate) / (1 - limit)) * FS_SCORE_ONE - good < 1.001);
        }
    }
}

static void test_thresholds(void **state)
{
    static const unsigned rates_ppb[] = {1, 1000, 100000000, 500000000};

    (void)state;
    for (size_t k = 0; k < COUNT(rates_ppb); k++)
        for (unsigned share = 1; share < FS_SHARE_ONE; share = next_share(share)) {
            double threshold = (double)rule(share, rates_ppb[k]).threshold / FS_SCORE_ONE;
            double rates[FS_BANKS], sum, promised = 1e9 / rates_ppb[k];

            guard_rates(share, rates);
            sum = rates[0] + rates[1] + rates[2];
            assert_true(exp(threshold) / fmax(sum, 1) >= promised * (1 - 1e-12));
            assert_true(exp(threshold) / fmax(sum, 1) <= promised * (1 + 1e-7));
            if (share <= 5 * ONE_PERCENT)
                assert_true(fabs(threshold - log(promised)) < 1e-6);
        }
}

static void test_build(void **state)
{
    struct guard_spec spec = {.rule_count = 2,
                              .false_alarm_ppb = 5000,
                              .on_trip = FS_TRIP_REPORT,
                              .live_flows = FS_LIVE_DRAIN,
                              .live_ms = 90000,
                              .close_wait_after_ms = 2000,
                              .clients = 3,
                              .worse_than_baseline = true,
                              .recover_ms = 30000,
                              .recover_at_most = 5};
    struct fs_guard guard, again;

    (void)state;
    spec.rules[0] = (struct rule_spec){.signal = FS_SIGNAL_RESETS, .share_ppm = 20000};
    spec.rules[1] = (struct rule_spec){
        .signal = FS_SIGNAL_CONNECT_TIME, .share_ppm = 1000, .limit_ns = 20000000};
    memset(&guard, 0x55, sizeof(guard));
    memset(&again, 0xaa, sizeof(again));
    guard_build(&spec, &guard);
    spec.rules[0].place.line = 7;
    guard_build(&spec, &again);
    assert_memory_equal(&guard, &again, sizeof(guard));
    assert_int_equal(guard.rule_count, 2);
    assert_int_equal(guard.on_trip, FS_TRIP_REPORT);
    assert_int_equal(guard.live_flows, FS_LIVE_DRAIN);
    assert_true((guard.live_ticks - 1) * (double)FS_TICK_NS >= 90e9);
    assert_true((guard.live_ticks - 2) * (double)FS_TICK_NS < 90e9);
    assert_int_equal(guard.close_wait_after_ms, 2000);
    assert_int_equal(guard.false_alarm_ppb, 5000);
    assert_int_equal(guard.edition, 0);
    assert_int_equal(guard.rules[0].signal, FS_SIGNAL_RESETS);
    assert_int_equal(guard.rules[0].share_ppm, 20000);
    assert_int_equal(guard.rules[0].limit_ns, 0);
    assert_int_equal(guard.rules[1].signal, FS_SIGNAL_CONNECT_TIME);
    assert_int_equal(guard.rules[1].limit_ns, 20000000);
    assert_int_equal(guard.rules[2].threshold, 0);
    assert_int_equal(guard.clients, 3);
    assert_int_equal(guard.worse_than_baseline, 1);
    assert_int_equal(guard.recover_ticks, fs_ticks(30000));
    assert_int_equal(guard.recover_at_most, 5);
    spec.live_flows = FS_LIVE_KEEP;
    guard_build(&spec, &guard);
    assert_int_equal(guard.live_ticks, 0);
}

/* No client fills more than half of a score, or three quarters where two are enough; and so many
 * clients can fill it. */
static void test_parts(void **state)
{
    (void)state;
    for (unsigned clients = 2; clients <= FS_CLIENTS; clients++)
        for (unsigned share = 10; share < 500000; share = next_share(share)) {
            struct guard_spec spec = {.rule_count = 1, .false_alarm_ppb = 1000, .clients = clients};
            struct fs_guard guard;
            bool filled = false;

            spec.rules[0] = (struct rule_spec){.signal = FS_SIGNAL_RESETS, .share_ppm = share};
            guard_build(&spec, &guard);
            for (int i = 0; i < FS_BANKS; i++) {
                __s64 given = guard.rules[0].most[i] * guard.rules[0].steps[i].bad;
                __s64 part = guard.rules[0].threshold / 4 * (clients == 2 ? 3 : 2);

                assert_true(given <= part || guard.rules[0].most[i] == 1);
                filled |= given * clients >= guard.rules[0].threshold;
            }
            assert_true(filled);
        }
}

/* --- the data path's arithmetic --- */

static void test_good_in_a_row(void **state)
{
    struct rng rng = {5};

    (void)state;
    for (int k = 0; k < 2000; k++) {
        struct fs_rule built = rule(1 + rng_below(&rng, FS_SHARE_ONE - 1), 1000);
        int bank = k % FS_BANKS;
        const struct fs_steps *steps = &built.steps[bank];
        __s64 score = rng_below(&rng, (uint32_t)built.threshold), single = score;
        uint32_t count = rng_below(&rng, 300);

        for (uint32_t i = 0; i < count; i++)
            single = fs_score_next(&built, bank, single, 0);
        assert_int_equal(fs_score_good(steps, score, count), single);
        assert_true(single >= 0);
        assert_int_equal(fs_score_good(steps, score, UINT32_MAX), 0);
    }
}

/* One outcome after the other, as the data path sees them; returns how many until the trip. */
static uint64_t trip_by_single_outcomes(const struct fs_rule *built, double rate, struct rng *rng)
{
    __s64 score[FS_BANKS] = {0};

    for (uint64_t outcomes = 1;; outcomes++) {
        bool bad = (double)(rng_next(rng) >> 11) * 0x1p-53 < rate;

        for (int i = 0; i < FS_BANKS; i++) {
            score[i] = fs_score_next(built, i, score[i], bad);
            if (score[i] >= built->threshold)
                return outcomes;
        }
    }
}

static void test_dead(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    struct rng rng = {1};
    uint64_t trips[10];

    (void)state;
    assert_int_equal(trip_by_single_outcomes(&built, 1, &rng), 4);
    guard_simulate(&built, 1, 1, 1000, trips, COUNT(trips));
    assert_int_equal(trips[0], 4);
    assert_int_equal(trips[COUNT(trips) - 1], 4);
    built = rule(ONE_PERCENT, 1);
    assert_int_equal(trip_by_single_outcomes(&built, 1, &rng), 6);
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void test_half_failing(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    struct rng rng = {2};
    uint64_t trips[2001];

    (void)state;
    for (size_t i = 0; i < 50; i++)
        trips[i] = trip_by_single_outcomes(&built, 0.5, &rng);
    qsort(trips, 50, sizeof(*trips), ascending);
    assert_in_range(trips[25], 4, 10);
    guard_simulate(&built, 0.5, 2, 100000, trips, COUNT(trips));
    assert_in_range(trips[COUNT(trips) / 2], 8, 10);
}

/* --- the simulation, and what it finds --- */

static uint64_t median_trip(const struct fs_rule *built, double rate)
{
    uint64_t trips[2001];

    guard_simulate(built, rate, 3, GUARD_NEVER, trips, COUNT(trips));
    return trips[COUNT(trips) / 2];
}

/* The design's figures are of another simulation: within a fifth. */
static void test_medians(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);

    (void)state;
    assert_in_range(median_trip(&built, 0.1), 80 * 4 / 5, 80 * 6 / 5);
    assert_in_range(median_trip(&built, 0.05), 270 * 4 / 5, 270 * 6 / 5);
    assert_in_range(median_trip(&built, 0.02), 3400 * 4 / 5, 3400 * 6 / 5);
}

static double mean(const uint64_t *trips, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)trips[i];
    return sum / (double)count;
}

/* From bad outcome to bad outcome is the same as outcome by outcome. */
static void test_jumps(void **state)
{
    static const double rates[] = {0.02, 0.1, 0.5, 0.97};
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    uint64_t single[1000], jumped[1000];
    struct rng rng = {4};

    (void)state;
    for (size_t k = 0; k < COUNT(rates); k++) {
        for (size_t i = 0; i < COUNT(single); i++)
            single[i] = trip_by_single_outcomes(&built, rates[k], &rng);
        guard_simulate(&built, rates[k], 4 + k, GUARD_NEVER, jumped, COUNT(jumped));
        assert_true(fabs(mean(jumped, COUNT(jumped)) / mean(single, COUNT(single)) - 1) < 0.08);
    }
}

static void test_at_the_limit(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    uint64_t trips[100];

    (void)state;
    guard_simulate(&built, 0.01, 6, GUARD_NEVER, trips, COUNT(trips));
    assert_true(mean(trips, COUNT(trips)) >= 0.9 * 1e6);
    assert_true(trips[COUNT(trips) / 2] > 200000);
}

/* Limits of all sizes, and the promise is the more than kept the less they are; what is found
 * without waiting for it agrees. */
static void test_false_alarms(void **state)
{
    static const unsigned shares[] = {100,    1000,   10000,  30000,  50000,  60000, 120000,
                                      200000, 240000, 300000, 500000, 800000, 900000};
    uint64_t trips[400];

    (void)state;
    for (size_t k = 0; k < COUNT(shares); k++) {
        struct fs_rule built = rule(shares[k], 1000000); /* 1e-3 */
        double found, every = guard_false_alarm_every(&built, 7);

        guard_simulate(&built, shares[k] / 1e6, 8, GUARD_NEVER, trips, COUNT(trips));
        found = mean(trips, COUNT(trips));
        assert_true(found >= 1000);
        if (found / every < 0.87 || found / every > 1.25)
            fail_msg("limit %u ppm: every %.0f, but found %.0f", shares[k], every, found);
    }
}

/* Where waiting is hopeless. */
static void test_rare_alarms(void **state)
{
    struct fs_rule strict = rule(ONE_PERCENT, 1), usual = rule(ONE_PERCENT, 1000);
    struct fs_rule extreme = rule(FS_SHARE_ONE - 1, 1000);
    double ratio = guard_false_alarm_every(&strict, 9) / guard_false_alarm_every(&usual, 9);

    (void)state;
    assert_true(ratio > 500 && ratio < 2000);
    assert_true(fabs(guard_false_alarm_every(&extreme, 9) / 1e6 - 1) < 1e-3);
}

static void test_healthy(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    uint64_t trips[10];

    (void)state;
    guard_simulate(&built, 0.005, 10, 20 * 1000 * 1000, trips, COUNT(trips));
    assert_true(trips[0] == GUARD_NEVER);
}

static void test_repeatable(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    uint64_t one[100], two[100];

    (void)state;
    guard_simulate(&built, 0.1, 11, GUARD_NEVER, one, COUNT(one));
    guard_simulate(&built, 0.1, 11, GUARD_NEVER, two, COUNT(two));
    assert_memory_equal(one, two, sizeof(one));
    assert_true(one[0] < one[99]);
    for (size_t i = 1; i < COUNT(one); i++)
        assert_true(one[i - 1] <= one[i]);
    guard_simulate(&built, 0.1, 12, GUARD_NEVER, two, COUNT(two));
    assert_memory_not_equal(one, two, sizeof(one));
}

static void test_most(void **state)
{
    struct fs_rule built = rule(ONE_PERCENT, 1000);
    uint64_t trips[100], most;

    (void)state;
    guard_simulate(&built, 0.1, 11, GUARD_NEVER, trips, COUNT(trips));
    most = trips[50];
    guard_simulate(&built, 0.1, 11, most, trips, COUNT(trips));
    assert_true(trips[0] <= most && trips[99] == GUARD_NEVER);
    for (size_t i = 0; i < COUNT(trips); i++)
        assert_true(trips[i] <= most || trips[i] == GUARD_NEVER);
    guard_simulate(&built, 1, 11, 4, trips, COUNT(trips));
    assert_true(trips[0] == 4 && trips[99] == 4);
    guard_simulate(&built, 1, 11, 3, trips, COUNT(trips));
    assert_true(trips[0] == GUARD_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("the rates to be noticed are above any limit and below 100%", test_rates),
        TEST("steps are rounded down, and lead up at the rate to be noticed", test_steps),
        TEST("the threshold is ln(1/x), more for limits above 5%", test_thresholds),
        TEST("a built guard holds what was declared, and no leftovers", test_build),
        TEST("no client fills a score, and as many as are asked for do", test_parts),
        TEST("good outcomes in a row count as one by one", test_good_in_a_row),
        TEST("a dead version trips on its 4th failure", test_dead),
        TEST("a half-failing version trips within 10 outcomes (median)", test_half_failing),
        TEST("failures of 10%, 5% and 2% are noticed as fast as designed", test_medians),
        TEST("simulating by bad outcomes is the same as by all", test_jumps),
        TEST("at the limit false alarms are as rare as designed", test_at_the_limit),
        TEST("false alarms of any limit are as rare as promised and predicted", test_false_alarms),
        TEST("alarms too rare to wait for are predicted, too", test_rare_alarms),
        TEST("a version at half the limit never trips", test_healthy),
        TEST("the same seed finds the same, another seed another", test_repeatable),
        TEST("what hasn't tripped by the last outcome never does", test_most),
    };

    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
