// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Dividing items among owners: who gives, who gets, who is remembered as the previous owner, and
 * that giving back ends where it began. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include <flowsplit/abi.h>

#include "random.h"
#include "split.h"

#define OWNERS_MAX 32

static const struct split_time at_rest = {0, 0};

static void divide(struct split_item *items, size_t count, const struct split_share *shares,
                   size_t share_count, struct split_time time)
{
    assert_true(split_divide(items, count, shares, share_count, time) >= 0);
}

/* Two owners: 0 gets what 1 doesn't. */
static long divide_two(struct split_item *items, uint32_t count, uint32_t canary,
                       struct split_time time)
{
    const struct split_share shares[] = {{0, count - canary}, {1, canary}};

    return split_divide(items, count, shares, 2, time);
}

/* The orders of each owner's items are 0 to their number - 1, each once. */
static void assert_orders(const struct split_item *items, size_t count)
{
    static bool seen[OWNERS_MAX][FS_BUCKETS];
    uint32_t have[OWNERS_MAX] = {0};

    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < count; i++)
        have[items[i].owner]++;
    for (size_t i = 0; i < count; i++) {
        if (items[i].order >= have[items[i].owner] || seen[items[i].owner][items[i].order])
            fail_msg("item %zu of owner %u: order %u is double or beyond %u", i, items[i].owner,
                     items[i].order, have[items[i].owner]);
        seen[items[i].owner][items[i].order] = true;
    }
}

static void assert_same_owners(const struct split_item *left, const struct split_item *right,
                               size_t count, const char *what, unsigned round)
{
    for (size_t i = 0; i < count; i++)
        if (left[i].owner != right[i].owner)
            fail_msg("%s, round %u: item %zu went from owner %u to %u", what, round, i,
                     left[i].owner, right[i].owner);
}

static void test_init(void **state)
{
    static struct split_item items[FS_BUCKETS], again[FS_BUCKETS];
    static bool seen[FS_BUCKETS];

    (void)state;
    split_init(items, FS_BUCKETS);
    split_init(again, FS_BUCKETS);
    for (size_t i = 0; i < FS_BUCKETS; i++) {
        assert_int_equal(items[i].owner, SPLIT_NOBODY);
        assert_int_equal(items[i].previous, SPLIT_NOBODY);
        assert_int_equal(split_state(&items[i], 0), SPLIT_SETTLED);
        assert_in_range(items[i].order, 0, FS_BUCKETS - 1);
        assert_false(seen[items[i].order]);
        assert_int_equal(items[i].order, again[i].order);
        seen[items[i].order] = true;
    }
}

/* The canary's 5 % have about as many items in each of 50 equal stretches. */
static void test_scattered(void **state)
{
    static struct split_item items[FS_BUCKETS];
    uint32_t found[50] = {0};
    double chi = 0;

    (void)state;
    split_init(items, FS_BUCKETS);
    divide_two(items, FS_BUCKETS, 0, at_rest);
    divide_two(items, FS_BUCKETS, 500, at_rest);
    for (size_t i = 0; i < FS_BUCKETS; i++)
        found[i / (FS_BUCKETS / COUNT(found))] += items[i].owner == 1;
    for (size_t i = 0; i < COUNT(found); i++)
        chi += (found[i] - 10.0) * (found[i] - 10.0) / 10.0;
    assert_true(chi < 49 + 5 * 10); /* 49 degrees of freedom, deviation 9.9 */
}

static void test_first_table(void **state)
{
    static struct split_item items[FS_BUCKETS];
    const struct split_time time = {1000, 100};

    (void)state;
    split_init(items, FS_BUCKETS);
    assert_int_equal(divide_two(items, FS_BUCKETS, 500, time), FS_BUCKETS);
    for (size_t i = 0; i < FS_BUCKETS; i++)
        assert_int_equal(split_state(&items[i], 1000), SPLIT_SETTLED);
    assert_orders(items, FS_BUCKETS);
}

static void test_no_drain(void **state)
{
    struct split_item items[100];

    (void)state;
    split_init(items, COUNT(items));
    divide_two(items, COUNT(items), 5, at_rest);
    assert_int_equal(divide_two(items, COUNT(items), 30, at_rest), 25);
    for (size_t i = 0; i < COUNT(items); i++)
        assert_false(items[i].unsettled);
}

static void test_states(void **state)
{
    struct split_item items[2];

    (void)state;
    split_init(items, 2);
    divide_two(items, 2, 0, at_rest);
    divide_two(items, 2, 2, (struct split_time){1000, 50});
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(items[i].owner, 1);
        assert_int_equal(items[i].previous, 0);
        assert_int_equal(items[i].moving_until, 1050);
        assert_int_equal(split_state(&items[i], 1000), SPLIT_MOVING);
        assert_int_equal(split_state(&items[i], 1049), SPLIT_MOVING);
        assert_int_equal(split_state(&items[i], 1050), SPLIT_TRACKED);
        assert_int_equal(split_state(&items[i], 900000), SPLIT_TRACKED);
        items[i].unsettled = false;
        assert_int_equal(split_state(&items[i], 1000), SPLIT_SETTLED);
    }
}

