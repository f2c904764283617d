/* SPDX-License-Identifier: GPL-2.0-only */
/* A world of few buckets for the data path's own text: weights, pools, trips and sweeps change at
 * random under random connections. */
#ifndef FLOWSPLIT_UNIT_WORLD_H
#define FLOWSPLIT_UNIT_WORLD_H

#include "clients.h"

#include <stdlib.h>

#include "pool.h"

#define BASELINE 0u
#define BUCKETS  32u
#define VERSIONS 5u
#define POOL_MAX 6u
#define BACKENDS 256u
#define ARENA    (512u << 10)
#define SKEW_MAX 16u /* ticks a change may take from reading the clock to its publication */

static const fs_ref dir_at = 4096, service_ref = 24 << 10, backends_at = 28 << 10,
                    table_at = 64 << 10, pools_at = 192 << 10, pool_bytes = 24 << 10;

struct world {
    struct clients clients;
    struct rng rng;
    struct split_item buckets[BUCKETS];
    struct draft_version versions[VERSIONS];
    uint32_t members[VERSIONS][POOL_MAX];
    uint32_t left[BACKENDS]; /* tick of when each left its pool */
    bool sweeps, trips;
    uint64_t trip_count, recovery_count;
};

static inline struct fs_directory *world_dir(void)
{
    return fs_at(struct fs_directory, fs_arena, dir_at);
}

static inline struct fs_table *world_table(void)
{
    return fs_at(struct fs_table, fs_arena, table_at);
}

static inline struct fs_backend *world_backend(uint32_t number)
{
    return fs_at(struct fs_backend, fs_arena, backends_at) + number;
}

/* --- publishing: the packets are between changes, so writing in place is as good as a new table */

static inline void publish_version(const struct draft_version *version, uint32_t number)
{
    struct fs_table *table = world_table();
    fs_ref slots = pools_at + number * pool_bytes, moves = slots + version->slot_count * 4;

    table->versions[number].weight_bp = version->weight_bp;
    table->versions[number].withdrawn = version->withdrawn;
    table->versions[number].slot_moves = moves;
    table->pool[number] = (struct fs_pool){.slots = slots,
                                           .slot_count = version->slot_count,
                                           .health = number,
                                           .trip_state = version->trip_state};
    assert_true(version->slot_count * 16 <= pool_bytes);
    for (uint32_t i = 0; i < version->slot_count; i++) {
        const struct split_item *slot = &version->slots[i];

        fs_at(uint32_t, fs_arena, slots)[i] =
            slot->owner | (slot->unsettled ? FS_SLOT_UNSETTLED : 0);
        fs_at(struct fs_slot_move, fs_arena, moves)[i] =
            (struct fs_slot_move){.moving_until = slot->moving_until,
                                  .order = (uint16_t)slot->order,
                                  .previous = slot->previous};
    }
}

static inline void publish(const struct world *world)
{
    struct fs_table *table = world_table();

    for (uint32_t i = 0; i < BUCKETS; i++) {
        const struct split_item *bucket = &world->buckets[i];

        table->owner[i] = (uint8_t)(bucket->owner | (bucket->unsettled ? FS_OWNER_UNSETTLED : 0));
        table->moves[i] = (struct fs_bucket_move){bucket->moving_until, (uint16_t)bucket->order,
                                                  (uint8_t)bucket->previous, 0};
    }
    for (uint32_t i = 0; i < VERSIONS; i++)
        publish_version(&world->versions[i], i);
    table->generation++;
}

/* --- changes */

static inline uint32_t served_by(const struct world *world, uint32_t version)
{
    return world->versions[version].withdrawn ? BASELINE : version;
}

/* By the weights wished. What moves is what another version serves than before; `cleared` is one
 * that was withdrawn until now. */
static inline void divide_buckets(struct world *world, uint32_t cleared, struct split_time time)
{
    struct split_share shares[VERSIONS];
    struct split_item was[BUCKETS];

    memcpy(was, world->buckets, sizeof(was));
    for (uint32_t i = 0; i < VERSIONS; i++)
        shares[i] = (struct split_share){i, world->versions[i].weight_bp};
    assert_true(split_divide(world->buckets, BUCKETS, shares, VERSIONS, time) >= 0);
    for (uint32_t i = 0; i < BUCKETS && time.drain; i++) {
        struct split_item *item = &world->buckets[i];
        uint32_t from = was[i].owner == cleared ? BASELINE : served_by(world, was[i].owner);
        bool moves = from != served_by(world, item->owner);

        item->unsettled = was[i].unsettled || moves;
        item->moving_until = moves ? time.now + time.drain : was[i].moving_until;
        item->previous =
            moves && split_state(&was[i], time.now) != SPLIT_MOVING ? from : was[i].previous;
    }
}

static inline void change_weights(struct world *world, struct split_time time)
{
    struct split_share shares[VERSIONS];

    rng_shares(&world->rng, shares, VERSIONS, BUCKETS);
    for (uint32_t i = 0; i < VERSIONS; i++)
        world->versions[shares[i].owner].weight_bp = shares[i].quota;
    divide_buckets(world, VERSIONS, time);
}

