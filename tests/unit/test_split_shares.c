// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The figures of splitting buckets: exact shares for every weight vector, and the fewest moves. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include <flowsplit/abi.h>

#include "random.h"
#include "split.h"

static const struct split_time at_rest = {0, 0};

static void count_owners(const struct split_item *items, size_t count, uint32_t *have,
                         uint32_t owners)
{
    memset(have, 0, owners * sizeof(*have));
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].owner < owners);
        have[items[i].owner]++;
    }
}

static void assert_exact(const struct split_item *items, size_t count,
                         const struct split_share *shares, uint32_t owners, unsigned round)
{
    uint32_t have[64];

    count_owners(items, count, have, owners);
    for (uint32_t i = 0; i < owners; i++)
        if (have[shares[i].owner] != shares[i].quota)
            fail_msg("round %u: owner %u has %u of %zu, not %u", round, shares[i].owner,
                     have[shares[i].owner], count, shares[i].quota);
}

static size_t differing(const struct split_item *left, const struct split_item *right, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += left[i].owner != right[i].owner;
    return n;
}

/* Divides and checks all that is promised: each owner has its quota; as many items changed owner as
 * the growing owners gain, and as many as were said to. */
static void divide_exactly(struct split_item *items, size_t count, const struct split_share *shares,
                           uint32_t owners, struct split_time time, unsigned round)
{
    static struct split_item before[FS_BUCKETS];
    uint32_t have[64];
    size_t gains = 0, moved;
    long said;

    memcpy(before, items, count * sizeof(*items));
    count_owners(items, count, have, owners);
    for (uint32_t i = 0; i < owners; i++)
        if (shares[i].quota > have[shares[i].owner])
            gains += shares[i].quota - have[shares[i].owner];
    said = split_divide(items, count, shares, owners, time);
    assert_exact(items, count, shares, owners, round);
    moved = differing(before, items, count);
    if (moved != gains || said != (long)moved)
        fail_msg("round %u: %zu moved, %ld said to, for gains of %zu", round, moved, said, gains);
}

/* Every weight of the canary from 0 to 10000 basis points and back to 0. What it has at one weight
 * is part of what it has at any greater one, so the second half meets each set again. */
static void test_every_weight(void **state)
{
    static struct split_item items[FS_BUCKETS];
    static uint16_t taken_at[FS_BUCKETS];
    struct split_share shares[] = {{0, FS_BUCKETS}, {1, 0}};

    (void)state;
    split_init(items, FS_BUCKETS);
    assert_int_equal(split_divide(items, FS_BUCKETS, shares, 2, at_rest), FS_BUCKETS);
    assert_exact(items, FS_BUCKETS, shares, 2, 0);
    for (uint32_t bp = 1; bp <= FS_BUCKETS; bp++) {
        shares[0].quota = FS_BUCKETS - bp;
        shares[1].quota = bp;
        assert_int_equal(split_divide(items, FS_BUCKETS, shares, 2, (struct split_time){bp, 50}),
                         1);
        assert_exact(items, FS_BUCKETS, shares, 2, bp);
        for (size_t i = 0; i < FS_BUCKETS; i++) {
            if (items[i].owner == 1 && !taken_at[i])
                taken_at[i] = (uint16_t)bp;
            if ((items[i].owner == 1) != (taken_at[i] != 0))
                fail_msg("at %u bp the canary lost bucket %zu, which it had at %u bp", bp, i,
                         taken_at[i]);
        }
    }
    for (uint32_t bp = FS_BUCKETS; bp > 37;) { /* down in odd steps */
        bp -= 37;
        shares[0].quota = FS_BUCKETS - bp;
        shares[1].quota = bp;
        assert_int_equal(
            split_divide(items, FS_BUCKETS, shares, 2, (struct split_time){20000 - bp, 50}), 37);
        for (size_t i = 0; i < FS_BUCKETS; i++)
            if ((items[i].owner == 1) != (taken_at[i] <= bp))
                fail_msg("at %u bp on the way down bucket %zu is %u's; taken at %u bp", bp, i,
                         items[i].owner, taken_at[i]);
    }
}

