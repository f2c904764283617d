// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The figures of splitting slots: backends of a pool have equal shares, and few slots move. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "pool.h"
#include "random.h"

#define NUMBER(n) (40 + 7 * (n)) /* of the nth backend: any number, never its place */

static void version_init(struct draft_version *version)
{
    memset(version, 0, sizeof(*version));
    version->members = calloc(FS_MAX_POOL, sizeof(*version->members));
    assert_non_null(version->members);
}

static long version_spread(struct draft_version *version, uint32_t members)
{
    for (uint32_t i = 0; i < members; i++)
        version->members[i] = NUMBER(i);
    version->member_count = members;
    return pool_spread(version, (struct split_time){1000, 50});
}

/* Each of the backends has its share, within `parts` per thousand, and nobody else has any. */
static void assert_equal_shares(const struct draft_version *version, double parts)
{
    static uint32_t have[NUMBER(FS_MAX_POOL)];
    double equal = (double)version->slot_count / version->member_count;
    uint32_t sum = 0;

    memset(have, 0, sizeof(have));
    for (uint32_t i = 0; i < version->slot_count; i++)
        have[version->slots[i].owner]++;
    for (uint32_t i = 0; i < version->member_count; i++) {
        double off = have[version->members[i]] / equal - 1;

        if (off * 1000 > parts || off * 1000 < -parts)
            fail_msg("of %u backends, one has %u of %u slots", version->member_count,
                     have[version->members[i]], version->slot_count);
        sum += have[version->members[i]];
    }
    assert_int_equal(sum, version->slot_count);
}

static void test_pool_sizes(void **state)
{
    static const uint32_t sizes[][2] = {{1, 128},      {2, 256},      {3, 512},      {4, 512},
                                        {5, 1024},     {100, 16384},  {128, 16384},  {129, 16384},
                                        {1000, 16384}, {1024, 16384}, {1025, 32768}, {2048, 32768},
                                        {2049, 65536}, {4096, 65536}};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_int_equal(pool_slots(sizes[i][0]), sizes[i][1]);
}

static void test_pool_shares(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 100; n++) {
        struct draft_version version;

        version_init(&version);
        assert_true(version_spread(&version, n) >= 0);
        assert_equal_shares(&version, 10);
        for (uint32_t i = 0; i < version.slot_count; i++)
            assert_false(version.slots[i].unsettled);
        draft_version_clear(&version);
    }
}

static void test_pool_grows(void **state)
{
    struct draft_version version;
    uint32_t slots = 0;

    (void)state;
    version_init(&version);
    for (uint32_t n = 1; n <= 100; n++) {
        assert_true(version_spread(&version, n) >= 0);
        assert_equal_shares(&version, 10);
        assert_true(version.slot_count >= slots);
        slots = version.slot_count;
    }
    for (uint32_t n = 100; n; n--) {
        assert_true(version_spread(&version, n) >= 0);
        assert_equal_shares(&version, 10);
        assert_int_equal(version.slot_count, slots);
    }
    draft_version_clear(&version);
}

static void test_pool_large(void **state)
{
    struct draft_version version;

    (void)state;
    version_init(&version);
    assert_true(version_spread(&version, FS_MAX_POOL) >= 0);
    assert_int_equal(version.slot_count, 65536);
    assert_equal_shares(&version, 0);
    assert_true(version_spread(&version, FS_MAX_POOL - 1) >= 0);
    assert_equal_shares(&version, 62.5); /* one slot in 16 */
    draft_version_clear(&version);
}

/* Takes the backend at `gone` out of n and counts the slots that move; all of them must be its own
 * or go to even out. */
static void assert_removal(struct draft_version *version, uint32_t n, uint32_t gone)
{
    uint32_t slots;
    long moved;

    assert_true(version_spread(version, n) >= 0);
    slots = version->slot_count;
    for (uint32_t i = gone; i + 1 < n; i++)
        version->members[i] = version->members[i + 1];
    version->member_count = n - 1;
    moved = pool_spread(version, (struct split_time){2000, 50});
    if (moved < 0 || moved > 1.5 / n * slots)
        fail_msg("without number %u of %u backends, %ld of %u slots move", gone, n, moved, slots);
    assert_equal_shares(version, 10);
}

static void test_pool_removal(void **state)
{
    struct draft_version version;
    struct rng rng = {5};

    (void)state;
    for (uint32_t n = 2; n <= 100; n += n < 20 ? 1 : 9) {
        version_init(&version);
        for (int i = 0; i < 3; i++)
            assert_removal(&version, n, rng_below(&rng, n));
        draft_version_clear(&version);
    }
}

/* A slot that was divided in two leads to where the one led, unless it moved for a share. */
static void test_pool_refined(void **state)
{
    struct draft_version version;
    uint32_t owners[256], kept = 0;

    (void)state;
    version_init(&version);
    version_spread(&version, 2);
    for (uint32_t i = 0; i < 256; i++)
        owners[i] = version.slots[i].owner;
    assert_int_equal(version_spread(&version, 3), 512 / 3);
    assert_int_equal(version.slot_count, 512);
    for (uint32_t i = 0; i < 512; i++) {
        kept += version.slots[i].owner == owners[i / 2];
        if (version.slots[i].owner != owners[i / 2]) {
            assert_int_equal(version.slots[i].owner, NUMBER(2));
            assert_int_equal(version.slots[i].previous, owners[i / 2]);
            assert_true(version.slots[i].unsettled);
        }
    }
    assert_int_equal(kept, 512 - 512 / 3);
    draft_version_clear(&version);
}

static void test_pool_emptied(void **state)
{
    struct draft_version version;
    static struct split_item before[1024];

    (void)state;
    version_init(&version);
    version_spread(&version, 5);
    memcpy(before, version.slots, sizeof(before));
    assert_int_equal(version_spread(&version, 0), 0);
    assert_int_equal(version.slot_count, 1024);
    assert_memory_equal(before, version.slots, sizeof(before));
    draft_version_clear(&version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a pool has 128 slots a backend, then 16384, then 16 a backend", test_pool_sizes),
        TEST("each of up to 100 backends is within 1% of its equal share", test_pool_shares),
        TEST("backends keep equal shares as a pool grows and shrinks", test_pool_grows),
        TEST("a pool of 4096 has shares within a slot of equal", test_pool_large),
        TEST("removing one of n backends moves at most 1.5/n of the slots", test_pool_removal),
        TEST("a pool that grows keeps its slots where they led", test_pool_refined),
        TEST("an emptied pool keeps its slots as they are", test_pool_emptied),
    };

    return cmocka_run_group_tests_name("split pools", tests, NULL, NULL);
}
