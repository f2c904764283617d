// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a hash to a backend: the current owner, and the former one of what is moving. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include <flowsplit/steer.h>

static const struct fs_trips no_trips;

/* A hash that falls in the middle of this bucket and of this of 128 slots. */
static uint64_t hash_of(uint32_t bucket, uint32_t slot)
{
    uint64_t high = (((uint64_t)bucket << 32) + (1u << 31)) / FS_BUCKETS;

    return high << 32 | ((uint64_t)slot << 25 | 1 << 24);
}

#define SLOTS  128u
#define BUCKET 4321u
#define SLOT   77u
#define OLD    3u /* versions */
#define NEW    31u
#define NOW    5000u

/* Versions OLD and NEW with pools; every bucket is OLD's and settled; slot s of OLD leads to
 * backend 1000 + s, of NEW to 2000 + s. */
struct world {
    char *arena;
    struct fs_table *table;
    uint64_t hash;
};

static struct fs_slot_move *slot_move(struct world *world, uint32_t version)
{
    return fs_at(struct fs_slot_move, world->arena, world->table->versions[version].slot_moves) +
           SLOT;
}

static uint32_t *slot_cell(struct world *world, uint32_t version)
{
    return fs_at(uint32_t, world->arena, world->table->pool[version].slots) + SLOT;
}

static void add_pool(struct world *world, uint32_t version, fs_ref at, uint32_t first)
{
    world->table->pool[version] = (struct fs_pool){.slots = at, .slot_count = SLOTS};
    world->table->versions[version].slot_moves = at + SLOTS * 4;
    for (uint32_t i = 0; i < SLOTS; i++) {
        fs_at(uint32_t, world->arena, at)[i] = first + i;
        fs_at(struct fs_slot_move, world->arena, at + SLOTS * 4)[i].previous = FS_NO_BACKEND;
    }
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    world->arena = calloc(1, 256u << 10);
    world->table = fs_at(struct fs_table, world->arena, FS_ROOT_BYTES);
    world->hash = hash_of(BUCKET, SLOT);
    memset(world->table->owner, OLD, FS_BUCKETS);
    add_pool(world, OLD, 192u << 10, 1000);
    add_pool(world, NEW, 224u << 10, 2000);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    free(world->arena);
    free(world);
    return 0;
}

static void move_bucket(struct world *world, uint32_t to, uint32_t previous, uint32_t until)
{
    world->table->owner[BUCKET] = (uint8_t)(to | FS_OWNER_UNSETTLED);
    world->table->moves[BUCKET] =
        (struct fs_bucket_move){.moving_until = until, .previous = (uint8_t)previous};
}

static void move_slot(struct world *world, uint32_t version, uint32_t to, uint32_t previous,
                      uint32_t until)
{
    *slot_cell(world, version) = to | FS_SLOT_UNSETTLED;
    *slot_move(world, version) = (struct fs_slot_move){.moving_until = until, .previous = previous};
}

static void assert_current(struct world *world, uint32_t version, uint32_t backend, bool unsettled)
{
    struct fs_place place = fs_place_current(world->arena, &no_trips, world->table, world->hash);

    assert_int_equal(place.bucket, BUCKET);
    assert_int_equal(place.version, version);
    assert_int_equal(place.backend, backend);
    assert_int_equal(place.unsettled != 0, unsettled);
    if (backend != FS_NO_BACKEND)
        assert_int_equal(place.slot, SLOT);
}

static void assert_former(struct world *world, uint32_t now, uint32_t margin, uint32_t version,
                          uint32_t backend, bool recording)
{
    struct fs_former former;

    memset(&former, 0xee, sizeof(former));
    fs_place_former(world->arena, &no_trips, world->table, world->hash, now, margin, &former);
    assert_int_equal(former.version, version);
    assert_int_equal(former.backend, backend);
    assert_int_equal(former.recording != 0, recording);
}

static void test_settled(void **state)
{
    struct world *world = *state;

    assert_current(world, OLD, 1000 + SLOT, false);
    assert_former(world, NOW, FS_MARGIN_TICKS, OLD, 1000 + SLOT, false);
}

static void test_every_place(void **state)
{
    struct world *world = *state;

    for (uint32_t bucket = 0; bucket < FS_BUCKETS; bucket += 101)
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            struct fs_place place;

            place = fs_place_current(world->arena, &no_trips, world->table, hash_of(bucket, slot));
            assert_int_equal(place.bucket, bucket);
            assert_int_equal(place.slot, slot);
            assert_int_equal(place.backend, 1000 + slot);
        }
}

static void test_bucket_moving(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW + 1);
    assert_current(world, NEW, 2000 + SLOT, true);
    assert_former(world, NOW, 0, OLD, 1000 + SLOT, true);
}

static void test_bucket_tracked(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW);
    assert_current(world, NEW, 2000 + SLOT, true);
    assert_former(world, NOW, 0, NEW, 2000 + SLOT, false);
}

static void test_bucket_unsettled_only(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW + 100);
    world->table->owner[BUCKET] = NEW; /* settled: what is in `moves` is history */
    assert_current(world, NEW, 2000 + SLOT, false);
    assert_former(world, NOW, 0, NEW, 2000 + SLOT, false);
}

static void test_other_bucket(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW + 100);
    world->table->owner[BUCKET - 1] = NEW | FS_OWNER_UNSETTLED;
    world->table->owner[BUCKET + 1] = NEW;
    world->table->owner[BUCKET] = OLD;
    assert_current(world, OLD, 1000 + SLOT, false);
}

