// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The three answers, and that the arithmetic is what its proof is about: whatever the true rates,
 * as long as the version is no worse, no outcome adds to the e-value on average. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "random.h"
#include "verdict.h"

static const struct question usual = {
    .factor = 1,
    .base_rate = 0.01,
    .alpha = 0.01,
    .evidence = 500,
    .version_buckets = 100,
    .control_buckets = 100,
};

static struct answer ask(const struct question *question, uint64_t version_bad,
                         uint64_t version_total, uint64_t control_bad, uint64_t control_total)
{
    return verdict_ask(question, (struct tally){.total = version_total, .bad = version_bad},
                       (struct tally){.total = control_total, .bad = control_bad});
}

/* --- answers --- */

static void test_nothing_seen(void **state)
{
    struct answer answer = ask(&usual, 0, 0, 0, 0);

    (void)state;
    assert_int_equal(answer.verdict, VERDICT_OPEN);
    assert_int_equal(answer.missing, 500);
    assert_true(fabs(answer.log_e) < 1e-9);
    assert_true(fabs(answer.log_threshold - log(100)) < 1e-12);
}

static void test_missing(void **state)
{
    struct question question = usual;

    (void)state;
    assert_int_equal(ask(&usual, 0, 499, 5, 700).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&usual, 0, 499, 5, 700).missing, 1);
    assert_int_equal(ask(&usual, 0, 700, 5, 480).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&usual, 0, 700, 5, 480).missing, 20);
    assert_int_equal(ask(&usual, 0, 490, 5, 480).missing, 20);
    question.control_buckets = 300;
    assert_int_equal(ask(&question, 0, 700, 5, 480).missing, 7);
    question.version_buckets = 10000;
    question.control_buckets = 1;
    question.evidence = UINT64_MAX;
    assert_true(ask(&question, 0, 0, 0, 0).missing >= 1ULL << 63);
}

static void test_no_worse(void **state)
{
    struct question question = usual;

    (void)state;
    assert_int_equal(ask(&usual, 5, 500, 5, 500).verdict, VERDICT_NO_WORSE);
    assert_int_equal(ask(&usual, 5, 500, 5, 500).missing, 0);
    assert_int_equal(ask(&usual, 0, 500, 0, 500).verdict, VERDICT_NO_WORSE);
    assert_int_equal(ask(&usual, 2, 1000, 5, 500).verdict, VERDICT_NO_WORSE);
    question.evidence = 0;
    assert_int_equal(ask(&question, 0, 1, 0, 1).verdict, VERDICT_NO_WORSE);
    assert_int_equal(ask(&question, 0, 0, 0, 1).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&question, 0, 1, 0, 0).verdict, VERDICT_OPEN);
}

/* Also where binary fractions are a hair off: 3.5 % is not above 3 % + 0.5 %. */
static void test_margin(void **state)
{
    struct question question = usual;

    (void)state;
    assert_int_equal(ask(&usual, 6, 500, 5, 500).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&usual, 6, 500, 5, 500).missing, 0);
    question.margin = 0.005;
    assert_int_equal(ask(&question, 35, 1000, 30, 1000).verdict, VERDICT_NO_WORSE);
    assert_int_equal(ask(&question, 36, 1000, 30, 1000).verdict, VERDICT_OPEN);
    question.factor = 1.25;
    assert_int_equal(ask(&question, 55, 1000, 40, 1000).verdict, VERDICT_NO_WORSE);
    assert_int_equal(ask(&question, 56, 1000, 40, 1000).verdict, VERDICT_OPEN);
}

static void test_worse(void **state)
{
    struct question question = usual;
    struct answer answer = ask(&usual, 30, 300, 3, 300);

    (void)state;
    assert_int_equal(answer.verdict, VERDICT_WORSE);
    assert_int_equal(answer.missing, 0);
    assert_true(answer.log_e >= answer.log_threshold);
    assert_int_equal(ask(&usual, 3, 300, 30, 300).verdict, VERDICT_OPEN);
    question.alpha = 1e-9;
    assert_int_equal(ask(&question, 30, 300, 3, 300).verdict, VERDICT_OPEN);
    question.alpha = 0.01;
    question.margin = 0.09;
    assert_int_equal(ask(&question, 30, 300, 3, 300).verdict, VERDICT_OPEN);
    question.margin = 0;
    question.factor = 10;
    assert_int_equal(ask(&question, 30, 300, 3, 300).verdict, VERDICT_OPEN);
}