static void test_clock_wraps(void **state)
{
    struct split_item items[1];
    const uint32_t late = UINT32_MAX - 9;

    (void)state;
    split_init(items, 1);
    divide_two(items, 1, 0, at_rest);
    divide_two(items, 1, 1, (struct split_time){late, 50});
    assert_int_equal(items[0].moving_until, 40);
    assert_int_equal(split_state(&items[0], late), SPLIT_MOVING);
    assert_int_equal(split_state(&items[0], 0), SPLIT_MOVING);
    assert_int_equal(split_state(&items[0], 39), SPLIT_MOVING);
    assert_int_equal(split_state(&items[0], 40), SPLIT_TRACKED);
}

/* One item handed from owner to owner. */
static void hand(struct split_item *item, uint32_t to, uint32_t now, uint32_t drain)
{
    const struct split_share share = {to, 1};

    assert_int_equal(split_divide(item, 1, &share, 1, (struct split_time){now, drain}), 1);
    assert_int_equal(item->owner, to);
}

static void test_again_while_moving(void **state)
{
    struct split_item item;

    (void)state;
    split_init(&item, 1);
    hand(&item, 3, 0, 0);
    hand(&item, 4, 1000, 50);
    hand(&item, 5, 1049, 50);
    assert_int_equal(item.previous, 3);
    assert_int_equal(item.moving_until, 1099);
    hand(&item, 3, 1098, 50); /* back home, and still not at rest: flows of 4 and 5 are about */
    assert_int_equal(item.previous, 3);
    assert_int_equal(split_state(&item, 1147), SPLIT_MOVING);
}

static void test_again_while_tracked(void **state)
{
    struct split_item item;

    (void)state;
    split_init(&item, 1);
    hand(&item, 3, 0, 0);
    hand(&item, 4, 1000, 50);
    hand(&item, 5, 1050, 50);
    assert_int_equal(item.previous, 4);
    assert_true(item.unsettled);
    assert_int_equal(item.moving_until, 1100);
}

static void test_again_when_settled(void **state)
{
    struct split_item item;

    (void)state;
    split_init(&item, 1);
    hand(&item, 3, 0, 0);
    hand(&item, 4, 1000, 50);
    item.unsettled = false;
    hand(&item, 5, 1020, 50); /* moving_until of the earlier move is still to come */
    assert_int_equal(item.previous, 4);
    assert_int_equal(item.moving_until, 1070);
}

static void test_same_again(void **state)
{
    static struct split_item items[FS_BUCKETS], before[FS_BUCKETS];

    (void)state;
    split_init(items, FS_BUCKETS);
    divide_two(items, FS_BUCKETS, 500, at_rest);
    divide_two(items, FS_BUCKETS, 700, (struct split_time){1000, 50});
    memcpy(before, items, sizeof(items));
    assert_int_equal(divide_two(items, FS_BUCKETS, 700, (struct split_time){1010, 50}), 0);
    assert_memory_equal(before, items, sizeof(items));
}

static void test_unnamed(void **state)
{
    struct split_item items[40];
    const struct split_share three[] = {{7, 10}, {2, 10}, {31, 20}}, one[] = {{2, 40}};

    (void)state;
    split_init(items, COUNT(items));
    divide(items, COUNT(items), three, 3, at_rest);
    assert_int_equal(split_divide(items, COUNT(items), one, 1, (struct split_time){1, 5}), 30);
    for (size_t i = 0; i < COUNT(items); i++)
        assert_int_equal(items[i].owner, 2);
    assert_orders(items, COUNT(items));
}

/* 5 % -> 30 % -> 5 %, by ways that rise and fall, at any pace. */
static void test_ramp(void **state)
{
    static struct split_item items[FS_BUCKETS], start[FS_BUCKETS], last[FS_BUCKETS];
    static const uint32_t up[] = {501, 510, 700, 1234, 3000};

    (void)state;
    for (uint32_t pace = 0; pace < 3; pace++) {
        struct split_time time = {1000, 50};

        split_init(items, FS_BUCKETS);
        divide_two(items, FS_BUCKETS, 0, at_rest);
        divide_two(items, FS_BUCKETS, 500, time);
        memcpy(start, items, sizeof(items));
        for (size_t i = 0; i < COUNT(up); i++) {
            memcpy(last, items, sizeof(items));
            time.now += 40 * pace;
            divide_two(items, FS_BUCKETS, up[i], time);
            for (size_t j = 0; j < FS_BUCKETS; j++)
                assert_true(last[j].owner == 0 || items[j].owner == 1); /* keeps what it has */
        }
        time.now += 40 * pace;
        divide_two(items, FS_BUCKETS, 2000, time);
        time.now += 40 * pace;
        divide_two(items, FS_BUCKETS, 500, time);
        assert_same_owners(start, items, FS_BUCKETS, "5% -> 30% -> 5%", pace);
    }
}

/* Wherever a random history has led, `set` of one version up in steps and down again (the baseline
 * takes the rest) ends with the same items for everybody. */
