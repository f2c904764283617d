// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From counters to what a verdict is reached by: limits of times, and since when outcomes count. */
#include "rollout_moment.h"

#include <math.h>

#include "clock.h"
#include "random.h"
#include "rollout_measure.h"

static struct fs_health version, control, baseline;
static struct facts facts;

/* In a stage, by one rule; nothing has been counted. */
static const struct compare_rule *ruled_by(const char *rule)
{
    char text[512];

    snprintf(text, sizeof(text), "%s  compare: [%s]\n", PLAN_STEPS, rule);
    in_stage(text, 0, 0, 100);
    memset(rollout->measures, 0, sizeof(rollout->measures));
    version = control = baseline = (struct fs_health){0};
    facts = (struct facts){.version = &version,
                           .control = &control,
                           .baseline = &baseline,
                           .version_buckets = 100,
                           .control_buckets = 100};
    return &rollout->plan.rules[0];
}

static void add(struct fs_histogram *times, uint64_t ns, uint64_t count)
{
    times->bins[fs_bin(ns)] += count;
    times->count += count;
}

static void take_measure(void)
{
    rollout->measures[0] = measure_begin(&rollout->plan.rules[0], &facts);
    assert_true(rollout->measures[0].known);
}

static void assert_since(uint64_t version_bad, uint64_t version_total, uint64_t control_bad,
                         uint64_t control_total)
{
    struct tally of_version, of_control;

    measure_now(rollout, 0, &facts, &of_version, &of_control);
    assert_int_equal(of_version.total, version_total);
    assert_int_equal(of_version.bad, version_bad);
    assert_int_equal(of_control.total, control_total);
    assert_int_equal(of_control.bad, control_bad);
}

/* The test is made ready once and kept; one made ready anew says the same. */
static struct answer ask(void)
{
    static struct verdict_test kept;
    struct verdict_test fresh = {.term_count = 0};
    struct answer answer = measure_answer(rollout, 0, &facts, &kept);
    struct answer again = measure_answer(rollout, 0, &facts, &fresh);

    assert_int_equal(answer.verdict, again.verdict);
    assert_int_equal(answer.missing, again.missing);
    assert_true(answer.log_e == again.log_e && answer.log_threshold == again.log_threshold);
    return answer;
}

/* --- shares --- */

static void test_shares(void **state)
{
    (void)state;
    ruled_by("resets <= baseline");
    version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){100, 10};
    control.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){200, 20};
    assert_since(0, 0, 0, 0);
    assert_true(measure_is_due(rollout, 0, &facts));
    take_measure();
    assert_false(measure_is_due(rollout, 0, &facts));
    assert_since(0, 0, 0, 0);
    version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){105, 12};
    control.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){207, 23};
    version.tallies[FS_SIGNAL_HTTP_5XX] = (struct fs_tally){7777, 777};
    assert_since(2, 5, 3, 7);
    assert_false(measure_is_due(rollout, 0, &facts));
    end();
}

static void test_history(void **state)
{
    const struct compare_rule *rule = ruled_by("resets <= baseline");

    (void)state;
    baseline.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){99, 33};
    assert_true(measure_begin(rule, &facts).base_rate == 0);
    baseline.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){132, 33};
    assert_true(measure_begin(rule, &facts).base_rate == 0.25);
    rule = ruled_by("p99 connect_time <= baseline");
    add(&baseline.connect_time, 1000, 300);
    assert_true(fabs(measure_begin(rule, &facts).base_rate - 0.01) < 1e-12);
    end();
}

static void test_who_is_missing(void **state)
{
    const struct compare_rule *rule = ruled_by("resets <= baseline");
    struct facts all = facts;

    (void)state;
    assert_true(measure_begin(rule, &facts).known);
    facts.version = NULL;
    assert_false(measure_begin(rule, &facts).known);
    facts = all;
    facts.control = NULL;
    assert_false(measure_begin(rule, &facts).known);
    assert_false(measure_is_due(rollout, 0, &facts));
    facts = all;
    facts.baseline = NULL;
    assert_false(measure_begin(rule, &facts).known);
    facts = all;
    take_measure();
    facts.control = NULL;
    assert_false(measure_is_due(rollout, 0, &facts));
    assert_since(0, 0, 0, 0);
    end();
}

/* --- counters that begin anew --- */

static void test_anew(void **state)
{
    static const struct fs_tally fewer[] = {{99, 10}, {0, 0}, {5000, 9}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(fewer); i++) {
        struct fs_tally *tally = &(i % 2 ? &version : &control)->tallies[FS_SIGNAL_RESETS];

        ruled_by("resets <= baseline");
        version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){100, 10};
        control.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){100, 10};
        take_measure();
        *tally = fewer[i / 2];
        assert_true(measure_is_due(rollout, 0, &facts));
        assert_since(0, 0, 0, 0);
        take_measure();
        assert_false(measure_is_due(rollout, 0, &facts));
        tally->total += 4;
        tally->bad += 3;
        assert_since(i % 2 ? 3 : 0, i % 2 ? 4 : 0, i % 2 ? 0 : 3, i % 2 ? 0 : 4);
    }
    end();
}