static void test_margin(void **state)
{
    struct world *world = *state;
    uint32_t end = NOW + FS_MARGIN_TICKS;

    move_bucket(world, NEW, OLD, NOW);
    assert_former(world, end - 1, FS_MARGIN_TICKS, OLD, 1000 + SLOT, true);
    assert_former(world, end, FS_MARGIN_TICKS, NEW, 2000 + SLOT, false);
    world->table->owner[BUCKET] = OLD;
    move_slot(world, OLD, 500, 501, NOW);
    assert_former(world, end - 1, FS_MARGIN_TICKS, OLD, 501, true);
    assert_former(world, end, FS_MARGIN_TICKS, OLD, 500, false);
}

static void test_slot_moving(void **state)
{
    struct world *world = *state;

    move_slot(world, OLD, 500, 501, NOW + 1);
    assert_current(world, OLD, 500, true);
    assert_former(world, NOW, 0, OLD, 501, true);
}

static void test_slot_tracked(void **state)
{
    struct world *world = *state;

    move_slot(world, OLD, 500, 501, NOW);
    assert_current(world, OLD, 500, true);
    assert_former(world, NOW, 0, OLD, 500, false);
}

static void test_slot_of_the_dead(void **state)
{
    struct world *world = *state;

    move_slot(world, OLD, 500, FS_NO_BACKEND, NOW + 1);
    assert_current(world, OLD, 500, true);
    assert_former(world, NOW, 0, OLD, 500, true);
}

static void test_former_slot_moving(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW + 1);
    move_slot(world, OLD, 500, 501, NOW + 1);
    assert_current(world, NEW, 2000 + SLOT, true);
    assert_former(world, NOW, 0, OLD, 501, true);
    slot_move(world, OLD)->moving_until = NOW;
    assert_former(world, NOW, 0, OLD, 500, true);
}

static void test_both_slots_moving(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW + 1);
    move_slot(world, OLD, 500, 501, NOW + 1);
    move_slot(world, NEW, 600, 601, NOW + 1);
    assert_current(world, NEW, 600, true);
    assert_former(world, NOW, 0, OLD, 501, true);
    world->table->moves[BUCKET].moving_until = NOW;
    assert_former(world, NOW, 0, NEW, 601, true);
}

/* Flows that a moving slot of the new owner got are on record, though the former owner is another:
 * once the bucket is tracked, they would be looked for with that slot's former backend. */
static void test_current_slot_counts(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, NOW - 1);
    move_slot(world, NEW, 600, 601, NOW + 1);
    assert_former(world, NOW, 0, NEW, 601, true);
    world->table->owner[BUCKET] = NEW;
    assert_current(world, NEW, 600, true);
    assert_former(world, NOW, 0, NEW, 601, true);
}

static void test_no_pool(void **state)
{
    struct world *world = *state;

    world->table->pool[OLD].slot_count = 0;
    assert_current(world, OLD, FS_NO_BACKEND, false);
    assert_former(world, NOW, 0, OLD, FS_NO_BACKEND, false);
    move_bucket(world, NEW, OLD, NOW + 1);
    assert_current(world, NEW, 2000 + SLOT, true);
    assert_former(world, NOW, 0, OLD, FS_NO_BACKEND, true);
}

static void test_wrap(void **state)
{
    struct world *world = *state;

    move_bucket(world, NEW, OLD, 10);
    assert_former(world, UINT32_MAX - 100, 0, OLD, 1000 + SLOT, true);
    assert_former(world, 9, 0, OLD, 1000 + SLOT, true);
    assert_former(world, 10, 0, NEW, 2000 + SLOT, false);
    move_bucket(world, NEW, OLD, UINT32_MAX - 3);
    assert_former(world, UINT32_MAX - 4, 0, OLD, 1000 + SLOT, true);
    assert_former(world, UINT32_MAX - 3, 0, NEW, 2000 + SLOT, false);
    assert_former(world, 3, FS_MARGIN_TICKS, OLD, 1000 + SLOT, true); /* the margin wraps too */
    assert_former(world, FS_MARGIN_TICKS, FS_MARGIN_TICKS, NEW, 2000 + SLOT, false);
}

static void test_before(void **state)
{
    (void)state;
    assert_true(fs_before(10, 11, 0));
    assert_false(fs_before(10, 10, 0));
    assert_true(fs_before(10, 10, 1));
    assert_false(fs_before(11, 10, 1));
    assert_true(fs_before(UINT32_MAX, 0, 0));
    assert_false(fs_before(0, UINT32_MAX, 0));
    assert_true(fs_before(0, UINT32_MAX, 2));
}

#define STEER(sentence, fn)                 \
    {                                       \
        sentence, fn, setup, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEER("in a settled bucket current and former owner are one, and nothing is recorded",
              test_settled),
        STEER("every bucket and slot is reached by its hashes", test_every_place),
        STEER("in a moving bucket new flows go to the new owner, old ones to the former",
              test_bucket_moving),
        STEER("in a tracked bucket all without an entry go to the new owner", test_bucket_tracked),
        STEER("a settled bucket's history counts for nothing", test_bucket_unsettled_only),
        STEER("a moving bucket says nothing about its neighbours", test_other_bucket),
        STEER("the data path records for the margin longer, to the tick", test_margin),
        STEER("in a moving slot new flows go to the new backend, old ones to the former",
              test_slot_moving),
        STEER("in a tracked slot all without an entry go to the new backend", test_slot_tracked),
        STEER("a slot whose backend died has no former, but records", test_slot_of_the_dead),
        STEER("with bucket and former owner's slot moving, old flows are with the oldest backend",
              test_former_slot_moving),
        STEER("with slots of both owners moving, each counts for its own", test_both_slots_moving),
        STEER("a moving slot of the new owner records in a tracked bucket",
              test_current_slot_counts),
        STEER("a version without backends leads nowhere", test_no_pool),
        STEER("moving ends at its tick across a wrap of the clock", test_wrap),
        STEER("before is told by signed difference", test_before),
    };

    return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
