// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Times go into bins that are narrow enough, and come out as honest quantiles. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <flowsplit/health.h>

#include "health.h"
#include "random.h"

#define US 1000ull
#define S  1000000000ull

static void test_edges(void **state)
{
    (void)state;
    for (uint32_t bin = 0; bin < FS_BINS; bin++) {
        assert_true(fs_bin_low(bin) < fs_bin_low(bin + 1));
        assert_int_equal(fs_bin(fs_bin_low(bin)), bin);
        assert_int_equal(fs_bin(fs_bin_low(bin + 1) - 1), bin);
    }
    assert_true(fs_bin_low(FS_BINS) > 100 * S);
    assert_int_equal(fs_bin(UINT64_MAX), FS_BINS - 1);
}

static void test_width(void **state)
{
    (void)state;
    for (uint64_t ns = 1 * US; ns <= 100 * S; ns += 1 + ns / 1000) {
        uint32_t bin = fs_bin(ns);

        assert_in_range(ns, fs_bin_low(bin), fs_bin_low(bin + 1) - 1);
        assert_true(16 * (fs_bin_low(bin + 1) - fs_bin_low(bin)) <= ns);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void test_quantiles(void **state)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};
    struct rng rng = {7};
    uint64_t times[1000];

    (void)state;
    for (int round = 0; round < 100; round++) {
        struct fs_histogram histogram = {0};

        for (int i = 0; i < 1000; i++) {
            times[i] = US + rng_next(&rng) % (S >> rng_below(&rng, 20));
            histogram.bins[fs_bin(times[i])]++;
        }
        qsort(times, 1000, sizeof(times[0]), by_size);
        for (int i = 0; i < 4; i++) {
            uint64_t exact = times[(int)(quantiles[i] * 1000 + 0.5) - 1];
            uint64_t told = health_quantile(&histogram, quantiles[i]);

            assert_true(llabs((long long)(told - exact)) * 16 <= (long long)exact);
        }
    }
}

static void test_nothing(void **state)
{
    struct fs_histogram histogram = {0};

    (void)state;
    assert_int_equal(health_quantile(&histogram, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("bins follow each other without a gap, and the last takes what is longer", test_edges),
        TEST("no bin is wider than a sixteenth of its times, from 1 us to 100 s", test_width),
        TEST("quantiles are at most 6.25 % off", test_quantiles),
        TEST("no time has no quantile", test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
