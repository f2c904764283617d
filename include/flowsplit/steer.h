/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a hash to a backend. One text, compiled for the data path and for `flowsplit explain`, so
 * that the two can't disagree. */
#ifndef FLOWSPLIT_STEER_H
#define FLOWSPLIT_STEER_H

#include "arena.h"
#include "health.h"

/* Where a hash leads in one table, without regard to the flow table. */
struct fs_place {
    __u32 bucket;
    __u32 version;   /* number in fs_table.versions */
    __u32 slot;      /* number in the version's pool */
    __u32 backend;   /* number in fs_directory.backends, or FS_NO_BACKEND: the pool is empty */
    __u32 unsettled; /* non-zero: bucket or slot is, so the flow table must be asked */
    __u32 withdrawn; /* number, plus one, of the withdrawn version that owns the bucket, or 0 */
};

static __always_inline __u32 fs_slot_read(void *arena, const struct fs_pool *pool, __u32 slot)
{
    return *fs_at(__u32, arena, pool->slots + slot * sizeof(__u32));
}

/* Is `until` plus `margin` still to come? */
static __always_inline int fs_before(__u32 now, __u32 until, __u32 margin)
{
    return (__s32)(until + margin - now) > 0;
}

/* Ticks in a duration, rounded up so that it never ends early. */
static __always_inline __u32 fs_ticks(__u32 ms)
{
    return (__u32)((ms * 1000000ULL + FS_TICK_NS - 1) / FS_TICK_NS) + 1;
}

/* The trip of a version of this table. */
static __always_inline const struct fs_trip_word *
fs_trip_of(const struct fs_trips *trips, const struct fs_table *table, __u32 version)
{
    return &trips->words[table->pool[version & FS_OWNER_VERSION].health & (FS_TRIP_SLOTS - 1)];
}

/* Are a tripped version's live flows cut by now? */
static __always_inline int fs_is_cut(const struct fs_trip_word *trip, __u32 now)
{
    return trip->tick && trip->cut && !fs_before(now, trip->cut, 0);
}

/* Where new flows go: the current owners of bucket and slot. The buckets of a version that has
 * tripped are the baseline's, as if a change had moved them at that moment. */
static __always_inline struct fs_place fs_place_current(void *arena, const struct fs_trips *trips,
                                                        const struct fs_table *table, __u64 hash)
{
    struct fs_place place = {.bucket = fs_hash_bucket(hash), .backend = FS_NO_BACKEND};
    __u32 owner = table->owner[place.bucket];
    const struct fs_pool *pool = &table->pool[owner & FS_OWNER_VERSION];
    __u32 count;

    place.version = owner & FS_OWNER_VERSION;
    place.unsettled = owner & FS_OWNER_UNSETTLED;
    if (__builtin_expect(trips->words[pool->health & (FS_TRIP_SLOTS - 1)].tick != 0, 0)) {
        place.withdrawn = place.version + 1;
        place.version = table->baseline & FS_OWNER_VERSION;
        place.unsettled = FS_OWNER_UNSETTLED;
        pool = &table->pool[place.version];
    }
    count = pool->slot_count;
    if (count) {
        __u32 cell;

        place.slot = fs_hash_slot(hash, count);
        cell = fs_slot_read(arena, pool, place.slot);
        place.backend = cell & FS_SLOT_BACKEND;
        place.unsettled |= cell & FS_SLOT_UNSETTLED;
    }
    return place;
}

/* How a bucket came to whom it belongs to now. */
struct fs_owned {
    __u32 version;
    __u32 previous; /* owner before, where `moving` */
    __u32 unsettled;
    __u32 moving; /* non-zero: flows without an entry are with `previous` */
};

static __always_inline struct fs_owned fs_bucket_owned(const struct fs_trips *trips,
                                                       const struct fs_table *table, __u32 bucket,
                                                       __u32 now, __u32 margin)
{
    __u32 owner = table->owner[bucket];
    const struct fs_bucket_move *move = &table->moves[bucket];
    struct fs_owned owned = {.version = owner & FS_OWNER_VERSION};
    const struct fs_trip_word *trip = fs_trip_of(trips, table, owned.version);
    __u32 moved_at = trip->tick ? trip->tick : now;

    owned.unsettled = trip->tick || owner & FS_OWNER_UNSETTLED;
    if (owner & FS_OWNER_UNSETTLED)
        owned.moving = fs_before(moved_at, move->moving_until, trip->tick ? 0 : margin);
    owned.previous = owned.moving ? move->previous & FS_OWNER_VERSION : owned.version;
    if (trip->tick) {
        owned.version = table->baseline & FS_OWNER_VERSION;
        owned.moving = fs_before(now, trip->tick + fs_ticks(table->drain_ms), margin);
    }
    return owned;
}

/* Where flows go that aren't in the flow table and aren't new: those that were here before the
 * bucket or the slot moved. */
struct fs_former {
    __u32 version;
    __u32 backend;   /* FS_NO_BACKEND: none */
    __u32 recording; /* non-zero: what is seen here now has to be written down */
};

/* The slot of `version`'s pool that the hash leads to: its backend (FS_NO_BACKEND if the pool is
 * empty) and how it moved, NULL if it is settled. */
static __always_inline const struct fs_slot_move *
fs_slot_find(void *arena, const struct fs_table *table, __u32 version, __u64 hash, __u32 *backend)
{
    const struct fs_pool *pool = &table->pool[version & FS_OWNER_VERSION];
    __u32 slot, cell;

    *backend = FS_NO_BACKEND;
    if (!pool->slot_count)
        return 0;
    slot = fs_hash_slot(hash, pool->slot_count);
    cell = fs_slot_read(arena, pool, slot);
    *backend = cell & FS_SLOT_BACKEND;
    if (!(cell & FS_SLOT_UNSETTLED))
        return 0;
    return fs_at(struct fs_slot_move, arena,
                 table->versions[version & FS_OWNER_VERSION].slot_moves +
                     slot * sizeof(struct fs_slot_move));
}

/* `margin` is FS_MARGIN_TICKS in the data path, 0 for who asks whether anything is moving. A slot
 * of the current owner that moves counts even where the former owner is another version: a new flow
 * that isn't written down would later be looked for with that slot's former backend. Flows of a
 * version whose live flows are cut are where the new ones are. */
static __always_inline void fs_place_former(void *arena, const struct fs_trips *trips,
                                            const struct fs_table *table, __u64 hash, __u32 now,
                                            __u32 margin, struct fs_former *former)
{
    struct fs_owned owned = fs_bucket_owned(trips, table, fs_hash_bucket(hash), now, margin);
    const struct fs_slot_move *slot;

    former->recording = 0;
    former->version = owned.version;
    slot = fs_slot_find(arena, table, former->version, hash, &former->backend);
    if (slot && fs_before(now, slot->moving_until, margin))
        former->recording = 1;
    if (owned.moving && !fs_is_cut(fs_trip_of(trips, table, owned.previous), now)) {
        former->recording = 1;
        former->version = owned.previous;
        slot = fs_slot_find(arena, table, former->version, hash, &former->backend);
    }
    if (slot && fs_before(now, slot->moving_until, margin) && slot->previous != FS_NO_BACKEND) {
        former->recording = 1;
        former->backend = slot->previous & FS_SLOT_BACKEND;
    }
}

#endif
