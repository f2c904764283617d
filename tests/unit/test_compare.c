// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rules of a comparison: what is read, what is refused and with which words, and that what is
 * written reads back. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "compare.h"
#include "random.h"
#include "rule.h"
#include "rule_refused.h"
#include "words.h"

#define FORMS                                                               \
    "a rule is [pQUANTILE] SIGNAL <= [FACTORx] baseline [+ MARGIN], as in " \
    "connect_failures <= baseline + 0.5% or p99 response_time <= 1.25x baseline"
#define SIGNALS \
    "connect_failures, resets, http_5xx, connect_time, response_time, retransmits, close_wait"
#define SHARES  "write it like 5% or 0.25%, in steps of 0.0001%"
#define TIMES   "1us to 100s is allowed, in whole microseconds, as in 250us, 20ms or 1.5s"
#define FACTORS "1x to 1000x is allowed, in steps of 0.001x"

static struct compare_rule rule(const char *text)
{
    struct compare_rule rule = {
        .share_ppm = 7, .factor_millis = 7, .margin_ppm = 7, .margin_ns = 7, .place = {"f", 1, 2}};
    struct error err = {{0}};

    if (compare_parse(text, &rule, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rule.place.column, 2);
    return rule;
}

static void reads(const char *text, enum fs_signal signal, unsigned share_ppm,
                  unsigned factor_millis, unsigned margin_ppm, uint64_t margin_ns)
{
    struct compare_rule got = rule(text);

    assert_int_equal(got.signal, signal);
    assert_int_equal(got.share_ppm, share_ppm);
    assert_int_equal(got.factor_millis, factor_millis);
    assert_int_equal(got.margin_ppm, margin_ppm);
    assert_int_equal(got.margin_ns, margin_ns);
}

static void test_shares(void **state)
{
    (void)state;
    reads("connect_failures <= baseline + 0.5%", FS_SIGNAL_CONNECT_FAILURES, 0, 1000, 5000, 0);
    reads("resets <= 2x baseline + 0.1%", FS_SIGNAL_RESETS, 0, 2000, 1000, 0);
    reads("http_5xx <= baseline", FS_SIGNAL_HTTP_5XX, 0, 1000, 0, 0);
    reads("close_wait <= 1.001x baseline", FS_SIGNAL_CLOSE_WAIT, 0, 1001, 0, 0);
    reads("retransmits <= 1000.000x baseline + 99.9999%", FS_SIGNAL_RETRANSMITS, 0, 1000000, 999999,
          0);
    reads("resets <= 1x baseline + 0.0001%", FS_SIGNAL_RESETS, 0, 1000, 1, 0);
}

static void test_times(void **state)
{
    (void)state;
    reads("p99 response_time <= 1.25x baseline", FS_SIGNAL_RESPONSE_TIME, 10000, 1250, 0, 0);
    reads("p99 connect_time <= baseline + 5ms", FS_SIGNAL_CONNECT_TIME, 10000, 1000, 0, 5000000);
    reads("p99.9 connect_time <= 2x baseline + 250us", FS_SIGNAL_CONNECT_TIME, 1000, 2000, 0,
          250000);
    reads("p0.0001 response_time <= baseline + 100s", FS_SIGNAL_RESPONSE_TIME, 999999, 1000, 0,
          100000000000);
    reads("p99.9999 response_time <= baseline", FS_SIGNAL_RESPONSE_TIME, 1, 1000, 0, 0);
}

static void test_blanks(void **state)
{
    (void)state;
    reads("resets<=baseline+1%", FS_SIGNAL_RESETS, 0, 1000, 10000, 0);
    reads("  p99   connect_time<=2x   baseline+5ms  ", FS_SIGNAL_CONNECT_TIME, 10000, 2000, 0,
          5000000);
}

/* A text, at which column it is wrong, and the rest of the message. */
static const struct refusal refusals[] = {
    {"", 1, "nothing is there; " FORMS},
    {"   ", 4, "nothing is there; " FORMS},

    /* Signals and quantiles */
    {"latency <= baseline", 1, "unknown signal \"latency\"; known signals: " SIGNALS},
    {"<= baseline", 1, "a signal is missing; known signals: " SIGNALS},
    {"p99 <= baseline", 5, "a signal is missing; known signals: " SIGNALS},
    {"connect_time <= baseline", 1,
     "connect_time is a time, which needs a quantile; write p99 connect_time <= 1.25x baseline"},
    {"p99 resets <= baseline", 5,
     "resets is a share, which has no quantile; write resets <= baseline + 0.5%"},
    {"p100 connect_time <= baseline", 1,
     "\"p100\" is out of range; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},

    /* Comparisons */
    {"resets", 7, "a <= is missing; " FORMS},
    {"resets baseline", 8, "a <= is missing; " FORMS},
    {"resets > 1%", 8, "a rule can't compare by \">\"; only <= is allowed"},
    {"resets < baseline", 8, "a rule can't compare by \"<\"; only <= is allowed"},
    {"resets =< baseline", 8, "a rule can't compare by \"=<\"; only <= is allowed"},
    {"resets < = baseline", 8, "a rule can't compare by \"<\"; only <= is allowed"},
    {"resets <=+ baseline", 8, "a rule can't compare by \"<=+\"; only <= is allowed"},
    {"resets + baseline", 8, "a rule can't compare by \"+\"; only <= is allowed"},

    /* Factors */
    {"resets <= 2 baseline", 11, "\"2\" has no x behind it; write 2x baseline"},
    {"resets <= 2 x baseline", 11, "\"2\" has no x behind it; write 2x baseline"},
    {"resets <= 0.5x baseline", 11, "\"0.5x\" is out of range; " FACTORS},
    {"resets <= 0.999x baseline", 11, "\"0.999x\" is out of range; " FACTORS},
    {"resets <= 0x baseline", 11, "\"0x\" is out of range; " FACTORS},
    {"resets <= 1001x baseline", 11, "\"1001x\" is out of range; " FACTORS},
    {"resets <= 1000.001x baseline", 11, "\"1000.001x\" is out of range; " FACTORS},
    {"resets <= 4294967297x baseline", 11, "\"4294967297x\" is out of range; " FACTORS},
    {"resets <= 1.2345x baseline", 11, "\"1.2345x\" has more than three decimals; " FACTORS},
    {"resets <= 1.x baseline", 11, "\"1.x\" is no factor; " FACTORS},
    {"resets <= 2xx baseline", 11, "\"2xx\" is no factor; " FACTORS},
    {"resets <= 2X baseline", 11, "\"2X\" is no factor; " FACTORS},
    {"resets <= 1% baseline", 11, "\"1%\" is no factor; " FACTORS},
    {"resets <= 2xbaseline", 11, "\"2xbaseline\" is no factor; " FACTORS},

    /* The baseline */
    {"resets <=", 10, "baseline is missing; " FORMS},
    {"resets <= 2x", 13, "baseline is missing; " FORMS},
    {"resets <= + 1%", 11, "baseline is missing; " FORMS},
    {"resets <= stable", 11, "\"stable\" can't be compared with, only baseline; " FORMS},
    {"resets <= Baseline", 11, "\"Baseline\" can't be compared with, only baseline; " FORMS},
    {"resets <= -1x baseline", 11, "\"-1x\" can't be compared with, only baseline; " FORMS},
    {"resets <= x baseline", 11, "\"x\" can't be compared with, only baseline; " FORMS},
    {"resets <= 2x 3x baseline", 14, "\"3x\" can't be compared with, only baseline; " FORMS},

    /* What may follow it */
    {"resets <= baseline 1%", 20, "\"1%\" can't follow baseline, only + and a margin"},
    {"resets <= baseline - 1%", 20, "\"-\" can't follow baseline, only + and a margin"},
    {"resets <= baseline ++ 1%", 20, "\"++\" can't follow baseline, only + and a margin"},
    {"resets <= baseline <= 1%", 20, "\"<=\" can't follow baseline, only + and a margin"},
    {"resets <= baseline\t+ 1%", 11,
     "\"baseline\\x09\" can't be compared with, only baseline; " FORMS},

    /* Margins that are shares */
    {"resets <= baseline +", 21, "the margin is missing; resets is a share, so write + 0.5%"},
    {"resets <= baseline + 0%", 22,
     "a margin of 0% is out of range; 0.0001% to 99.9999% is allowed"},
    {"resets <= baseline + 100%", 22,
     "a margin of 100% is out of range; 0.0001% to 99.9999% is allowed"},
    {"resets <= baseline + 101%", 22,
     "the margin of resets is a share: \"101%\" is above 100%; " SHARES},
    {"resets <= baseline + 1", 22,
     "the margin of resets is a share: \"1\" has no percent sign; " SHARES},
    {"resets <= baseline + -1%", 22,
     "the margin of resets is a share: \"-1%\" is no percentage; " SHARES},
    {"resets <= baseline + 5ms", 22,
     "the margin of resets is a share: \"5ms\" is no percentage; " SHARES},
    {"resets <= baseline + + 1%", 22,
     "the margin of resets is a share: \"+\" is no percentage; " SHARES},

    /* Margins that are times */
    {"p99 connect_time <= baseline +", 31,
     "the margin is missing; connect_time is a time, so write + 5ms"},
    {"p99 connect_time <= baseline + 0ms", 32,
     "the margin of connect_time is a time: \"0ms\" is too short; " TIMES},
    {"p99 connect_time <= baseline + 101s", 32,
     "the margin of connect_time is a time: \"101s\" is too long; " TIMES},
    {"p99 connect_time <= baseline + 0.5%", 32,
     "the margin of connect_time is a time: \"0.5%\" is no duration; " TIMES},

    /* What follows a margin */
    {"resets <= baseline + 1% or so", 25, "\"or\" is too much; a rule ends with its margin"},
    {"resets <= baseline + 1%+", 24, "\"+\" is too much; a rule ends with its margin"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct compare_rule rule;
        struct error err = {{0}};

        assert_refused(&refusals[i], compare_parse(refusals[i].text, &rule, &err), &err);
    }
}

/* A word that is cut for its message must not be taken for what is left of it. */
static void test_long_words(void **state)
{
    struct compare_rule rule;
    struct error err;
    char text[400];

    (void)state;
    for (int zeros = 0; zeros < 200; zeros++) {
        bool fits = zeros + 2 < WORD_MAX;

        sprintf(text, "resets <= %0*dxx baseline", zeros + 1, 1);
        assert_int_equal(compare_parse(text, &rule, &err), -EINVAL);
        sprintf(text, "resets <= %0*dx baseline", zeros + 1, 1);
        assert_int_equal(compare_parse(text, &rule, &err), fits ? 0 : -EINVAL);
    }
}

static void assert_written(const char *text, const char *canonical)
{
    struct compare_rule got = rule(text);
    char buf[COMPARE_TEXT_MAX];

    assert_string_equal(compare_format(&got, buf), canonical);
}

static void test_canonical(void **state)
{
    (void)state;
    assert_written("connect_failures<=01.000x baseline+0.50%",
                   "connect_failures <= baseline + 0.5%");
    assert_written("resets <= 2.0x baseline", "resets <= 2x baseline");
    assert_written("resets <= 010.50x baseline + 0.0500%", "resets <= 10.5x baseline + 0.05%");
    assert_written("resets <= 100x baseline", "resets <= 100x baseline");
    assert_written("resets <= 1.001x baseline", "resets <= 1.001x baseline");
    assert_written("p99.0 response_time <= 1.250x baseline + 1500us",
                   "p99 response_time <= 1.25x baseline + 1.5ms");
    assert_written("p50 connect_time <= baseline + 100s", "p50 connect_time <= baseline + 100s");
}

static void test_read_back(void **state)
{
    struct rng rng = {3};
    char buf[COMPARE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct compare_rule written = {.signal = rng_below(&rng, FS_SIGNAL_COUNT),
                                       .factor_millis = 1000},
                            again;
        bool with_margin = rng_below(&rng, 2);

        if (rng_below(&rng, 2))
            written.factor_millis += rng_below(&rng, i % 3 ? 3000 : 999001);
        if (signal_infos[written.signal].kind == FS_KIND_TIME) {
            written.share_ppm = 1 + rng_below(&rng, FS_SHARE_ONE - 1);
            if (with_margin)
                written.margin_ns = 1000ULL * (1 + rng_below(&rng, i % 3 ? 100000 : 100000000));
        } else if (with_margin) {
            written.margin_ppm = 1 + rng_below(&rng, FS_SHARE_ONE - 1);
        }
        again = rule(compare_format(&written, buf));
        again.place = written.place;
        assert_memory_equal(&written, &again, sizeof(again));
        assert_true(strlen(buf) < COMPARE_TEXT_MAX - 8);
    }
}

/* One that comes from a journal of another version, say. */
static void test_unknown_signal(void **state)
{
    struct compare_rule odd = {
        .signal = (enum fs_signal)1000, .factor_millis = 4294967295, .margin_ns = UINT64_MAX};
    char buf[COMPARE_TEXT_MAX];

    (void)state;
    assert_memory_equal(compare_format(&odd, buf), "unknown <= 4294967.295x baseline + ", 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("rules on shares are read, with factor and margin", test_shares),
        TEST("rules on times are read, with quantile, factor and margin", test_times),
        TEST("blanks are where one likes", test_blanks),
        TEST("what is wrong is refused with column, reason and what is allowed", test_refusals),
        TEST("a word too long to be anything isn't taken for something", test_long_words),
        TEST("a rule is written in its shortest form", test_canonical),
        TEST("what is written reads back the same", test_read_back),
        TEST("a rule on an unknown signal can be written", test_unknown_signal),
    };

    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
