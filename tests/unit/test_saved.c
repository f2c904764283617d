// SPDX-License-Identifier: GPL-2.0-only
/* What is saved and restored, whatever has been done before, leads every client to where it was. */
#include "saved_world.h"

#include <flowsplit/steer.h>

#define ROUNDS  8u
#define CHANGES 30u
#define CLIENTS 2000u

struct spot {
    uint32_t bucket, slot, unsettled;
    char version[FS_NAME_MAX + 1];
    struct fs_endpoint at;
};

static struct spot spot_of(const struct fs_service *service, struct rng *rng)
{
    const __be32 addr[4] = {(__be32)rng_next(rng), (__be32)rng_next(rng), (__be32)rng_next(rng),
                            (__be32)rng_next(rng)};
    const struct fs_table *table = fs_at(struct fs_table, fs_arena, service->table);
    uint64_t hash = fs_hash_client(&root()->key, service->salt, addr, (__be16)rng_next(rng),
                                   service->vip.family, service->affinity);
    struct fs_place place = fs_place_current(fs_arena, &fs_trips, table, hash);
    struct spot spot;

    memset(&spot, 0, sizeof(spot));
    spot.bucket = place.bucket;
    spot.slot = place.slot;
    spot.unsettled = place.unsettled;
    memcpy(spot.version, table->versions[place.version].name, sizeof(spot.version));
    if (place.backend != FS_NO_BACKEND)
        spot.at = backend_at(directory_now(), place.backend)->at;
    return spot;
}

static const struct fs_service *service_number(uint32_t i)
{
    return service_at(directory_now(), i);
}

/* The side at hand is the one that was restored. */
static void assert_same_spots(const struct side *before, uint64_t seed)
{
    uint32_t count = fs_at(struct fs_directory, fs_arena, directory_now())->service_count;
    struct side after;

    side_keep(&after);
    for (uint32_t i = 0; i < count; i++) {
        struct rng a = {seed + i}, b = {seed + i};

        for (uint32_t client = 0; client < CLIENTS; client++) {
            struct spot was, is = spot_of(service_number(i), &b);

            side_take(before);
            was = spot_of(service_number(i), &a);
            side_take(&after);
            assert_int_equal(is.unsettled, 0);
            was.unsettled = 0;
            assert_memory_equal(&was, &is, sizeof(was));
        }
    }
}

/* From a random past: saved, restored into a new instance, which is at hand then. */
static void reboot(struct rng *rng, struct side *before, json_t **saved)
{
    for (unsigned i = 0; i < CHANGES; i++)
        change_random(rng);
    side_keep(before);
    *saved = side_save();
    side_new(rng_next(rng));
    side_restore(*saved);
}

static void assert_at_rest(void)
{
    struct model *model = read_model();

    for (uint32_t i = 0; i < model->service_count; i++) {
        const struct draft *draft = model_draft(model, i);

        for (int b = 0; b < FS_BUCKETS; b++)
            assert_false(draft->buckets[b].unsettled);
        for (int v = 0; v < FS_VERSION_SLOTS; v++)
            for (uint32_t s = 0; s < draft->versions[v].slot_count; s++)
                assert_false(draft->versions[v].slots[s].unsettled);
    }
    model_free(model);
}

static void test_places(void **state)
{
    struct rng rng = {4};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct side before;
        json_t *saved;

        reboot(&rng, &before, &saved);
        assert_same_spots(&before, rng_next(&rng));
        assert_at_rest();
        assert_no_overlap();
        forget(&before, saved);
    }
}

/* Orders and former owners are in the text, so the next change is the same one, too. */
static void test_again(void **state)
{
    struct rng rng = {5};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct side before;
        json_t *saved, *again;
        char *text, *text_again;

        reboot(&rng, &before, &saved);
        again = side_save();
        text = text_of(saved);
        text_again = text_of(again);
        assert_string_equal(text, text_again);
        free(text);
        free(text_again);
        json_decref(again);
        forget(&before, saved);
    }
}

/* Any weights, by hand, two at once: who gives back to whom then shows. What the kernel does is
 * left out: it is another matter. */
static void set_random(struct rng *rng)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct model *model = read_model();
        struct change change = {.model = model, .now = (uint32_t)clock_tick, .notes = nowhere};
        struct named_weight weights[] = {{"v1", rng_below(rng, FS_BUCKETS / 4)},
                                         {"v2", rng_below(rng, FS_BUCKETS / 4)},
                                         {"v3", rng_below(rng, FS_BUCKETS / 4)}};
        uint32_t first = rng_below(rng, 2);
        struct error err;

        if (change_settle_trips(model, &err) == 0 &&
            change_set(&change, i ? "s1" : "s0", weights + first, 2, &err) == 0)
            side_publish(model);
        model_free(model);
    }
}