static void test_fresh_tables(void **state)
{
    static struct split_item items[FS_BUCKETS];

    (void)state;
    for (uint32_t bp = 0; bp <= FS_BUCKETS; bp += 59) {
        const struct split_share shares[] = {{1, bp}, {0, FS_BUCKETS - bp}};

        split_init(items, FS_BUCKETS);
        assert_int_equal(split_divide(items, FS_BUCKETS, shares, 2, at_rest), FS_BUCKETS);
        assert_exact(items, FS_BUCKETS, shares, 2, bp);
    }
}

static void shuffle(struct rng *rng, struct split_share *shares, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = rng_below(rng, i);
        struct split_share share = shares[i - 1];

        shares[i - 1] = shares[j];
        shares[j] = share;
    }
}

static void test_random_vectors(void **state)
{
    static struct split_item items[FS_BUCKETS];
    struct split_share shares[FS_MAX_VERSIONS];
    struct rng rng = {2};

    (void)state;
    for (unsigned round = 0; round < 1500; round++) {
        uint32_t owners = 2 + round % (FS_MAX_VERSIONS - 1);
        struct split_time time = {rng_below(&rng, UINT32_MAX), 1 + rng_below(&rng, 5000)};

        rng_shares(&rng, shares, FS_MAX_VERSIONS, FS_BUCKETS);
        for (uint32_t i = owners; i < FS_MAX_VERSIONS; i++) {
            shares[0].quota += shares[i].quota;
            shares[i].quota = 0;
        }
        shuffle(&rng, shares, FS_MAX_VERSIONS);
        if (round == 0) {
            split_init(items, FS_BUCKETS);
            split_divide(items, FS_BUCKETS, shares, FS_MAX_VERSIONS, at_rest);
        }
        divide_exactly(items, FS_BUCKETS, shares, FS_MAX_VERSIONS, time, round);
    }
}

/* The same on few items, where owners without any and quotas without change are common. */
static void test_small_vectors(void **state)
{
    struct split_item items[24];
    struct split_share shares[6];
    struct rng rng = {3};

    (void)state;
    split_init(items, COUNT(items));
    rng_shares(&rng, shares, COUNT(shares), COUNT(items));
    split_divide(items, COUNT(items), shares, COUNT(shares), at_rest);
    for (unsigned round = 0; round < 50000; round++) {
        rng_shares(&rng, shares, COUNT(shares), COUNT(items));
        shuffle(&rng, shares, COUNT(shares));
        divide_exactly(items, COUNT(items), shares, COUNT(shares),
                       (struct split_time){round * 20, 50}, round);
    }
}

/* Equal shares differ by one at most, add up, and are given to who has more already. */
static void test_equal(void **state)
{
    struct split_item items[60];
    struct rng rng = {4};

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        uint32_t owners = 1 + rng_below(&rng, 12), sum = 0, above = 0, keepers = 0;
        struct split_share shares[12];
        uint32_t have[12];

        split_init(items, COUNT(items));
        rng_shares(&rng, shares, 12, COUNT(items));
        split_divide(items, COUNT(items), shares, 12, at_rest);
        count_owners(items, COUNT(items), have, 12);
        for (uint32_t i = 0; i < owners; i++)
            shares[i] = (struct split_share){i, 12345};
        shuffle(&rng, shares, owners);
        split_equal(items, COUNT(items), shares, owners);
        for (uint32_t i = 0; i < owners; i++) {
            uint32_t extra = shares[i].quota - COUNT(items) / owners;

            assert_in_range(shares[i].quota, COUNT(items) / owners, COUNT(items) / owners + 1);
            sum += shares[i].quota;
            above += extra;
            keepers += extra && have[shares[i].owner] > COUNT(items) / owners;
        }
        assert_int_equal(sum, COUNT(items));
        for (uint32_t i = 0; i < owners; i++) /* no extra for who has none while one has it */
            if (have[shares[i].owner] > COUNT(items) / owners &&
                shares[i].quota == COUNT(items) / owners)
                assert_int_equal(keepers, above);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("each of the 10001 two-version vectors is met exactly, nested and by fewest moves",
             test_every_weight),
        TEST("a first table meets its weights exactly", test_fresh_tables),
        TEST("random vectors of up to 16 versions are met exactly and by the fewest moves",
             test_random_vectors),
        TEST("random vectors over few items are met exactly and by the fewest moves",
             test_small_vectors),
        TEST("equal shares differ by one and stay where they are", test_equal),
    };

    return cmocka_run_group_tests_name("split shares", tests, NULL, NULL);
}