/* What the kernel does, to and fro: one word, and no table is touched. */
static inline void trip(struct world *world)
{
    uint32_t number = 1 + rng_below(&world->rng, VERSIONS - 1), now = (uint32_t)clock_tick;
    struct fs_trip_word *word = &fs_trips.words[number];

    if (!now)
        return;
    fs_trip_change(word, &world_table()->pool[number], fs_ticks(world_table()->drain_ms), now);
    world->trip_count += !word->tick;
    world->recovery_count += word->tick != 0;
    word->state = word->tick ? (uint64_t)now << 32 : now;
    fs_trips.event_count++;
}

/* What the next command does, as of the last of these moments. */
static inline void settle_trips(struct world *world)
{
    struct fs_table *table = world_table();

    for (uint32_t v = 0; v < VERSIONS; v++) {
        const struct fs_trip_word *word = &fs_trips.words[v];

        if (word->state == world->versions[v].trip_state)
            continue;
        for (uint32_t i = 0; i < BUCKETS; i++) {
            struct split_item *item = &world->buckets[i];

            if (item->owner != v)
                continue;
            item->previous = fs_bucket_former(table, word, i);
            item->moving_until = fs_state_since(word->state) + fs_ticks(table->drain_ms);
            item->unsettled = true;
        }
        world->versions[v].withdrawn = word->tick != 0;
        world->versions[v].trip_state = word->state;
    }
    publish(world);
}

static inline void clear(struct world *world, struct split_time time)
{
    uint32_t number = 1 + rng_below(&world->rng, VERSIONS - 1);
    struct draft_version *version = &world->versions[number];

    if (!version->withdrawn)
        return;
    version->trip_state = (uint64_t)(time.now ? time.now : 1) << 32;
    version->withdrawn = false;
    fs_trips.words[number] = (struct fs_trip_word){.state = version->trip_state};
    divide_buckets(world, number, time);
}

static inline bool table_names(const struct flow_table *table, uint32_t id)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->flows[i].backend == id)
            return true;
    return false;
}

static inline bool is_referred_to(const struct world *world, uint32_t number)
{
    const struct draft_version *version = &world->versions[world_backend(number)->version];
    uint32_t id = world_backend(number)->id;

    for (uint32_t i = 0; i < version->slot_count; i++)
        if (version->slots[i].owner == number ||
            (version->slots[i].unsettled && version->slots[i].previous == number))
            return true;
    return table_names(&flows, id) ||
           fs_before((uint32_t)clock_tick, world->left[number], world->clients.drain);
}

static inline void leave_pool(struct world *world, uint32_t number)
{
    world_backend(number)->flags &= (uint8_t)~FS_BACKEND_IN_POOL;
    world->left[number] = (uint32_t)clock_tick;
}

/* A new backend under the lowest number that nothing refers to any more. */
static inline uint32_t backend_new(struct world *world, uint32_t version)
{
    uint32_t number = 0;

    while (world_backend(number)->flags & FS_BACKEND_IN_POOL ||
           (world_backend(number)->flags & FS_BACKEND_USED && is_referred_to(world, number)))
        number++;
    assert_true(number < BACKENDS);
    if (number >= world_dir()->backend_count)
        world_dir()->backend_count = number + 1;
    *world_backend(number) = (struct fs_backend){
        .id = ((world_backend(number)->id >> 16) + 1) << 16 | number,
        .version = (uint8_t)version,
        .flags = FS_BACKEND_USED | FS_BACKEND_IN_POOL,
    };
    return number;
}

/* Removes some backends of a pool, adds some; now and then all are new. */
static inline void change_pool(struct world *world, uint32_t number, struct split_time time)
{
    struct draft_version *version = &world->versions[number];
    uint32_t *members = world->members[number], kept = 0;
    uint32_t wanted = 1 + rng_below(&world->rng, POOL_MAX), leave = rng_below(&world->rng, 4);

    for (uint32_t i = 0; i < version->member_count; i++)
        if (kept < wanted && rng_below(&world->rng, 3) >= leave)
            members[kept++] = members[i];
        else
            leave_pool(world, members[i]);
    while (kept < wanted)
        members[kept++] = backend_new(world, number);
    version->members = members;
    version->member_count = kept;
    assert_true(pool_spread(version, time) >= 0);
}

/* --- sweeping, as the design says it */

static inline void settle(struct split_item *items, uint32_t count, const bool *excepted,
                          uint32_t now)
{
    for (uint32_t i = 0; i < count; i++)
        if (!fs_before(now, items[i].moving_until, FS_MARGIN_TICKS) && !excepted[i])
            items[i].unsettled = false;
}

static inline bool is_over(const struct fs_flow *flow, uint32_t now)
{
    uint32_t fins = FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN;
    bool closed =
        (flow->flags & fins) == fins || flow->flags & (FS_FLOW_CLIENT_RST | FS_FLOW_BACKEND_RST);

    return !flow_fresh(flow, now, closed ? FS_CLOSED_TICKS : FS_IDLE_TCP_TICKS);
}

