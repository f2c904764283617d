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

/* A trip word's state; one read of it serves for one decision. */
static __always_inline __u64 fs_trip_state(const struct fs_trip_word *trip)
{
    return *(const volatile __u64 *)&trip->state;
}

static __always_inline __u32 fs_state_tick(__u64 state)
{
    return (__u32)state;
}

/* When a version came to that state. */
static __always_inline __u32 fs_state_since(__u64 state)
{
    return (__u32)state ? (__u32)state : (__u32)(state >> 32);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fs_trip_word.tick is the lower half");

/* Who serves the buckets of a version whose trip word is in that state. */
static __always_inline __u32 fs_served_by(const struct fs_table *table, __u32 version, __u64 state)
{
    return (fs_state_tick(state) ? table->baseline : version) & FS_OWNER_VERSION;
}

/* Prepares a trip word for a change at `now`, of which a table knows no more than `pool` says:
 * which flows without an entry move then. Buckets that move while they move keep their oldest
 * place; but flows that have been cut are nowhere. */
static __always_inline void fs_trip_change(struct fs_trip_word *trip, const struct fs_pool *pool,
                                           __u32 drain_ticks, __u32 now)
{
    __u64 state = fs_trip_state(trip);

    if (state == pool->trip_state) {
        trip->first = now;
        trip->former = FS_FORMER_TABLE;
    } else if (!fs_before(now, fs_state_since(state) + drain_ticks, 0)) {
        trip->former = fs_state_tick(state) ? FS_FORMER_BASELINE : FS_FORMER_OWNER;
    }
    if (fs_is_cut(trip, now))
        trip->former = FS_FORMER_BASELINE;
}

/* Where new flows go: who serves the bucket, and the current owner of the slot. What a trip word
 * says and the table has not taken in is as if a change had moved the buckets at that moment. */
static __always_inline struct fs_place fs_place_current(void *arena, const struct fs_trips *trips,
                                                        const struct fs_table *table, __u64 hash)
{
    struct fs_place place = {.bucket = fs_hash_bucket(hash), .backend = FS_NO_BACKEND};
    __u32 owner = table->owner[place.bucket];
    const struct fs_pool *pool = &table->pool[owner & FS_OWNER_VERSION];
    __u64 state;
    __u32 count;

    place.version = owner & FS_OWNER_VERSION;
    place.unsettled = owner & FS_OWNER_UNSETTLED;
    state = fs_trip_state(&trips->words[pool->health & (FS_TRIP_SLOTS - 1)]);
    if (__builtin_expect(state != 0, 0)) {
        if (state != pool->trip_state)
            place.unsettled = FS_OWNER_UNSETTLED;
        place.withdrawn = fs_state_tick(state) ? place.version + 1 : 0;
        place.version = fs_served_by(table, place.version, state);
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

/* Who serves a bucket, and how it came to that. */
struct fs_owned {
    __u32 version;
    __u32 previous; /* who served it before, where `moving` */
    __u32 unsettled;
    __u32 moving; /* non-zero: flows without an entry are with `previous` */
};

/* Who had the flows without an entry before the changes of the owner's trip word that the table
 * doesn't know. */
static __always_inline __u32 fs_bucket_former(const struct fs_table *table,
                                              const struct fs_trip_word *trip, __u32 bucket)
{
    __u32 owner = table->owner[bucket], version = owner & FS_OWNER_VERSION;
    const struct fs_bucket_move *move = &table->moves[bucket];

    if (trip->former == FS_FORMER_OWNER)
        return version;
    if (trip->former == FS_FORMER_BASELINE)
        return table->baseline & FS_OWNER_VERSION;
    if (owner & FS_OWNER_UNSETTLED && fs_before(trip->first, move->moving_until, 0))
        return move->previous & FS_OWNER_VERSION;
    return fs_served_by(table, version, table->pool[version].trip_state);
}

static __always_inline struct fs_owned fs_bucket_owned(const struct fs_trips *trips,
                                                       const struct fs_table *table, __u32 bucket,
                                                       __u32 now, __u32 margin)
{
    __u32 owner = table->owner[bucket], version = owner & FS_OWNER_VERSION;
    const struct fs_bucket_move *move = &table->moves[bucket];
    const struct fs_trip_word *trip = fs_trip_of(trips, table, version);
    __u64 state = fs_trip_state(trip);
    struct fs_owned owned = {.version = fs_served_by(table, version, state)};

    if (state == table->pool[version].trip_state) {
        owned.unsettled = owner & FS_OWNER_UNSETTLED;
        owned.moving = owned.unsettled && fs_before(now, move->moving_until, margin);
        owned.previous = owned.moving ? move->previous & FS_OWNER_VERSION : owned.version;
    } else {
        owned.unsettled = FS_OWNER_UNSETTLED;
        owned.moving = fs_before(now, fs_state_since(state) + fs_ticks(table->drain_ms), margin);
        owned.previous = owned.moving ? fs_bucket_former(table, trip, bucket) : owned.version;
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