/* Counters that are read while they grow. */
static void test_more_bad_than_all(void **state)
{
    (void)state;
    assert_true(ask(&usual, 11, 10, 0, 10).log_e == ask(&usual, 10, 10, 0, 10).log_e);
    assert_true(ask(&usual, 5, 10, 11, 10).log_e == ask(&usual, 5, 10, 10, 10).log_e);
}

static void test_no_control(void **state)
{
    struct question question = usual;

    (void)state;
    question.control_buckets = 0;
    assert_int_equal(ask(&question, 500, 500, 0, 500).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&question, 0, 500, 0, 500).verdict, VERDICT_OPEN);
    assert_int_equal(ask(&question, 0, 500, 0, 500).missing, 0);
    question = usual;
    question.version_buckets = 0;
    assert_int_equal(ask(&question, 500, 500, 0, 500).verdict, VERDICT_OPEN);
}

static void test_nothing_is_worse(void **state)
{
    struct question question = usual;

    (void)state;
    question.margin = 1;
    assert_true(ask(&question, 500, 500, 0, 500).log_e == 0);
    assert_int_equal(ask(&question, 500, 500, 0, 500).verdict, VERDICT_NO_WORSE);
}

/* --- properties --- */

static double random_share(struct rng *rng)
{
    double share = (double)(rng_next(rng) >> 11) * 0x1p-53;

    return rng_below(rng, 2) ? share : pow(10, -8 * share);
}

static struct question random_question(struct rng *rng)
{
    struct question question = {.factor = 1, .alpha = random_share(rng)};

    if (rng_below(rng, 2))
        question.factor = rng_below(rng, 2) ? 1 + random_share(rng) : 1 / random_share(rng);
    if (rng_below(rng, 2))
        question.margin = random_share(rng);
    question.factor = fmin(question.factor, 1000);
    question.base_rate = rng_below(rng, 8) ? random_share(rng) : rng_below(rng, 2);
    question.alpha = fmin(fmax(question.alpha, 1e-6), 0.5);
    question.evidence = rng_next(rng) >> rng_below(rng, 64);
    question.version_buckets = rng_below(rng, 4) ? 1 + rng_below(rng, 10000) : 100;
    question.control_buckets = rng_below(rng, 4) ? 1 + rng_below(rng, 10000) : 100;
    return question;
}

/* What a side multiplies by on average, less 1. */
static double growth(double rate, double log_good, double log_bad)
{
    return rate * expm1(log_bad) + (1 - rate) * expm1(log_good);
}

/* The heart of the proof, for all sorts of questions and rates that are no worse. */
static void test_fair(void **state)
{
    struct rng rng = {1};
    struct verdict_test test;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct question question = random_question(&rng);
        double control = rng_below(&rng, 20) ? random_share(&rng) : 0;
        double version = fmin(question.factor * control + question.margin, 1), share;

        if (rng_below(&rng, 2))
            version *= random_share(&rng);
        verdict_prepare(&test, &question);
        share = question.version_buckets /
                (double)(question.version_buckets + question.control_buckets);
        for (size_t k = 0; k < test.term_count; k++) {
            const struct verdict_term *term = &test.terms[k];
            double mean = share * growth(version, term->version.good, term->version.bad) +
                          (1 - share) * growth(control, term->control.good, term->control.bad);

            if (mean > 1e-12 * exp(term->version.bad))
                fail_msg("factor %g margin %g rates %g %g: an outcome adds %g", question.factor,
                         question.margin, version, control, mean);
        }
    }
}

/* The rate in the denominators of a side. */
static double denominator(double log_good, double log_bad)
{
    return -expm1(log_good) / (exp(log_bad) - exp(log_good));
}

/* Where the nearest pair is known: both sides at the mean of what is bet on. */
static void test_nearest(void **state)
{
    struct question question = usual;
    struct verdict_test test;

    (void)state;
    question.control_buckets = 300;
    verdict_prepare(&test, &question);
    assert_true(test.term_count > 0);
    for (size_t i = 0; i < test.term_count; i++) {
        const struct verdict_term *term = &test.terms[i];
        double version = denominator(term->version.good, term->version.bad);
        double control = denominator(term->control.good, term->control.bad);
        double mean =
            0.25 * version * exp(term->version.bad) + 0.75 * control * exp(term->control.bad);

        assert_true(fabs(version / control - 1) < 1e-9);
        assert_true(fabs(mean / control - 1) < 1e-9);
    }
}