static void test_connections(void **state)
{
    struct situation seen = {0};

    (void)state;
    ruled_by("resets <= baseline");
    rollout->connections = 100;
    rollout->all_connections = 1000;
    version.tallies[FS_SIGNAL_CONNECT_FAILURES].total = 130;
    facts.all_connections = 1500;
    situation_count(&seen, rollout, &facts);
    assert_int_equal(seen.connections, 30);
    assert_int_equal(seen.all_connections, 500);
    version.tallies[FS_SIGNAL_CONNECT_FAILURES].total = 20;
    facts.all_connections = 40;
    situation_count(&seen, rollout, &facts);
    assert_int_equal(seen.connections, 20);
    assert_int_equal(seen.all_connections, 40);
    facts.version = NULL;
    situation_count(&seen, rollout, &facts);
    assert_int_equal(seen.connections, 0);
    end();
}

/* --- times --- */

static void test_limit(void **state)
{
    uint64_t limit;

    (void)state;
    ruled_by("p50 connect_time <= baseline");
    add(&baseline.connect_time, 1000000, 60);
    add(&baseline.connect_time, 9000000, 40);
    take_measure();
    limit = rollout->measures[0].control_limit_ns;
    assert_int_equal(rollout->measures[0].version_limit_ns, limit);
    assert_int_equal(limit, fs_bin_low(fs_bin(1000000) + 1));
    add(&version.connect_time, limit - 1, 3);
    add(&control.connect_time, limit - 1, 5);
    assert_since(0, 3, 0, 5);
    add(&version.connect_time, limit, 1);
    add(&control.connect_time, limit, 2);
    assert_since(1, 4, 2, 7);
    add(&version.response_time, limit, 100);
    assert_since(1, 4, 2, 7);
    end();
}

/* Whatever the factor and the margin, the version's limit is where the first bin begins that has no
 * time which a version that is no slower could need for one below the control's. */
static void test_limits(void **state)
{
    struct rng rng = {20261121};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint64_t quantile = 1 + (rng_next(&rng) >> (27 + rng_below(&rng, 30))), least;
        const struct measure *measure;
        struct compare_rule *rule;
        uint32_t bin;

        if (i % 100 == 0)
            ruled_by("p50 response_time <= baseline");
        measure = &rollout->measures[0];
        rule = &rollout->plan.rules[0];
        rule->factor_millis = i % 3 ? 1000 + rng_below(&rng, 2000) : 1000;
        rule->margin_ns = i % 2 ? rng_next(&rng) >> (34 + rng_below(&rng, 20)) : 0;
        memset(&baseline.response_time, 0, sizeof(baseline.response_time));
        add(&baseline.response_time, quantile, 10);
        take_measure();
        assert_true(measure->control_limit_ns > quantile);
        least = measure->control_limit_ns * rule->factor_millis / 1000 + rule->margin_ns;
        if (least >= fs_bin_low(FS_BINS - 1))
            continue;
        bin = fs_bin(measure->version_limit_ns);
        assert_int_equal(fs_bin_low(bin), measure->version_limit_ns);
        assert_true(measure->version_limit_ns >= least);
        assert_true(!bin || fs_bin_low(bin - 1) < least);
    }
    end();
}

static void test_longest(void **state)
{
    (void)state;
    ruled_by("p50 connect_time <= 1000x baseline + 100s");
    add(&baseline.connect_time, UINT64_MAX, 10); /* longer than any bin has */
    take_measure();
    add(&version.connect_time, UINT64_MAX, 5);
    add(&control.connect_time, UINT64_MAX, 5);
    assert_since(0, 5, 0, 5);
    end();
}

static void test_few(void **state)
{
    (void)state;
    ruled_by("p99 response_time <= 1.25x baseline");
    add(&baseline.response_time, 5000000, 299);
    assert_false(measure_begin(&rollout->plan.rules[0], &facts).known);
    assert_false(measure_is_due(rollout, 0, &facts));
    add(&version.response_time, 90000000, 1000);
    assert_since(0, 0, 0, 0);
    assert_int_equal(ask().verdict, VERDICT_OPEN);
    add(&baseline.response_time, 5000000, 1);
    assert_true(measure_is_due(rollout, 0, &facts));
    end();
}

/* --- distributions --- */