static inline void sweep_entries(struct flow_table *table, bool buckets[BUCKETS],
                                 bool slots[VERSIONS][1024], uint32_t now)
{
    for (size_t i = table->count; i-- > 0;) {
        const struct fs_flow_key *key = &table->keys[i];
        struct fs_service *service = service_at(dir_at, 0);
        uint64_t hash = fs_hash_client(hash_key(), service->salt, key->addr, key->port_be,
                                       service->vip.family, service->affinity);
        struct fs_place place = fs_place_current(fs_arena, &fs_trips, world_table(), hash);
        struct fs_former former;
        bool agrees = place.backend == (table->flows[i].backend & FS_SLOT_BACKEND);

        fs_place_former(fs_arena, &fs_trips, world_table(), hash, now, FS_MARGIN_TICKS, &former);
        if (is_over(&table->flows[i], now) || (!former.recording && agrees)) {
            flow_table_remove(table, i);
        } else if (!agrees) {
            buckets[place.bucket] = true;
            slots[place.version][place.slot] = true;
        }
    }
}

static inline void sweep(struct world *world)
{
    static bool slots[VERSIONS][1024];
    bool buckets[BUCKETS] = {false};
    uint32_t now = (uint32_t)clock_tick;

    memset(slots, 0, sizeof(slots));
    sweep_entries(&flows, buckets, slots, now);
    settle(world->buckets, BUCKETS, buckets, now);
    for (uint32_t i = 0; i < VERSIONS; i++)
        settle(world->versions[i].slots, world->versions[i].slot_count, slots[i], now);
    publish(world);
}

static inline uint32_t unsettled_count(const struct world *world)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < BUCKETS; i++)
        n += world->buckets[i].unsettled;
    for (uint32_t i = 0; i < VERSIONS; i++)
        for (uint32_t j = 0; j < world->versions[i].slot_count; j++)
            n += world->versions[i].slots[j].unsettled;
    return n;
}

/* --- histories */

static inline void world_init(struct world *world, uint64_t seed)
{
    struct fs_root *root = fs_at(struct fs_root, fs_arena, 0);
    struct fs_service *service = fs_at(struct fs_service, fs_arena, service_ref);

    memset(fs_arena, 0, ARENA);
    memset(world, 0, sizeof(*world));
    world->rng.state = ~seed;
    world->sweeps = rng_below(&world->rng, 4);
    clock_tick = rng_below(&world->rng, 2) ? (1ULL << 32) - rng_below(&world->rng, 20000)
                                           : rng_next(&world->rng) >> 28;
    flows.count = unproven.count = udp_flows.count = 0;
    answers_clear();
    root->key = rng_key(&world->rng);
    root->directory = dir_at;
    world_dir()->services = service_ref;
    world_dir()->backends = backends_at;
    *service = (struct fs_service){.vip.family = rng_below(&world->rng, 2) ? 4 : 6,
                                   .id = 1,
                                   .salt = rng_next(&world->rng),
                                   .table = table_at};
    split_init(world->buckets, BUCKETS);
    memset(&fs_trips, 0, sizeof(fs_trips));
    world_table()->baseline = BASELINE;
    for (uint32_t i = 0; i < VERSIONS; i++)
        change_pool(world, i, (struct split_time){0, 0});
    change_weights(world, (struct split_time){0, 0});
    publish(world);
    clients_init(&world->clients, seed, 24, 16 + rng_below(&world->rng, 500), BUCKETS);
    world_table()->drain_ms = (uint32_t)(world->clients.drain * FS_TICK_NS / 1000000 + 1);
}

static inline void world_free(struct world *world)
{
    for (uint32_t i = 0; i < VERSIONS; i++)
        free(world->versions[i].slots);
}

/* One change. What its publisher sees of the clock is a little old, so it adds that to the drain:
 * whatever is seen within the drain after the publication is seen while the bucket is moving. */
static inline void world_change(struct world *world)
{
    struct split_time time = {(uint32_t)clock_tick - rng_below(&world->rng, SKEW_MAX),
                              world->clients.drain + SKEW_MAX};

    settle_trips(world);
    if (world->trips && rng_below(&world->rng, 4) == 0)
        clear(world, time);
    switch (rng_below(&world->rng, world->sweeps ? 5 : 3)) {
    case 0:
    case 1:
        change_weights(world, time);
        break;
    case 2:
        change_pool(world, rng_below(&world->rng, VERSIONS), time);
        break;
    default:
        sweep(world);
    }
    publish(world);
}

static inline void world_live(struct world *world, unsigned changes)
{
    uint32_t drain = world->clients.drain;

    while (changes--) {
        uint32_t pause = rng_below(&world->rng, 3) ? drain / 2 : 3 * drain + FS_MARGIN_TICKS;

        clients_run(&world->clients, clock_tick + rng_below(&world->rng, pause));
        while (world->trips && rng_below(&world->rng, 2)) {
            trip(world);
            clients_run(&world->clients, clock_tick + rng_below(&world->rng, pause));
        }
        world_change(world);
    }
}

#endif
