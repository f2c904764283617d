// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Weights, durations, names and words: what is read, what is refused and with which words, and that
 * what is printed reads back. */
#include "unit.h"

#include <errno.h>

#include "parse.h"

static unsigned weight(const char *text)
{
    struct error err = {{0}};
    unsigned bp = 12345;

    assert_int_equal(parse_weight(text, &bp, &err), 0);
    return bp;
}

static void refuses_weight(const char *text, const char *why)
{
    struct error err = {{0}};
    unsigned bp;

    assert_int_equal(parse_weight(text, &bp, &err), -EINVAL);
    assert_contains(assert_contains(err.text, why),
                    "; a weight is from 0% to 100% in steps of 0.01%");
}

static void test_weights(void **state)
{
    (void)state;
    assert_int_equal(weight("0%"), 0);
    assert_int_equal(weight("5%"), 500);
    assert_int_equal(weight("0.01%"), 1);
    assert_int_equal(weight("33.3%"), 3330);
    assert_int_equal(weight("99.99%"), 9999);
    assert_int_equal(weight("100%"), 10000);
    assert_int_equal(weight("100.00%"), 10000);
    assert_int_equal(weight("007%"), 700);
}

static void test_weight_range(void **state)
{
    (void)state;
    refuses_weight("-5%", "weight \"-5%\" is negative");
    refuses_weight("101%", "weight \"101%\" is above 100%");
    refuses_weight("100.01%", "is above 100%");
    refuses_weight("100.001%", "is above 100%");
    refuses_weight("4294967301%", "is above 100%");
    refuses_weight("99999999999999999999999999%", "is above 100%");
    refuses_weight("0.001%", "has more than two decimals");
    refuses_weight("5.005%", "has more than two decimals");
}

