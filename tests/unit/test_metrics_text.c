// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prometheus's text format: numbers, labels and histograms as it wants them. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "metrics_read.h"
#include "random.h"

#define S 1000000000ull

/* What a label's value becomes. */
struct label_row {
    const char *value, *written;
};

static struct label_row label_rows[] = {
    {"web", "web"},
    {"", ""},
    {"p99 response_time > 20ms", "p99 response_time > 20ms"},
    {"a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
    {"\\n", "\\\\n"},
    {"größer als 1 €, 𝄞", "größer als 1 €, 𝄞"},
    {"a\xff\x62", "a?b"},
    {"cut \xe2\x82", "cut ??"},
    {"over\xc0\xaflong", "over??long"},
    {"\xed\xa0\x80", "???"},
    {"\xf4\x90\x80\x80", "????"},
};

static void test_label(void **state)
{
    const struct label_row *row = *state;
    struct metrics_labels labels = one_label("rule", row->value);
    char wanted[128];

    snprintf(wanted, sizeof(wanted), "rule=\"%s\"", row->written);
    assert_string_equal(labels.text, wanted);
    assert_int_equal(labels.length, strlen(wanted));
}

static void test_long_label(void **state)
{
    struct metrics_labels labels = one_label("service", "web");
    char endless[2000];

    (void)state;
    memset(endless, '"', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    metrics_label(&labels, "rule", endless);
    assert_string_equal(labels.text, "service=\"web\"");
    assert_int_equal(labels.length, strlen(labels.text));
    metrics_label(&labels, "version", "canary");
    assert_string_equal(labels.text, "service=\"web\",version=\"canary\"");
}

/* The longest that a service file allows, with every character escaped. */
static void test_longest_labels(void **state)
{
    struct metrics_labels labels = {0};
    char name[64], rule[80];

    (void)state;
    memset(name, '\\', sizeof(name) - 1);
    memset(rule, '"', sizeof(rule) - 1);
    name[sizeof(name) - 1] = rule[sizeof(rule) - 1] = '\0';
    metrics_label(&labels, "service", name);
    metrics_label(&labels, "version", name);
    metrics_label(&labels, "rule", rule);
    assert_has(labels.text, ",rule=\"");
    metrics_label(&labels, "state", "running");
    assert_has(labels.text, ",state=\"running\"");
}

static void test_head(void **state)
{
    struct metrics_text text = {0};
    char *words;

    (void)state;
    metrics_head(&text, "flowsplit_x", METRICS_COUNTER, "one\\two\nthree \"four\"");
    metrics_head(&text, "flowsplit_y", METRICS_HISTOGRAM, "y");
    metrics_comment(&text, "two\nlines");
    words = take_text(&text);
    assert_string_equal(words, "# HELP flowsplit_x one\\\\two\\nthree \"four\"\n"
                               "# TYPE flowsplit_x counter\n"
                               "# HELP flowsplit_y y\n"
                               "# TYPE flowsplit_y histogram\n"
                               "# two lines\n");
    free(words);
}

static void test_samples(void **state)
{
    struct metrics_labels labels = one_label("a", "b"), none = {0};
    struct metrics_text text = {0};
    char *words;

    (void)state;
    metrics_count(&text, "n", NULL, 0);
    metrics_count(&text, "n", &none, 10);
    metrics_count(&text, "n", &labels, UINT64_MAX);
    metrics_summary(&text, "n", &labels, 1500000000, 7);
    words = take_text(&text);
    assert_string_equal(words, "n 0\n"
                               "n 10\n"
                               "n{a=\"b\"} 18446744073709551615\n"
                               "n_sum{a=\"b\"} 1.5\n"
                               "n_count{a=\"b\"} 7\n");
    free(words);
}

static void test_reals(void **state)
{
    static const struct {
        double value;
        const char *written;
    } rows[] = {
        {0, "n 0\n"},       {1, "n 1\n"},          {0.0001, "n 0.0001\n"}, {0.95, "n 0.95\n"},
        {-2.5, "n -2.5\n"}, {1e300, "n 1e+300\n"}, {INFINITY, "n +Inf\n"}, {-INFINITY, "n -Inf\n"},
        {NAN, "n NaN\n"}};
    struct rng rng = {3};

    (void)state;
    for (size_t i = 0; i < COUNT(rows) + 1000; i++) {
        double value =
            i < COUNT(rows) ? rows[i].value : (double)rng_next(&rng) / (double)(rng_next(&rng) | 1);
        struct metrics_text text = {0};
        char *words;

        metrics_real(&text, "n", NULL, value);
        words = take_text(&text);
        if (i < COUNT(rows))
            assert_string_equal(words, rows[i].written);
        else
            assert_true(strtod(words + 2, NULL) == value);
        free(words);
    }
}

static void test_times(void **state)
{
    static const struct {
        uint64_t ns;
        const char *written;
    } rows[] = {{0, "n 0\n"},
                {1, "n 0.000000001\n"},
                {1024, "n 0.000001024\n"},
                {S, "n 1\n"},
                {S + 1, "n 1.000000001\n"},
                {1500 * S / 1000, "n 1.5\n"},
                {10 * S, "n 10\n"},
                {UINT64_MAX, "n 18446744073.709551615\n"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct metrics_text text = {0};
        char *words;

        metrics_time(&text, "n", NULL, rows[i].ns);
        words = take_text(&text);
        assert_string_equal(words, rows[i].written);
        free(words);
    }
}

/* --- histograms --- */

#define TIMES 500

/* What is known of times that went into a histogram. */
struct recorded {
    uint64_t ns[TIMES];
    uint64_t sum;
    struct fs_histogram histogram;
};

/* Spread over all orders of magnitude, and every fourth exactly on a bin's limit. */
static void record(struct recorded *recorded, struct rng *rng)
{
    memset(recorded, 0, sizeof(*recorded));
    for (int i = 0; i < TIMES; i++) {
        uint64_t ns = rng_next(rng) >> (24 + rng_below(rng, 36));

        if (rng_below(rng, 4) == 0)
            ns = fs_bin_low(rng_below(rng, FS_BINS));
        recorded->ns[i] = ns;
        recorded->sum += ns;
        recorded->histogram.count++;
        recorded->histogram.sum_ns += ns;
        recorded->histogram.bins[fs_bin(ns)]++;
    }
}

static uint64_t below(const struct recorded *recorded, double seconds)
{
    uint64_t count = 0;

    for (int i = 0; i < TIMES; i++)
        count += (double)recorded->ns[i] < round(seconds * 1e9);
    return count;
}

/* Checks a bucket's line; returns what follows it. */
static const char *check_bucket(const char *line, const struct recorded *recorded, double *limit,
                                unsigned long long *count)
{
    double before = *limit;
    unsigned long long fewer = *count;

    assert_int_equal(sscanf(line, "n_bucket{a=\"b\",le=\"%lf\"} %llu", limit, count), 2);
    assert_true(*limit > before);
    assert_true(*count >= fewer);
    assert_int_equal(*count, isinf(*limit) ? TIMES : below(recorded, *limit));
    return strchr(line, '\n') + 1;
}

static void test_histogram(void **state)
{
    struct metrics_labels labels = one_label("a", "b");
    struct rng rng = {11};

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct recorded recorded;
        struct metrics_text text = {0};
        unsigned long long count = 0;
        double limit = 0, seconds;
        char *words;
        const char *line;
        int buckets = 0;

        record(&recorded, &rng);
        metrics_histogram(&text, "n", &labels, &recorded.histogram);
        words = take_text(&text);
        for (line = words; strncmp(line, "n_bucket", 8) == 0; buckets++)
            line = check_bucket(line, &recorded, &limit, &count);
        assert_true(isinf(limit));
        assert_in_range(buckets, 50, 60);
        assert_int_equal(
            sscanf(line, "n_sum{a=\"b\"} %lf\nn_count{a=\"b\"} %llu\n", &seconds, &count), 2);
        assert_true(fabs(seconds - (double)recorded.sum / 1e9) < 1e-6);
        assert_int_equal(count, TIMES);
        free(words);
    }
}

static void test_limits(void **state)
{
    struct fs_histogram nothing = {0};
    struct metrics_text text = {0};
    double before = 0, limit;
    char *words;

    (void)state;
    metrics_histogram(&text, "n", NULL, &nothing);
    words = take_text(&text);
    assert_has(words, "n_bucket{le=\"0.000001024\"} 0\n");
    assert_has(words, "n_bucket{le=\"103.079215104\"} 0\nn_bucket{le=\"+Inf\"} 0\n");
    for (char *line = words; sscanf(line, "n_bucket{le=\"%lf\"", &limit) == 1 && !isinf(limit);
         line = strchr(line, '\n') + 1) {
        assert_true(!before || limit / before <= 1.5);
        before = limit;
    }
    free(words);
}

/* The data path counts the sum and the bin one after the other. */
static void test_torn(void **state)
{
    struct fs_histogram torn = {.count = 9, .sum_ns = 5000};
    struct metrics_text text = {0};
    char *words;

    (void)state;
    torn.bins[fs_bin(5000)] = 1;
    metrics_histogram(&text, "n", NULL, &torn);
    words = take_text(&text);
    assert_has(words, "n_bucket{le=\"+Inf\"} 1\nn_sum 0.000005\nn_count 1\n");
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ROW("a plain label is as it is", test_label, &label_rows[0]),
        TEST_ROW("an empty label stands there, too", test_label, &label_rows[1]),
        TEST_ROW("a rule is a label", test_label, &label_rows[2]),
        TEST_ROW("quotes, backslashes and newlines are escaped", test_label, &label_rows[3]),
        TEST_ROW("what looks escaped is escaped again", test_label, &label_rows[4]),
        TEST_ROW("characters of two, three and four bytes stay", test_label, &label_rows[5]),
        TEST_ROW("a byte that is no UTF-8 becomes a question mark", test_label, &label_rows[6]),
        TEST_ROW("so does a character that is cut short", test_label, &label_rows[7]),
        TEST_ROW("and one that is longer than needed", test_label, &label_rows[8]),
        TEST_ROW("and half of a surrogate pair", test_label, &label_rows[9]),
        TEST_ROW("and one above U+10FFFF", test_label, &label_rows[10]),
        TEST("a label that is too long is left out, and the next one isn't", test_long_label),
        TEST("the longest names and rules fit, all escaped", test_longest_labels),
        TEST("heads escape backslashes and newlines; a comment is one line", test_head),
        TEST("samples have braces if there are labels", test_samples),
        TEST("reals read back as the same", test_reals),
        TEST("times are exact", test_times),
        TEST("buckets are cumulative and count exactly what is below their limits", test_histogram),
        TEST("buckets go from 1 us to 100 s, two an octave", test_limits),
        TEST("count and last bucket agree, whatever the data path is doing", test_torn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
