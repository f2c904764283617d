// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rules of a guard: what is read, what is refused and with which words, and that what is
 * written reads back. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "random.h"
#include "rule.h"
#include "rule_refused.h"

#define ALLOWED_FORMS                                                                           \
    "a rule is NAME > SHARE% or pQUANTILE NAME > DURATION, as in connect_failures > 1% or p99 " \
    "connect_time > 20ms, and may end in for DURATION"
#define SIGNALS \
    "connect_failures, resets, http_5xx, connect_time, response_time, retransmits, close_wait"
#define SHARES "write it like 5% or 0.25%, in steps of 0.0001%"
#define TIMES  "1us to 100s is allowed, in whole microseconds, as in 250us, 20ms or 1.5s"

static struct rule_spec rule(const char *text)
{
    struct rule_spec rule = {.limit_ns = 77, .place = {"f", 1, 2}};
    struct error err = {{0}};

    if (rule_parse(text, &rule, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rule.place.column, 2);
    return rule;
}

static void reads(const char *text, enum fs_signal signal, unsigned share_ppm, uint64_t limit_ns)
{
    struct rule_spec got = rule(text);

    assert_int_equal(got.signal, signal);
    assert_int_equal(got.share_ppm, share_ppm);
    assert_int_equal(got.limit_ns, limit_ns);
    assert_int_equal(got.hold_ms, 0);
}

static void test_holds(void **state)
{
    (void)state;
    assert_int_equal(rule("resets > 1% for 2s").hold_ms, 2000);
    assert_int_equal(rule("p99 connect_time > 20ms  for 1m30s").hold_ms, 90000);
    assert_int_equal(rule("resets > 1% for 1ms").hold_ms, 1);
    assert_int_equal(rule("resets > 1% for 1h").hold_ms, 3600000);
}

static void test_shares(void **state)
{
    (void)state;
    reads("connect_failures > 1%", FS_SIGNAL_CONNECT_FAILURES, 10000, 0);
    reads("resets > 0.0001%", FS_SIGNAL_RESETS, 1, 0);
    reads("http_5xx > 99.9999%", FS_SIGNAL_HTTP_5XX, 999999, 0);
    reads("retransmits > 2.5%", FS_SIGNAL_RETRANSMITS, 25000, 0);
    reads("close_wait > 5.0000%", FS_SIGNAL_CLOSE_WAIT, 50000, 0);
}

static void test_times(void **state)
{
    (void)state;
    reads("p99 connect_time > 20ms", FS_SIGNAL_CONNECT_TIME, 10000, 20000000);
    reads("p99.9 response_time > 250us", FS_SIGNAL_RESPONSE_TIME, 1000, 250000);
    reads("p50 connect_time > 1.5s", FS_SIGNAL_CONNECT_TIME, 500000, 1500000000);
    reads("p0.0001 connect_time > 1us", FS_SIGNAL_CONNECT_TIME, 999999, 1000);
    reads("p99.9999 connect_time > 100s", FS_SIGNAL_CONNECT_TIME, 1, 100000000000);
    reads("p95 connect_time > 0.001ms", FS_SIGNAL_CONNECT_TIME, 50000, 1000);
    reads("p95 connect_time > 99.999999s", FS_SIGNAL_CONNECT_TIME, 50000, 99999999000);
}

static void test_blanks(void **state)
{
    (void)state;
    reads("resets>1%", FS_SIGNAL_RESETS, 10000, 0);
    reads("  p99   connect_time>20ms  ", FS_SIGNAL_CONNECT_TIME, 10000, 20000000);
}

/* A text, at which column it is wrong, and the rest of the message. */
static const struct refusal refusals[] = {
    {"", 1, "nothing is there; " ALLOWED_FORMS},
    {"   ", 4, "nothing is there; " ALLOWED_FORMS},

    /* Signals */
    {"conect_failures > 1%", 1, "unknown signal \"conect_failures\"; known signals: " SIGNALS},
    {"Resets > 1%", 1, "unknown signal \"Resets\"; known signals: " SIGNALS},
    {"p99 latency > 1ms", 5, "unknown signal \"latency\"; known signals: " SIGNALS},
    {"packets > 1%", 1, "unknown signal \"packets\"; known signals: " SIGNALS},
    {"resets\t> 1%", 1, "unknown signal \"resets\\x09\"; known signals: " SIGNALS},
    {"> 1%", 1, "a signal is missing; known signals: " SIGNALS},
    {"p99 > 20ms", 5, "a signal is missing; known signals: " SIGNALS},
    {"p99", 4, "a signal is missing; known signals: " SIGNALS},

    /* Quantiles */
    {"connect_time > 20ms", 1,
     "connect_time is a time, which needs a quantile; write p99 connect_time > 20ms"},
    {"response_time > 1%", 1,
     "response_time is a time, which needs a quantile; write p99 response_time > 20ms"},
    {"p99 resets > 1%", 5, "resets is a share, which has no quantile; write resets > 1%"},
    {"p0 connect_time > 20ms", 1,
     "\"p0\" is out of range; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {"p0.0 connect_time > 20ms", 1,
     "\"p0.0\" is out of range; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {"p100 connect_time > 20ms", 1,
     "\"p100\" is out of range; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {"p4294967395 connect_time > 20ms", 1,
     "\"p4294967395\" is out of range; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {" p99.99999 connect_time > 20ms", 2,
     "\"p99.99999\" has more than four decimals; p0.0001 to p99.9999 is allowed, as in p99 or "
     "p99.9"},
    {"p connect_time > 20ms", 1,
     "\"p\" is no quantile; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {"p-5 connect_time > 20ms", 1,
     "\"p-5\" is no quantile; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},
    {"p99% connect_time > 20ms", 1,
     "\"p99%\" is no quantile; p0.0001 to p99.9999 is allowed, as in p99 or p99.9"},

    /* Comparisons */
    {"resets >= 1%", 8, "a rule can't compare by \">=\"; only > is allowed"},
    {"resets < 1%", 8, "a rule can't compare by \"<\"; only > is allowed"},
    {"resets = 1%", 8, "a rule can't compare by \"=\"; only > is allowed"},
    {"resets>>1%", 7, "a rule can't compare by \">>\"; only > is allowed"},
    {"resets", 7, "a > is missing; " ALLOWED_FORMS},
    {"resets 1%", 8, "a > is missing; " ALLOWED_FORMS},
    {"resets p99 > 1%", 8, "a > is missing; " ALLOWED_FORMS},

    /* Limits that are shares */
    {"resets >", 9, "the limit is missing; resets is a share, so write resets > 1%"},
    {"resets > 0%", 10, "a limit of 0% is out of range; 0.0001% to 99.9999% is allowed"},
    {"resets > 100%", 10, "a limit of 100% is out of range; 0.0001% to 99.9999% is allowed"},
    {"resets > 101%", 10, "the limit of resets is a share: \"101%\" is above 100%; " SHARES},
    {"resets > 4294967297%", 10,
     "the limit of resets is a share: \"4294967297%\" is above 100%; " SHARES},
    {"resets > 0.00001%", 10,
     "the limit of resets is a share: \"0.00001%\" has more than four decimals; " SHARES},
    {"resets > 1", 10, "the limit of resets is a share: \"1\" has no percent sign; " SHARES},
    {"resets > 1 %", 10, "the limit of resets is a share: \"1\" has no percent sign; " SHARES},
    {"resets > -1%", 10, "the limit of resets is a share: \"-1%\" is no percentage; " SHARES},
    {"resets > 20ms", 10, "the limit of resets is a share: \"20ms\" is no percentage; " SHARES},
    {"resets > many", 10, "the limit of resets is a share: \"many\" is no percentage; " SHARES},
    {"resets > \xff%", 10, "the limit of resets is a share: \"\\xff%\" is no percentage; " SHARES},

    /* Limits that are times */
    {"p99 connect_time >", 19,
     "the limit is missing; connect_time is a time, so write p99 connect_time > 20ms"},
    {"p99 connect_time > 0ms", 20,
     "the limit of connect_time is a time: \"0ms\" is too short; " TIMES},
    {"p99 connect_time > 0.5us", 20,
     "the limit of connect_time is a time: \"0.5us\" is finer than a microsecond; " TIMES},
    {"p99 connect_time > 1.0001ms", 20,
     "the limit of connect_time is a time: \"1.0001ms\" is finer than a microsecond; " TIMES},
    {"p99 connect_time > 0.0000001s", 20,
     "the limit of connect_time is a time: \"0.0000001s\" is finer than a microsecond; " TIMES},
    {"p99 connect_time > 100.000001s", 20,
     "the limit of connect_time is a time: \"100.000001s\" is too long; " TIMES},
    {"p99 connect_time > 99999999999999999999s", 20,
     "the limit of connect_time is a time: \"99999999999999999999s\" is too long; " TIMES},
    {"p99 connect_time > 20", 20,
     "the limit of connect_time is a time: \"20\" is no duration; " TIMES},
    {"p99 connect_time > 20 ms", 20,
     "the limit of connect_time is a time: \"20\" is no duration; " TIMES},
    {"p99 connect_time > 1m", 20,
     "the limit of connect_time is a time: \"1m\" is no duration; " TIMES},
    {"p99 connect_time > 1s5ms", 20,
     "the limit of connect_time is a time: \"1s5ms\" is no duration; " TIMES},
    {"p99 connect_time > 1%", 20,
     "the limit of connect_time is a time: \"1%\" is no duration; " TIMES},

    /* What follows */
    {"resets > 1% or so", 13,
     "\"or\" is too much; after its limit a rule ends, or goes on with for DURATION, as in for 2s"},
    {"resets > 1%>", 12,
     "\">\" is too much; after its limit a rule ends, or goes on with for DURATION, as in for 2s"},
    {"resets > 1% for", 16, "the time after for is missing; write for 2s"},
    {"resets > 1% for 2", 17,
     "after for: duration \"2\" is not a number and a unit; units are d, h, m, s and ms, as in "
     "500ms, 1.5s, 5m or 1h30m"},
    {"resets > 1% for 0s", 17, "for 0s is out of range; 1ms to 1h is allowed"},
    {"resets > 1% for 61m", 17, "for 61m is out of range; 1ms to 1h is allowed"},
    {"resets > 1% for 2s 3s", 20, "\"3s\" is too much; a rule ends with its time"},
    {"resets for 2s", 8, "a > is missing; " ALLOWED_FORMS},
    {"resets > 1% # comment", 13,
     "\"#\" is too much; after its limit a rule ends, or goes on with for DURATION, as in for 2s"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct rule_spec rule;
        struct error err = {{0}};

        assert_refused(&refusals[i], rule_parse(refusals[i].text, &rule, &err), &err);
    }
}

/* A word that is cut for its message must not be taken for what is left of it. */
static void test_long_words(void **state)
{
    struct rule_spec rule;
    struct error err;
    char text[400];

    (void)state;
    for (int zeros = 0; zeros < 200; zeros++) {
        bool fits = zeros + 2 < 64;
        int ret;

        sprintf(text, "resets > %0*d%%x", zeros + 1, 1);
        assert_int_equal(rule_parse(text, &rule, &err), -EINVAL);
        text[strlen(text) - 1] = '\0';
        ret = rule_parse(text, &rule, &err);
        assert_int_equal(ret, fits ? 0 : -EINVAL);
    }
}

static void assert_written(const char *text, const char *canonical)
{
    struct rule_spec got = rule(text);
    char buf[RULE_TEXT_MAX];

    assert_string_equal(rule_format(&got, buf), canonical);
}

static void test_canonical(void **state)
{
    (void)state;
    assert_written("connect_failures>01.000%", "connect_failures > 1%");
    assert_written("resets > 0.0500%", "resets > 0.05%");
    assert_written(" p99.0 connect_time > 0.02s ", "p99 connect_time > 20ms");
    assert_written("p099.90 response_time > 1500ms", "p99.9 response_time > 1.5s");
    assert_written("p50 response_time > 1.5ms", "p50 response_time > 1.5ms");
    assert_written("p0.0001 response_time > 1000us", "p0.0001 response_time > 1ms");
    assert_written("p90 response_time > 999us", "p90 response_time > 999us");
    assert_written("p90 response_time > 100s", "p90 response_time > 100s");
    assert_written("resets > 1% for 2000ms", "resets > 1% for 2s");
    assert_written("p90 connect_time > 1s for 90s", "p90 connect_time > 1s for 1m30s");
}

static void test_read_back(void **state)
{
    struct rng rng = {3};
    char buf[RULE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct fs_rule fs = {.signal = rng_below(&rng, FS_SIGNAL_COUNT),
                             .share_ppm = 1 + rng_below(&rng, FS_SHARE_ONE - 1)};
        struct rule_spec written, again;

        if (signal_infos[fs.signal].kind == FS_KIND_TIME)
            fs.limit_ns = 1000ULL * (1 + rng_below(&rng, i % 3 ? 100000 : 100000000));
        if (i % 2)
            fs.hold_ns = 1000000ULL * (1 + rng_below(&rng, 3600000));
        written = rule_declared(&fs);
        again = rule(rule_format(&written, buf));
        assert_true(rule_same(&written, &again));
        assert_true(strlen(buf) < RULE_TEXT_MAX - 8);
    }
}

static bool same(const char *a, const char *b)
{
    struct rule_spec left = rule(a), right = rule(b);

    right.place.line++;
    return rule_same(&left, &right);
}

static void test_same(void **state)
{
    (void)state;
    assert_true(same("resets > 1%", "resets>1.0%"));
    assert_true(same("p99 connect_time > 1s", "p99 connect_time > 1000ms"));
    assert_false(same("resets > 1%", "resets > 2%"));
    assert_true(same("resets > 1%", "resets > 1% for 2s"));
    assert_false(same("resets > 1%", "retransmits > 1%"));
    assert_false(same("p99 connect_time > 1s", "p98 connect_time > 1s"));
    assert_false(same("p99 connect_time > 1s", "p99 connect_time > 2s"));
}

/* One that comes from programs of another version, say. */
static void test_unknown_signal(void **state)
{
    struct rule_spec odd = {.signal = (enum fs_signal)1000, .share_ppm = 10000};
    char buf[RULE_TEXT_MAX];

    (void)state;
    assert_string_equal(rule_format(&odd, buf), "unknown > 1%");
}

static void test_signals(void **state)
{
    (void)state;
    for (int i = 0; i < FS_SIGNAL_COUNT; i++) {
        char text[RULE_TEXT_MAX];
        bool is_time = signal_infos[i].kind == FS_KIND_TIME;

        snprintf(text, sizeof(text), "%s%s > %s", is_time ? "p99 " : "", signal_infos[i].name,
                 is_time ? "20ms" : "1%");
        reads(text, (enum fs_signal)i, 10000, is_time ? 20000000 : 0);
    }
    assert_int_equal(signal_infos[FS_SIGNAL_CLOSE_WAIT].needs, FS_NEEDS_LOCAL);
    assert_int_equal(signal_infos[FS_SIGNAL_HTTP_5XX].needs, FS_NEEDS_HTTP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a share is judged by NAME > SHARE%", test_shares),
        TEST("a rule may ask for time, from 1 ms to an hour", test_holds),
        TEST("a time is judged by pQUANTILE NAME > DURATION", test_times),
        TEST("blanks around the words don't matter", test_blanks),
        TEST("what is no rule is refused with its column, why, and what is allowed", test_refusals),
        TEST("a word of any length is read whole or refused", test_long_words),
        TEST("a rule is written in its shortest form", test_canonical),
        TEST("what is written reads back the same", test_read_back),
        TEST("rules are the same if signal and limit are, wherever they stand", test_same),
        TEST("a rule of an unknown signal can still be shown", test_unknown_signal),
        TEST("every signal on the list can be judged", test_signals),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
