// SPDX-License-Identifier: GPL-2.0-only
/* No live flow ever changes its backend: random histories of connections, weights, pools and
 * sweeps in a world of few buckets, through the data path's own text. */
#include "clients.h"

#include <stdlib.h>

#include "pool.h"

#define BUCKETS   32u
#define VERSIONS  5u
#define POOL_MAX  6u
#define BACKENDS  256u
#define ARENA     (512u << 10)
#define HISTORIES 2000u
#define SKEW_MAX  16u /* ticks a change may take from reading the clock to its publication */

static const fs_ref dir_at = 4096, service_ref = 24 << 10, backends_at = 28 << 10,
                    table_at = 64 << 10, pools_at = 192 << 10, pool_bytes = 24 << 10;

struct world {
    struct clients clients;
    struct rng rng;
    struct split_item buckets[BUCKETS];
    struct draft_version versions[VERSIONS];
    uint32_t members[VERSIONS][POOL_MAX];
    bool sweeps;
};

static struct fs_directory *world_dir(void)
{
    return fs_at(struct fs_directory, fs_arena, dir_at);
}

static struct fs_table *world_table(void)
{
    return fs_at(struct fs_table, fs_arena, table_at);
}

static struct fs_backend *world_backend(uint32_t number)
{
    return fs_at(struct fs_backend, fs_arena, backends_at) + number;
}

/* --- publishing: the packets are between changes, so writing in place is as good as a new table */

static void publish_version(const struct draft_version *version, uint32_t number)
{
    struct fs_table *table = world_table();
    fs_ref slots = pools_at + number * pool_bytes, moves = slots + version->slot_count * 4;

    table->versions[number].weight_bp = version->weight_bp;
    table->versions[number].slot_moves = moves;
    table->pool[number] = (struct fs_pool){slots, version->slot_count};
    assert_true(version->slot_count * 16 <= pool_bytes);
    for (uint32_t i = 0; i < version->slot_count; i++) {
        const struct split_item *slot = &version->slots[i];

        fs_at(uint32_t, fs_arena, slots)[i] =
            slot->owner | (slot->unsettled ? FS_SLOT_UNSETTLED : 0);
        fs_at(struct fs_slot_move, fs_arena, moves)[i] =
            (struct fs_slot_move){slot->moving_until, slot->order, slot->previous};
    }
}

static void publish(const struct world *world)
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
}

/* --- changes */

static void divide_buckets(struct world *world, struct split_time time)
{
    struct split_share shares[VERSIONS];

    rng_shares(&world->rng, shares, VERSIONS, BUCKETS);
    assert_true(split_divide(world->buckets, BUCKETS, shares, VERSIONS, time) >= 0);
    for (uint32_t i = 0; i < VERSIONS; i++)
        world->versions[i].weight_bp = shares[i].quota;
}

static bool table_names(const struct flow_table *table, uint32_t id)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->flows[i].backend == id)
            return true;
    return false;
}

static bool is_referred_to(const struct world *world, uint32_t number)
{
    const struct draft_version *version = &world->versions[world_backend(number)->version];
    uint32_t id = world_backend(number)->id;

    for (uint32_t i = 0; i < version->slot_count; i++)
        if (version->slots[i].owner == number ||
            (version->slots[i].unsettled && version->slots[i].previous == number))
            return true;
    return table_names(&flows, id) || table_names(&half_open, id);
}

/* A new backend under the lowest number that nothing refers to any more. */
static uint32_t backend_new(struct world *world, uint32_t version)
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
static void change_pool(struct world *world, uint32_t number, struct split_time time)
{
    struct draft_version *version = &world->versions[number];
    uint32_t *members = world->members[number], kept = 0;
    uint32_t wanted = 1 + rng_below(&world->rng, POOL_MAX), leave = rng_below(&world->rng, 4);

    for (uint32_t i = 0; i < version->member_count; i++)
        if (kept < wanted && rng_below(&world->rng, 3) >= leave)
            members[kept++] = members[i];
        else
            world_backend(members[i])->flags &= (uint8_t)~FS_BACKEND_IN_POOL;
    while (kept < wanted)
        members[kept++] = backend_new(world, number);
    version->members = members;
    version->member_count = kept;
    assert_true(pool_spread(version, time) >= 0);
}

