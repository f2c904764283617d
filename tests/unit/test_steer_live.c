// SPDX-License-Identifier: GPL-2.0-only
/* No live flow ever changes its backend: random histories of connections, weights, pools, trips and
 * sweeps in a world of few buckets, through the data path's own text. */
#include "world.h"

#define HISTORIES 2000u

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

/* The same while the kernel withdraws versions and gives them back on its own, and somebody clears
 * them. */
static void test_live_flows_stay_through_trips(void **state)
{
    struct world world;
    uint64_t trips = 0, recoveries = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES / 2; seed++) {
        world_init(&world, seed);
        world.trips = true;
        world_live(&world, 20);
        clients_close(&world.clients);
        trips += world.trip_count;
        recoveries += world.recovery_count;
        world_free(&world);
    }
    assert_true(trips > 3 * HISTORIES / 2);
    assert_true(recoveries > HISTORIES);
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
        clients_run(&world.clients,
                    clock_tick + world.clients.drain + FS_MARGIN_TICKS + FS_CLOSED_TICKS);
        sweep(&world);
        sweep(&world);
        for (size_t i = 0; i < flows.count; i++) {
            const struct fs_flow_key *key = &flows.keys[i];
            struct fs_service *service = service_at(dir_at, 0);
            uint64_t hash = fs_hash_client(hash_key(), service->salt, key->addr, key->port_be,
                                           service->vip.family, service->affinity);

            assert_int_not_equal(fs_place_current(fs_arena, &fs_trips, world_table(), hash).backend,
                                 flows.flows[i].backend & FS_SLOT_BACKEND);
        }
        exceptions += flows.count;
        clients_close(&world.clients);
        clock_tick += FS_IDLE_TCP_TICKS; /* some ended unseen */
        sweep(&world);
        if (flows.count || unsettled_count(&world))
            fail_msg("seed %llu: %zu entries and %u unsettled are left", (unsigned long long)seed,
                     flows.count, unsettled_count(&world));
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
        assert_int_equal(flows.count + unproven.count, 0);
        world_free(&world);
    }
}

static int setup(void **state)
{
    (void)state;
    fs_arena = malloc(ARENA);
    answers.sets = calloc(FS_ANSWER_SETS, sizeof(*answers.sets));
    return fs_arena && answers.sets ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(answers.sets);
    free(fs_arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("where nothing moves no flow is looked up or recorded", test_settled_needs_no_table),
        TEST("in thousands of random histories no live flow changes its backend",
             test_live_flows_stay),
        TEST("nor where the kernel withdraws versions and gives them back, and people clear them",
             test_live_flows_stay_through_trips),
        TEST("entries shrink to the exceptions, and to none when these end", test_coming_to_rest),
    };

    return cmocka_run_group_tests_name("steer live", tests, setup, teardown);
}