static struct tally random_tally(struct rng *rng)
{
    struct tally tally = {.total = rng_next(rng) >> rng_below(rng, 64)};

    if (!rng_below(rng, 8))
        tally.total = rng_below(rng, 2) ? 0 : UINT64_MAX;
    tally.bad = (uint64_t)((double)(tally.total >> 1) * random_share(rng));
    if (!rng_below(rng, 8))
        tally.bad = rng_below(rng, 2) ? tally.total : rng_next(rng);
    return tally;
}

static void test_sane(void **state)
{
    struct rng rng = {2};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct question question = random_question(&rng);
        struct tally version = random_tally(&rng), control = random_tally(&rng);
        struct answer answer = verdict_ask(&question, version, control);
        bool enough = version.total && control.total && version.total >= question.evidence &&
                      control.total >= question.evidence;

        assert_true(isfinite(answer.log_e) && isfinite(answer.log_threshold));
        assert_true((answer.verdict == VERDICT_WORSE) == (answer.log_e >= answer.log_threshold));
        assert_true(answer.verdict != VERDICT_NO_WORSE || enough);
        assert_true(answer.verdict == VERDICT_OPEN || !answer.missing);
        assert_true(answer.verdict != VERDICT_OPEN || enough == !answer.missing);
    }
}

/* Before any outcome it is 1 at most, or the promise would be broken from the start. */
static void test_begins_at_one(void **state)
{
    struct rng rng = {3};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct question question = random_question(&rng);

        assert_true(ask(&question, 0, 0, 0, 0).log_e <= 1e-12);
    }
}

static void test_direction(void **state)
{
    struct rng rng = {4};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct question question = random_question(&rng);
        uint64_t totals[2] = {1 + rng_below(&rng, 5000), 1 + rng_below(&rng, 5000)};
        uint64_t bad[2] = {rng_below(&rng, (uint32_t)totals[0]),
                           rng_below(&rng, (uint32_t)totals[1])};
        double now = ask(&question, bad[0], totals[0], bad[1], totals[1]).log_e;
        double more = ask(&question, bad[0] + 1, totals[0], bad[1], totals[1]).log_e;
        double less = ask(&question, bad[0], totals[0], bad[1] + 1, totals[1]).log_e;

        assert_true(more >= now - 1e-9 * fabs(now));
        assert_true(less <= now + 1e-9 * fabs(now));
    }
}

/* More outcomes on one side are no more evidence than as many as its share. */
static void test_out_of_proportion(void **state)
{
    struct rng rng = {5};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint64_t total = 1 + rng_below(&rng, 5000), more = 2 + rng_below(&rng, 20);
        uint64_t bad[2] = {rng_below(&rng, (uint32_t)total), rng_below(&rng, (uint32_t)total)};
        struct question question = random_question(&rng);
        double even, version, control;

        question.control_buckets = question.version_buckets;
        even = ask(&question, bad[0], total, bad[1], total).log_e;
        version = ask(&question, more * bad[0], more * total, bad[1], total).log_e;
        control = ask(&question, bad[0], total, more * bad[1], more * total).log_e;
        assert_true(version <= even + 1e-9 * fabs(even));
        assert_true(control <= even + 1e-9 * fabs(even));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("nothing seen: open, and all is missing", test_nothing_seen),
        TEST("what is missing is for the side that has less, in outcomes of the version",
             test_missing),
        TEST("no worse: both sides have enough, and the version's share is as low", test_no_worse),
        TEST("within the margin is no worse, above it open", test_margin),
        TEST("much worse is called so before there are enough for no worse", test_worse),
        TEST("more bad outcomes than outcomes are that many", test_more_bad_than_all),
        TEST("without a control the question stays open", test_no_control),
        TEST("where any share is within the margin nothing is worse", test_nothing_is_worse),
        TEST("no outcome adds on average while the version is no worse", test_fair),
        TEST("at equal shares denominators are the mean of both sides", test_nearest),
        TEST("whatever is asked and counted, the answer is a number and consistent", test_sane),
        TEST("the e-value begins at 1 or below", test_begins_at_one),
        TEST("the version's bad outcomes speak against it, the control's for it", test_direction),
        TEST("outcomes beyond a side's share are no evidence", test_out_of_proportion),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