/* --- sweeping, as the design says it */

static void settle(struct split_item *items, uint32_t count, const bool *excepted, uint32_t now)
{
    for (uint32_t i = 0; i < count; i++)
        if (!fs_before(now, items[i].moving_until, FS_MARGIN_TICKS) && !excepted[i])
            items[i].unsettled = false;
}

static bool is_over(const struct fs_flow *flow, const struct flow_table *table, uint32_t now)
{
    if (table == &half_open)
        return !flow_fresh(flow, now, FS_FRESH_SYN_TICKS);
    return !flow_fresh(flow, now, flow_closed(flow) ? FS_CLIENT_RESET_TICKS : FS_IDLE_TCP_TICKS);
}

static void sweep_entries(struct flow_table *table, bool buckets[BUCKETS],
                          bool slots[VERSIONS][1024], uint32_t now)
{
    for (size_t i = table->count; i-- > 0;) {
        const struct fs_flow_key *key = &table->keys[i];
        struct fs_service *service = service_at(dir_at, 0);
        uint64_t hash = fs_hash_client(hash_key(), service->salt, key->addr, key->port_be,
                                       service->vip.family, service->affinity);
        struct fs_place place = fs_place_current(fs_arena, world_table(), hash);
        struct fs_former former;
        bool agrees = place.backend == (table->flows[i].backend & FS_SLOT_BACKEND);

        fs_place_former(fs_arena, world_table(), hash, now, FS_MARGIN_TICKS, &former);
        if (table == &half_open && bpf_map_lookup_elem(&flows, key))
            agrees = false; /* a new flow over the entry of an older one is known by it */
        if (is_over(&table->flows[i], table, now) || (!former.recording && agrees)) {
            flow_table_remove(table, i);
        } else if (!agrees) {
            buckets[place.bucket] = true;
            slots[place.version][place.slot] = true;
        }
    }
}

static void sweep(struct world *world)
{
    static bool slots[VERSIONS][1024];
    bool buckets[BUCKETS] = {false};
    uint32_t now = (uint32_t)clock_tick;

    memset(slots, 0, sizeof(slots));
    sweep_entries(&half_open, buckets, slots, now);
    sweep_entries(&flows, buckets, slots, now);
    settle(world->buckets, BUCKETS, buckets, now);
    for (uint32_t i = 0; i < VERSIONS; i++)
        settle(world->versions[i].slots, world->versions[i].slot_count, slots[i], now);
    publish(world);
}

static uint32_t unsettled_count(const struct world *world)
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

static void world_init(struct world *world, uint64_t seed)
{
    struct fs_root *root = fs_at(struct fs_root, fs_arena, 0);
    struct fs_service *service = fs_at(struct fs_service, fs_arena, service_ref);

    memset(fs_arena, 0, ARENA);
    memset(world, 0, sizeof(*world));
    world->rng.state = ~seed;
    world->sweeps = rng_below(&world->rng, 4);
    clock_tick = rng_below(&world->rng, 2) ? (1ULL << 32) - rng_below(&world->rng, 20000)
                                           : rng_next(&world->rng) >> 28;
    flows.count = half_open.count = udp_flows.count = 0;
    root->key = rng_key(&world->rng);
    root->directory = dir_at;
    world_dir()->services = service_ref;
    world_dir()->backends = backends_at;
    *service = (struct fs_service){.vip.family = rng_below(&world->rng, 2) ? 4 : 6,
                                   .id = 1,
                                   .salt = rng_next(&world->rng),
                                   .table = table_at};
    split_init(world->buckets, BUCKETS);
    for (uint32_t i = 0; i < VERSIONS; i++)
        change_pool(world, i, (struct split_time){0, 0});
    divide_buckets(world, (struct split_time){0, 0});
    publish(world);
    clients_init(&world->clients, seed, 24, 16 + rng_below(&world->rng, 500), BUCKETS);
}

static void world_free(struct world *world)
{
    for (uint32_t i = 0; i < VERSIONS; i++)
        free(world->versions[i].slots);
}