static void test_ramp_in_histories(void **state)
{
    static struct split_item items[1000], start[1000];
    struct rng rng = {71};

    (void)state;
    for (unsigned round = 0; round < 1500; round++) {
        struct split_share shares[16] = {0};
        struct split_time time = {rng_below(&rng, UINT32_MAX), 50};
        uint32_t owners = 2 + rng_below(&rng, 15), base, grows, add;

        split_init(items, COUNT(items));
        for (uint32_t i = rng_below(&rng, 6) + 1; i; i--) {
            rng_shares(&rng, shares, owners, COUNT(items));
            divide(items, COUNT(items), shares, owners, time);
            time.now += rng_below(&rng, 100);
        }
        memcpy(start, items, sizeof(items));
        for (base = 0; shares[base].quota < 2;)
            base = rng_below(&rng, owners);
        grows = (base + 1 + rng_below(&rng, owners - 1)) % owners;
        add = 1 + rng_below(&rng, shares[base].quota - 1);
        for (uint32_t i = 0; i < 2; i++) {
            shares[base].quota -= i ? add - add / 2 : add / 2;
            shares[grows].quota += i ? add - add / 2 : add / 2;
            divide(items, COUNT(items), shares, owners, time);
            time.now += rng_below(&rng, 100);
        }
        shares[base].quota += add;
        shares[grows].quota -= add;
        divide(items, COUNT(items), shares, owners, time);
        assert_same_owners(start, items, COUNT(items), "up and down", round);
        assert_orders(items, COUNT(items));
    }
}

/* From any table to any other vector and back, each step settled: the same items for everybody. */
static void test_there_and_back(void **state)
{
    static struct split_item items[1000], start[1000];
    struct rng rng = {72};

    (void)state;
    for (unsigned round = 0; round < 1500; round++) {
        struct split_share from[16], to[16];
        struct split_time time = {1000, 50};
        uint32_t owners = 2 + rng_below(&rng, 15);

        split_init(items, COUNT(items));
        for (uint32_t i = rng_below(&rng, 6) + 1; i; i--) {
            rng_shares(&rng, from, owners, COUNT(items));
            divide(items, COUNT(items), from, owners, time);
            time.now += 100;
        }
        memcpy(start, items, sizeof(items));
        rng_shares(&rng, to, owners, COUNT(items));
        divide(items, COUNT(items), to, owners, time);
        time.now += 100;
        divide(items, COUNT(items), from, owners, time);
        assert_same_owners(start, items, COUNT(items), "there and back", round);
    }
}

static void test_refine(void **state)
{
    static struct split_item items[128], fine[1024];
    const struct split_share shares[] = {{3, 28}, {9, 100}}, later[] = {{3, 20}, {9, 108}};

    (void)state;
    split_init(items, COUNT(items));
    divide(items, COUNT(items), shares, 2, at_rest);
    divide(items, COUNT(items), later, 2, (struct split_time){1000, 50});
    split_refine(items, COUNT(items), 8, fine);
    for (size_t i = 0; i < COUNT(fine); i++) {
        assert_int_equal(fine[i].owner, items[i / 8].owner);
        assert_int_equal(fine[i].previous, items[i / 8].previous);
        assert_int_equal(fine[i].unsettled, items[i / 8].unsettled);
        assert_int_equal(fine[i].moving_until, items[i / 8].moving_until);
    }
}

static void test_refined_orders(void **state)
{
    static struct split_item items[128], fine[512];
    const struct split_share shares[] = {{3, 28}, {9, 100}}, fewer[] = {{3, 200}, {9, 312}};

    (void)state;
    split_init(items, COUNT(items));
    divide(items, COUNT(items), shares, 2, at_rest);
    split_refine(items, COUNT(items), 4, fine);
    assert_orders(fine, COUNT(fine));
    assert_int_equal(split_divide(fine, COUNT(fine), fewer, 2, at_rest), 400 - 312);
    assert_orders(fine, COUNT(fine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("new items belong to nobody, in an order that is always the same", test_init),
        TEST("the items a small owner takes are scattered evenly", test_scattered),
        TEST("the first division moves nothing that a flow could notice", test_first_table),
        TEST("without drain nothing becomes unsettled", test_no_drain),
        TEST("a moved item is moving for the drain time, then tracked", test_states),
        TEST("moving and tracked are told apart across a wrap of the clock", test_clock_wraps),
        TEST("moved again while moving keeps the oldest previous owner", test_again_while_moving),
        TEST("moved again while tracked leaves the owner it had", test_again_while_tracked),
        TEST("moved again once settled leaves the owner it had", test_again_when_settled),
        TEST("dividing by the same quotas again changes nothing", test_same_again),
        TEST("owners that aren't named give up all they have", test_unnamed),
        TEST("5% -> 30% -> 5% ends with the very same buckets", test_ramp),
        TEST("in any history up and down again ends with the same items", test_ramp_in_histories),
        TEST("from settled, any vector and back ends with the same items", test_there_and_back),
        TEST("refined items are neighbours alike", test_refine),
        TEST("refined items can be divided on", test_refined_orders),
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