static char *versions_text(void)
{
    json_t *saved = side_save(), *list = json_array();
    const json_t *services = json_object_get(saved, "services");
    char *text;

    for (size_t i = 0; i < json_array_size(services); i++)
        json_array_append(list, json_object_get(json_array_get(services, i), "versions"));
    text = json_dumps(list, 0);
    json_decref(list);
    json_decref(saved);
    assert_non_null(text);
    return text;
}

static char *after_sets(struct side *side, struct rng rng)
{
    side_take(side);
    for (unsigned i = 0; i < 5; i++) {
        clock_tick += 100000; /* what moved has come to rest */
        set_random(&rng);
    }
    side_keep(side);
    return versions_text();
}

static void test_goes_on(void **state)
{
    struct rng rng = {6};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct side before, after;
        char *was, *is;
        json_t *saved;

        reboot(&rng, &before, &saved);
        side_keep(&after);
        was = after_sets(&before, rng);
        is = after_sets(&after, rng);
        assert_string_equal(was, is);
        free(was);
        free(is);
        forget(&before, saved);
    }
}

/* The same rules, so that applying the same file again changes nothing. */
static void test_guard(void **state)
{
    struct rng rng = {8};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct side before, after;
        json_t *saved;

        reboot(&rng, &before, &saved);
        side_keep(&after);
        for (uint32_t i = 0; i < 2; i++) {
            struct fs_service a, b = *service_number(i);
            struct fs_table *is = fs_at(struct fs_table, fs_arena, b.table), *was;

            side_take(&before);
            a = *service_number(i);
            was = fs_at(struct fs_table, fs_arena, a.table);
            side_take(&after);
            assert_memory_equal(&was->guard, &is->guard, sizeof(was->guard));
            assert_int_equal(a.id, b.id);
            assert_int_equal(a.sample, b.sample);
            assert_int_equal(a.http, b.http);
            assert_int_equal(a.adopt & FS_ADOPT_WANTED, b.adopt & FS_ADOPT_WANTED);
            assert_true(a.salt == b.salt);
            assert_int_equal(was->drain_ms, is->drain_ms);
            assert_int_equal(was->baseline, is->baseline);
            assert_int_equal(was->generation, is->generation);
        }
        forget(&before, saved);
    }
}

/* --- where there has been something before */

static void test_used(void **state)
{
    struct model *model;
    struct side before;
    uint32_t old_id, next_service;
    json_t *saved;

    (void)state;
    publish_three();
    saved = side_save();
    side_keep(&before);
    side_new(2);
    for (int i = 0; i < 5; i++) {
        publish_three();
        model = read_model();
        old_id = model->backends[0].id;
        model_remove(model, 0);
        side_publish(model);
        next_service = model->next_service;
        model_free(model);
    }
    side_restore(saved);
    model = read_model();
    assert_int_not_equal(model->backends[0].id, old_id);
    assert_int_equal(model->next_service, next_service);
    assert_int_equal(model->created_ns, 4711);
    assert_memory_equal(&root()->key, &fs_at(struct fs_root, before.arena, 0)->key,
                        sizeof(struct fs_hash_key));
    assert_int_equal(service_of(endpoint_of(0, 0xff, 1)), 1);
    model_free(model);
    forget(&before, saved);
}

static void test_ifaces(void **state)
{
    enum iface_mode mode;
    const char *name;
    json_t *saved;

    (void)state;
    publish_three();
    saved = side_save();
    assert_true(saved_iface(saved, 0, &name, &mode));
    assert_string_equal(name, "eth0");
    assert_int_equal(mode, IFACE_NATIVE);
    assert_true(saved_iface(saved, 1, &name, &mode));
    assert_string_equal(name, "lo");
    assert_int_equal(mode, IFACE_TC);
    assert_false(saved_iface(saved, 2, &name, &mode)); /* that one steered nothing */
    json_decref(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD("every client gets to the bucket, version and backend it had, and nothing moves",
              test_places),
        WORLD("what was restored is saved as the same text", test_again),
        WORLD("changes after it do what they would have done without", test_goes_on),
        WORLD("guard, sample, drain, ids and generation are as they were", test_guard),
        WORLD("in a used instance, backends' ids and services' ids go on", test_used),
        WORLD("interfaces are saved with their modes", test_ifaces),
    };

    return cmocka_run_group_tests_name("saved", tests, NULL, NULL);
}
