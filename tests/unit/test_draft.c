// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A draft is written as a table and read back as it was. */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <flowsplit/steer.h>

#include "draft.h"
#include "random.h"

#define AT 8192u

static const struct fs_trips no_trips;

static struct split_item random_item(struct rng *rng, uint32_t owners, uint32_t orders)
{
    bool moved = rng_below(rng, 2);

    return (struct split_item){
        .owner = rng_below(rng, owners),
        .previous = moved ? rng_below(rng, owners) : SPLIT_NOBODY,
        .order = rng_below(rng, orders),
        .moving_until = moved ? (uint32_t)rng_next(rng) : 0,
        .unsettled = moved && rng_below(rng, 2),
    };
}

static void random_version(struct rng *rng, struct draft_version *version, uint32_t slots,
                           uint32_t members)
{
    for (size_t i = 0; i < FS_NAME_MAX; i++)
        version->name[i] = (char)('a' + rng_below(rng, 26));
    version->state = 1 + rng_below(rng, 2);
    version->weight_bp = rng_below(rng, FS_BUCKETS + 1);
    version->rank = rng_below(rng, FS_MAX_VERSIONS);
    version->health = rng_below(rng, FS_HEALTH_SLOTS);
    version->withdrawn = rng_below(rng, 2);
    version->gone = (struct fs_backend_counters){.packets_in = rng_next(rng),
                                                 .bytes_in = rng_next(rng),
                                                 .packets_out = rng_next(rng),
                                                 .new_flows = rng_next(rng),
                                                 .resets = rng_next(rng)};
    version->member_count = members;
    version->members = calloc(members + 1, sizeof(*version->members));
    for (uint32_t i = 0; i < members; i++)
        version->members[i] = rng_below(rng, FS_MAX_BACKENDS);
    version->slot_count = slots;
    version->slots = calloc(slots + 1, sizeof(*version->slots));
    for (uint32_t i = 0; i < slots; i++)
        version->slots[i] = random_item(rng, FS_MAX_BACKENDS, slots);
}

static void assert_same_items(const struct split_item *left, const struct split_item *right,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(left[i].owner, right[i].owner);
        assert_int_equal(left[i].previous, right[i].previous);
        assert_int_equal(left[i].order, right[i].order);
        assert_int_equal(left[i].moving_until, right[i].moving_until);
        assert_int_equal(left[i].unsettled, right[i].unsettled);
    }
}

static void assert_same_version(const struct draft_version *left, const struct draft_version *right)
{
    assert_memory_equal(left->name, right->name, sizeof(left->name));
    assert_int_equal(left->state, right->state);
    assert_int_equal(left->weight_bp, right->weight_bp);
    assert_int_equal(left->rank, right->rank);
    assert_int_equal(left->health, right->health);
    assert_int_equal(left->withdrawn, right->withdrawn);
    assert_memory_equal(&left->gone, &right->gone, sizeof(left->gone));
    assert_int_equal(left->member_count, right->member_count);
    if (left->member_count)
        assert_memory_equal(left->members, right->members, left->member_count * 4);
    assert_int_equal(left->slot_count, right->slot_count);
    assert_same_items(left->slots, right->slots, left->slot_count);
}

static void assert_same(const struct draft *left, const struct draft *right)
{
    assert_string_equal(left->name, right->name);
    assert_int_equal(left->drain_ms, right->drain_ms);
    assert_int_equal(left->baseline, right->baseline);
    assert_int_equal(left->generation, right->generation);
    assert_same_items(left->buckets, right->buckets, FS_BUCKETS);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        assert_same_version(&left->versions[i], &right->versions[i]);
}

static struct draft *random_draft(struct rng *rng, uint32_t versions, uint32_t slots)
{
    struct draft *draft = draft_new("web");

    assert_non_null(draft);
    draft->drain_ms = (uint32_t)rng_next(rng);
    draft->baseline = rng_below(rng, FS_VERSION_SLOTS);
    draft->generation = (uint32_t)rng_next(rng);
    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        draft->buckets[i] = random_item(rng, FS_VERSION_SLOTS, FS_BUCKETS);
    for (uint32_t i = 0; i < versions; i++)
        random_version(rng, &draft->versions[FS_VERSION_SLOTS - 1 - i], slots >> rng_below(rng, 8),
                       rng_below(rng, 300));
    return draft;
}

/* Writes the draft between two fences, reads it back, and looks whether the fences stand. */
static void round_trip(const struct draft *draft)
{
    size_t bytes = draft_bytes(draft), fence = 256;
    char *arena = malloc(AT + bytes + fence);
    struct draft *back;

    assert_non_null(arena);
    memset(arena, 0xa5, AT + bytes + fence);
    draft_write(draft, arena, AT);
    for (size_t i = 0; i < fence; i++) {
        assert_int_equal((unsigned char)arena[AT - 1 - i], 0xa5);
        assert_int_equal((unsigned char)arena[AT + bytes + i], 0xa5);
    }
    assert_int_equal(fs_at(struct fs_table, arena, AT)->bytes, bytes);
    back = draft_read(arena, fs_at(struct fs_table, arena, AT));
    assert_non_null(back);
    assert_same(draft, back);
    draft_free(back);
    free(arena);
}