static void test_weight_form(void **state)
{
    static const char *const texts[] = {"",    "%",    ".5%",  "5.%",   "5%%", "5 %",  " 5%",
                                        "+5%", "1e1%", "0x5%", "five%", "5%a", "0,5%", "nan%"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        refuses_weight(texts[i], "is no percentage");
}

static void test_weight_sign(void **state)
{
    (void)state;
    refuses_weight("5", "weight \"5\" has no percent sign; write 5%");
    refuses_weight("0.05", "weight \"0.05\" has no percent sign; write 0.05%");
    refuses_weight("500", "is above 100%");
}

static void test_weights_read_back(void **state)
{
    char buf[16];

    (void)state;
    for (unsigned bp = 0; bp <= FS_BUCKETS; bp++)
        assert_int_equal(weight(format_weight(bp, buf)), bp);
    assert_string_equal(format_weight(500, buf), "5%");
    assert_string_equal(format_weight(1, buf), "0.01%");
    assert_string_equal(format_weight(3330, buf), "33.3%");
    assert_string_equal(format_weight(9905, buf), "99.05%");
    assert_string_equal(format_weight(4294967295u, buf), "42949672.95%");
}

static unsigned duration(const char *text)
{
    struct error err = {{0}};
    unsigned ms = 12345;

    assert_int_equal(parse_duration(text, &ms, &err), 0);
    return ms;
}

static void refuses_duration(const char *text, const char *why)
{
    struct error err = {{0}};
    unsigned ms;

    assert_int_equal(parse_duration(text, &ms, &err), -EINVAL);
    assert_contains(err.text, why);
}

static void test_durations(void **state)
{
    (void)state;
    assert_int_equal(duration("0s"), 0);
    assert_int_equal(duration("500ms"), 500);
    assert_int_equal(duration("2s"), 2000);
    assert_int_equal(duration("1.5s"), 1500);
    assert_int_equal(duration("0.005s"), 5);
    assert_int_equal(duration("5m"), 300000);
    assert_int_equal(duration("1h30m"), 5400000);
    assert_int_equal(duration("1.5h"), 5400000);
    assert_int_equal(duration("1d1h1m1s1ms"), 90061001);
    assert_int_equal(duration("7d"), 604800000);
    assert_int_equal(duration("90m"), 5400000);
}

static void test_duration_form(void **state)
{
    static const char *const texts[] = {
        "",     "5",   "0",   "s",   "5 m", "-5m",     "5M",      "5min",   "5m5m", "30m1h", "1s1s",
        "1m30", "1.s", ".5s", "5m ", "1us", "1.0001s", "500.5ms", "1h 30m", "5mss", "1e3s"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        refuses_duration(texts[i], "is not a number and a unit; units are d, h, m, s and ms");
}

static void test_duration_range(void **state)
{
    (void)state;
    refuses_duration("8d", "duration \"8d\" is too long; the longest is 7d");
    refuses_duration("7d1ms", "is too long");
    refuses_duration("604800001ms", "is too long");
    refuses_duration("4294967296ms", "is too long");
    refuses_duration("99999999999999999999d", "is too long");
}

static void test_durations_read_back(void **state)
{
    char buf[32];

    (void)state;
    for (unsigned ms = 0; ms <= 604800000; ms += ms < 200000 ? 1 : 99991)
        assert_int_equal(duration(format_duration(ms, buf)), ms);
    assert_string_equal(format_duration(0, buf), "0s");
    assert_string_equal(format_duration(500, buf), "500ms");
    assert_string_equal(format_duration(1500, buf), "1.5s");
    assert_string_equal(format_duration(1005, buf), "1.005s");
    assert_string_equal(format_duration(300000, buf), "5m");
    assert_string_equal(format_duration(5400000, buf), "1h30m");
    assert_string_equal(format_duration(86400000, buf), "1d");
    assert_string_equal(format_duration(4294967295u, buf), "49d17h2m47.295s");
}

static void test_names(void **state)
{
    char longest[FS_NAME_MAX + 1] = {0}, too_long[FS_NAME_MAX + 2] = {0};
    struct error err = {{0}};

    (void)state;
    memset(longest, 'a', FS_NAME_MAX);
    memset(too_long, 'a', FS_NAME_MAX + 1);
    assert_int_equal(parse_name("service name", "web-2", &err), 0);
    assert_int_equal(parse_name("service name", "0", &err), 0);
    assert_int_equal(parse_name("service name", longest, &err), 0);
    assert_int_equal(parse_name("service name", too_long, &err), -EINVAL);
    assert_contains(err.text, "is too long; a name is 1 to 63 characters of a-z, 0-9 and -");
    assert_int_equal(parse_name("version name", "", &err), -EINVAL);
    assert_string_equal(err.text, "version name \"\" is empty; a name is 1 to 63 characters of "
                                  "a-z, 0-9 and -");
    for (int c = 1; c < 256; c++) {
        char text[] = {'a', (char)c, 0};
        bool allowed = strchr("abcdefghijklmnopqrstuvwxyz0123456789-", c);

        assert_int_equal(parse_name("service name", text, &err), allowed ? 0 : -EINVAL);
    }
}

static void test_words(void **state)
{
    struct error err = {{0}};
    enum fs_affinity affinity;
    enum fs_mode mode;

    (void)state;
    assert_int_equal(parse_mode("nat", &mode, &err), 0);
    assert_int_equal(mode, FS_MODE_NAT);
    assert_int_equal(parse_mode("dsr", &mode, &err), -EINVAL);
    assert_string_equal(err.text, "mode \"dsr\" is unknown; known: nat");
    for (int i = FS_AFFINITY_FLOW; i <= FS_AFFINITY_NONE; i++) {
        assert_int_equal(parse_affinity(format_affinity((enum fs_affinity)i), &affinity, &err), 0);
        assert_int_equal(affinity, i);
    }
    assert_string_equal(format_affinity(FS_AFFINITY_SOURCE), "source");
    assert_string_equal(format_mode(FS_MODE_NAT), "nat");
    assert_int_equal(parse_affinity("Flow", &affinity, &err), -EINVAL);
    assert_string_equal(err.text, "affinity \"Flow\" is unknown; known: flow, source, none");
}

static void test_quoting(void **state)
{
    struct error err = {{0}};
    char endless[3000];
    unsigned bp;

    (void)state;
    memset(endless, '\n', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_int_equal(parse_name("service name", "a\x1b[31m\xc3\xa9", &err), -EINVAL);
    assert_contains(err.text, "service name \"a\\x1b[31m\\xc3\\xa9\" has other characters");
    assert_int_equal(parse_weight(endless, &bp, &err), -EINVAL);
    assert_contains(err.text, "\\x0a\\x0a...\" is no percentage");
    assert_true(strlen(err.text) < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("weights from 0% to 100% are read as basis points", test_weights),
        TEST("a weight out of range or finer than 0.01% is refused", test_weight_range),
        TEST("a weight that is no number is refused", test_weight_form),
        TEST("a weight without percent sign is refused with a hint", test_weight_sign),
        TEST("each of the 10001 weights reads back as printed", test_weights_read_back),
        TEST("durations with every unit are read as milliseconds", test_durations),
        TEST("a duration without unit, in odd order or too fine is refused", test_duration_form),
        TEST("a duration above 7 days is refused, however large", test_duration_range),
        TEST("durations read back as printed", test_durations_read_back),
        TEST("names have 1 to 63 characters of a-z, 0-9 and -", test_names),
        TEST("modes and affinities are read and printed by one table", test_words),
        TEST("messages show odd and endless text escaped and cut", test_quoting),
    };

    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