/* One change. What its publisher sees of the clock is a little old, so it adds that to the drain:
 * whatever is seen within the drain after the publication is seen while the bucket is moving. */
static void world_change(struct world *world)
{
    struct split_time time = {(uint32_t)clock_tick - rng_below(&world->rng, SKEW_MAX),
                              world->clients.drain + SKEW_MAX};

    switch (rng_below(&world->rng, world->sweeps ? 5 : 3)) {
    case 0:
    case 1:
        divide_buckets(world, time);
        break;
    case 2:
        change_pool(world, rng_below(&world->rng, VERSIONS), time);
        break;
    default:
        sweep(world);
    }
    publish(world);
}

static void world_live(struct world *world, unsigned changes)
{
    uint32_t drain = world->clients.drain;

    while (changes--) {
        uint32_t pause = rng_below(&world->rng, 3) ? drain / 2 : 3 * drain + FS_MARGIN_TICKS;

        clients_run(&world->clients, clock_tick + rng_below(&world->rng, pause));
        world_change(world);
    }
}

static void test_live_flows_stay(void **state)
{
    struct world world;
    uint64_t packets = 0, connections = 0, followed = reason_counts[FS_REASON_FLOW_FOLLOWED];

    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        world_init(&world, seed);
        world_live(&world, 20);
        clients_close(&world.clients);
        packets += world.clients.packets;
        connections += world.clients.connections;
        world_free(&world);
    }
    followed = reason_counts[FS_REASON_FLOW_FOLLOWED] - followed;
    assert_true(connections > 30 * HISTORIES); /* the histories have what they are about */
    assert_true(followed > packets / 4);
}

/* Live flows that nobody moves any more: their entries shrink to the exceptions, and to none when
 * they end. */
static void test_coming_to_rest(void **state)
{
    struct world world;
    size_t exceptions = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES / 5; seed++) {
        world_init(&world, seed);
        world_live(&world, 10);
        world.clients.only_live = true;
        clients_run(&world.clients, clock_tick + world.clients.drain + FS_MARGIN_TICKS +
                                        FS_FRESH_SYN_TICKS + FS_CLIENT_RESET_TICKS);
        sweep(&world);
        sweep(&world);
        for (size_t i = 0; i < flows.count; i++) {
            const struct fs_flow_key *key = &flows.keys[i];
            struct fs_service *service = service_at(dir_at, 0);
            uint64_t hash = fs_hash_client(hash_key(), service->salt, key->addr, key->port_be,
                                           service->vip.family, service->affinity);

            assert_int_not_equal(fs_place_current(fs_arena, world_table(), hash).backend,
                                 flows.flows[i].backend & FS_SLOT_BACKEND);
        }
        exceptions += flows.count;
        clients_close(&world.clients);
        clock_tick += FS_IDLE_TCP_TICKS; /* some ended unseen */
        sweep(&world);
        if (flows.count || half_open.count || unsettled_count(&world))
            fail_msg("seed %llu: %zu and %zu entries and %u unsettled are left",
                     (unsigned long long)seed, flows.count, half_open.count,
                     unsettled_count(&world));
        world_free(&world);
    }
    assert_true(exceptions > HISTORIES / 5);
}

/* With nothing moved, nothing is ever looked up or written down. */
static void test_settled_needs_no_table(void **state)
{
    struct world world;
    uint64_t before[FS_REASON_COUNT];

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        world_init(&world, seed);
        memcpy(before, reason_counts, sizeof(before));
        clients_run(&world.clients, clock_tick + 20000);
        assert_memory_equal(before, reason_counts, sizeof(before));
        assert_int_equal(flows.count + half_open.count, 0);
        world_free(&world);
    }
}

static int setup(void **state)
{
    (void)state;
    fs_arena = malloc(ARENA);
    return fs_arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(fs_arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("where nothing moves no flow is looked up or recorded", test_settled_needs_no_table),
        TEST("in thousands of random histories no live flow changes its backend",
             test_live_flows_stay),
        TEST("entries shrink to the exceptions, and to none when these end", test_coming_to_rest),
    };

    return cmocka_run_group_tests_name("steer live", tests, setup, teardown);
}