static double normal(struct rng *rng)
{
    double u = ((double)(rng_next(rng) >> 11) + 0.5) / 0x1p53;
    double v = (double)(rng_next(rng) >> 11) / 0x1p53;

    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* Like those of servers: around 3 ms, with a long tail. */
static double a_time(struct rng *rng)
{
    double ns = 3e6 * exp(0.6 * normal(rng));

    return rng_below(rng, 50) ? ns : 10 * ns;
}

/* Bad shares of a version that takes `slower` times as long, less the control's, in standard
 * errors. */
static double difference(struct rng *rng, const char *rule, double slower)
{
    enum { TIMES = 40000 };
    struct tally of_version, of_control;
    double share, error;

    ruled_by(rule);
    for (int i = 0; i < TIMES; i++)
        add(&baseline.response_time, (uint64_t)a_time(rng), 1);
    take_measure();
    for (int i = 0; i < TIMES; i++) {
        add(&version.response_time, (uint64_t)(slower * a_time(rng)), 1);
        add(&control.response_time, (uint64_t)a_time(rng), 1);
    }
    measure_now(rollout, 0, &facts, &of_version, &of_control);
    assert_int_equal(of_version.total, TIMES);
    share = (double)(of_version.bad + of_control.bad) / (2.0 * TIMES);
    error = sqrt(2 * share * (1 - share) / TIMES);
    return ((double)of_version.bad - (double)of_control.bad) / TIMES / error;
}

static void test_distributions(void **state)
{
    static const char *const rules[] = {"p50 response_time <= 1.25x baseline",
                                        "p99 response_time <= 1.25x baseline",
                                        "p90 response_time <= 1.25x baseline"};
    struct rng rng = {20261121};

    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        assert_true(difference(&rng, rules[i], 0.8) < 4);
        assert_true(difference(&rng, rules[i], 1) < 4);
        assert_true(difference(&rng, rules[i], 1.25) < 4);
        assert_true(difference(&rng, rules[i], 2) > 4);
        assert_true(difference(&rng, rules[i], 3) > 10);
    }
    assert_true(fabs(difference(&rng, "p90 response_time <= baseline", 1)) < 4);
    assert_true(difference(&rng, "p90 response_time <= baseline", 1.15) > 4);
    assert_true(difference(&rng, "p90 response_time <= baseline + 20ms", 1.5) < 4);
    end();
}

/* --- verdicts and situations --- */

static void test_answers(void **state)
{
    (void)state;
    ruled_by("resets <= baseline + 1%");
    take_measure();
    assert_int_equal(ask().verdict, VERDICT_OPEN);
    assert_int_equal(ask().missing, 500);
    version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){1000, 20};
    control.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){1000, 15};
    assert_int_equal(ask().verdict, VERDICT_NO_WORSE);
    version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){1000, 150};
    assert_int_equal(ask().verdict, VERDICT_WORSE);
    rollout->measures[0].known = false;
    assert_int_equal(ask().verdict, VERDICT_OPEN);
    end();
}

static void test_situation(void **state)
{
    uint64_t now = clock_real_ms();
    struct situation seen;

    (void)state, ruled_by("resets <= baseline");
    take_measure();
    version.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){1000, 500};
    control.tallies[FS_SIGNAL_RESETS] = (struct fs_tally){1000, 0};
    version.heart.stage = rollout->seed;
    version.heart.held_ns = 7000000000;
    situation_read(&seen, rollout, &facts);
    assert_int_equal(seen.held_ms, 7000);
    assert_int_equal(seen.answers[0].verdict, VERDICT_WORSE);
    assert_true(seen.compared && seen.checks_good);
    assert_int_equal(seen.ended_ms, 0);
    rollout->plan.check_count = 1;
    rollout->ended_ms = now - 60000;
    version.heart.stage++;
    facts.control_buckets = 0;
    situation_read(&seen, rollout, &facts);
    assert_false(seen.compared || seen.checks_good);
    assert_int_equal(seen.held_ms, 0);
    assert_in_range(seen.ended_ms, 60000, 90000);
    rollout->checks[0].answer = CHECK_GOOD;
    rollout->ended_ms = now + 3600000; /* before the clock was set back */
    rollout->stage_id = 0;
    situation_read(&seen, rollout, &facts);
    assert_true(seen.checks_good);
    assert_int_equal(seen.ended_ms, 0);
    assert_int_equal(seen.answers[0].verdict, VERDICT_OPEN);
    rollout->plan.check_count = 0;
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("shares count since the comparison began", test_shares),
        TEST("a history of the baseline's gives the base rate", test_history),
        TEST("without version, control or baseline there is no comparison", test_who_is_missing),
        TEST("counters that began anew begin the comparison anew", test_anew),
        TEST("connections that began anew count from zero", test_connections),
        TEST("a time is bad from the end of the quantile's bin on", test_limit),
        TEST("the version's limit leaves it factor and margin, to the bin", test_limits),
        TEST("times longer than any bin are bad for nobody", test_longest),
        TEST("a quantile is known from three times above it on", test_few),
        TEST("slower by no more than the factor is no larger share of bad, by more is",
             test_distributions),
        TEST("a verdict needs a measure", test_answers),
        TEST("a situation is read without a controller", test_situation),
    };

    return cmocka_run_group_tests_name("what rollouts are measured by", tests, NULL, NULL);
}