static void test_new(void **state)
{
    char longest[FS_NAME_MAX + 1];
    struct draft *draft;

    (void)state;
    memset(longest, 'x', FS_NAME_MAX);
    longest[FS_NAME_MAX] = '\0';
    draft = draft_new(longest);
    assert_string_equal(draft->name, longest);
    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        assert_int_equal(draft->buckets[i].owner, SPLIT_NOBODY);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        assert_int_equal(draft->versions[i].state, FS_VERSION_NONE);
    draft_free(draft);
    draft_free(NULL);
}

static void test_round_trips(void **state)
{
    struct rng rng = {61};

    (void)state;
    for (uint32_t versions = 0; versions <= FS_VERSION_SLOTS; versions += 4) {
        struct draft *draft = random_draft(&rng, versions, 4096);

        round_trip(draft);
        draft_free(draft);
    }
}

static void test_largest_pool(void **state)
{
    struct rng rng = {62};
    struct draft *draft = random_draft(&rng, 1, 128);

    (void)state;
    random_version(&rng, &draft->versions[0], 65536, FS_MAX_POOL);
    round_trip(draft);
    draft_free(draft);
}

/* What is at the ends of the ranges. */
static void test_extremes(void **state)
{
    struct rng rng = {63};
    struct draft *draft = random_draft(&rng, 1, 128);

    (void)state;
    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        draft->buckets[i] = (struct split_item){.owner = FS_VERSION_SLOTS - 1,
                                                .previous = i % 2 ? FS_VERSION_SLOTS - 1 : 0,
                                                .order = i,
                                                .moving_until = i % 3 ? UINT32_MAX : 0,
                                                .unsettled = i % 5};
    draft->versions[FS_VERSION_SLOTS - 1].slots[0] =
        (struct split_item){.owner = FS_MAX_BACKENDS - 1,
                            .previous = FS_MAX_BACKENDS - 1,
                            .order = 65535,
                            .moving_until = UINT32_MAX,
                            .unsettled = true};
    round_trip(draft);
    draft_free(draft);
}

/* What the data path reads of a written table is what the draft says. */
static void test_steers(void **state)
{
    struct rng rng = {64};
    struct draft *draft = random_draft(&rng, FS_VERSION_SLOTS, 512);
    char *arena = calloc(1, AT + draft_bytes(draft));
    struct fs_table *table = fs_at(struct fs_table, arena, AT);

    (void)state;
    draft_write(draft, arena, AT);
    for (int i = 0; i < 100000; i++) {
        uint64_t hash = rng_next(&rng);
        struct fs_place place = fs_place_current(arena, &no_trips, table, hash);
        const struct split_item *bucket = &draft->buckets[fs_hash_bucket(hash)], *slot;
        const struct draft_version *version = &draft->versions[bucket->owner];
        uint32_t expected = FS_NO_BACKEND;
        bool unsettled = bucket->unsettled;

        if (version->slot_count) {
            slot = &version->slots[fs_hash_slot(hash, version->slot_count)];
            expected = slot->owner;
            unsettled = unsettled || slot->unsettled;
        }
        assert_int_equal(place.version, bucket->owner);
        assert_int_equal(place.backend, expected);
        assert_int_equal(place.unsettled != 0, unsettled);
    }
    free(arena);
    draft_free(draft);
}

static void test_find(void **state)
{
    struct draft *draft = draft_new("web");

    (void)state;
    assert_int_equal(draft_version_find(draft, "stable"), -1);
    strcpy(draft->versions[7].name, "stable");
    draft->versions[7].state = FS_VERSION_DECLARED;
    strcpy(draft->versions[31].name, "canary");
    draft->versions[31].state = FS_VERSION_RETIRED;
    assert_int_equal(draft_version_find(draft, "stable"), 7);
    assert_int_equal(draft_version_find(draft, "canary"), 31);
    assert_int_equal(draft_version_find(draft, "stab"), -1);
    assert_int_equal(draft_version_find(draft, ""), -1);
    draft_version_clear(&draft->versions[7]);
    assert_int_equal(draft_version_find(draft, "stable"), -1);
    assert_int_equal(draft->versions[7].state, FS_VERSION_NONE);
    draft_free(draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a new draft has a name, and nobody's buckets", test_new),
        TEST("drafts of 0 to 32 versions are read back as written, in the bytes foretold",
             test_round_trips),
        TEST("a pool of 4096 backends and 65536 slots is read back as written", test_largest_pool),
        TEST("the greatest numbers are read back as written", test_extremes),
        TEST("a written table steers as the draft says", test_steers),
        TEST("a version is found by its whole name while it has a place", test_find),
    };

    return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
