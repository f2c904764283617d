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

/* The one that was restored is all that is left. */
static void forget(struct side *before, json_t *saved)
{
    side_free(before);
    json_decref(saved);
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

/* Any weights, by hand. What the kernel does is left out: it is another matter. */
static void set_random(struct rng *rng)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct model *model = read_model();
        struct change change = {.model = model, .now = (uint32_t)clock_tick, .notes = nowhere};
        struct named_weight weight = {"v1", rng_below(rng, FS_BUCKETS / 3)};
        struct error err;

        weight.version = rng_below(rng, 2) ? "v1" : "v2";
        if (change_settle_trips(model, &err) == 0 &&
            change_set(&change, i ? "s1" : "s0", &weight, 1, &err) == 0)
            side_publish(model);
        model_free(model);
    }
}

static char *versions_text(void)
{
    json_t *saved = side_save(), *list = json_array(), *service;
    char *text;
    size_t i;

    json_array_foreach(json_object_get(saved, "services"), i, service)
        json_array_append(list, json_object_get(service, "versions"));
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

/* --- what is known of versions */

static const struct draft_version *version_named(struct model *model, const char *service,
                                                 const char *version)
{
    struct draft *draft = model_draft(model, (uint32_t)model_find(model, service));
    int number = draft_version_find(draft, version);

    assert_true(number >= 0);
    return &draft->versions[number];
}

/* s0 with v0, v1 and v2 of 20 % each that aren't the baseline. */
static void publish_three(void)
{
    struct model *model = read_model();
    struct change change = {.model = model, .now = 1, .is_local = odd_is_local, .notes = nowhere};
    struct spec spec = {.services = calloc(1, sizeof(*spec.services)), .service_count = 1};
    struct service_spec *service = spec.services;
    struct rng rng = {3};
    struct error err;

    spec_random(&rng, 0, service);
    for (size_t i = 0; i < service->version_count; i++)
        free(service->versions[i].backends);
    service->version_count = 3;
    service->affinity = FS_AFFINITY_FLOW;
    for (uint32_t i = 0; i < 3; i++)
        spec_random_version(&rng, 0, i, i ? 2000 : 6000, &service->versions[i]);
    assert_int_equal(rule_parse("p99 connect_time > 20ms", &service->guard.rules[0], &err), 0);
    service->guard.rule_count = 1;
    assert_int_equal(change_apply(&change, &spec, &err), 0);
    spec_free(&spec);
    side_publish(model);
    model_free(model);
}

/* Both kinds: by hand, and by the kernel just before saving. */
static void withdraw_two(void)
{
    struct model *model = read_model();
    struct change change = {.model = model, .now = 2, .is_local = odd_is_local, .notes = nowhere};
    struct live_choice live = {.live = FS_LIVE_CUT};
    uint32_t slot = version_named(model, "s0", "v2")->health;
    struct error err;

    assert_int_equal(change_withdraw(&change, "s0", "v1", &live, FS_RULE_ROLLOUT, &err), 0);
    side_publish(model);
    fs_trips.words[slot].tick = (uint32_t)clock_tick;
    health[slot].trip = (struct fs_trip){.state = FS_TRIP_WITHDRAWN,
                                         .total = 10,
                                         .bad = 4,
                                         .score = 5 * FS_SCORE_ONE,
                                         .trip_ns = 2000,
                                         .first_bad_ns = 1000,
                                         .cause = model_draft(model, 0)->guard.rules[0]};
    model_free(model);
}

static void assert_trip(const struct draft_version *version, const char *why)
{
    const struct fs_trip *trip = &health[version->health].trip;
    char text[RULE_TEXT_MAX];

    assert_true(version->withdrawn);
    assert_int_equal(version->weight_bp, 2000);
    assert_int_equal(trip->state, FS_TRIP_WITHDRAWN);
    assert_string_equal(health_trip_why(trip, text), why);
    assert_int_not_equal(fs_trips.words[version->health].tick, 0);
    assert_int_equal(fs_trips.words[version->health].cut, 0);
}

static void test_withdrawn(void **state)
{
    struct side before;
    struct model *model;
    const struct draft_version *tripped;
    json_t *saved;

    (void)state;
    publish_three();
    withdraw_two();
    saved = side_save();
    side_keep(&before);
    side_new(1);
    side_restore(saved);
    model = read_model();
    assert_trip(version_named(model, "s0", "v1"), "rolled back");
    tripped = version_named(model, "s0", "v2");
    assert_trip(tripped, "p99 connect_time > 20ms");
    assert_int_equal(health[tripped->health].trip.total, 10);
    assert_int_equal(health[tripped->health].trip.bad, 4);
    assert_true(health[tripped->health].trip.score == 5 * FS_SCORE_ONE);
    assert_true(health[tripped->health].trip.trip_ns == 2000);
    assert_true(health[tripped->health].trip.first_bad_ns == 1000);
    model_free(model);
    forget(&before, saved);
}

static bool always(void *context, uint32_t slot)
{
    (void)context, (void)slot;
    return true;
}

static void test_cleared(void **state)
{
    struct side before;
    struct model *model;
    struct change change = {.now = 5000, .is_local = odd_is_local, .notes = nowhere};
    struct error err;
    json_t *saved;

    (void)state;
    publish_three();
    withdraw_two();
    saved = side_save();
    side_keep(&before);
    side_new(1);
    side_restore(saved);
    for (int i = 1; i < 3; i++) {
        change.model = model = read_model();
        assert_int_equal(change_clear(&change, "s0", i == 1 ? "v1" : "v2", always, NULL, &err), 0);
        side_publish(model);
        model_free(model);
    }
    model = read_model();
    assert_false(version_named(model, "s0", "v1")->withdrawn);
    assert_int_equal(fs_trips.words[version_named(model, "s0", "v1")->health].tick, 0);
    model_free(model);
    forget(&before, saved);
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
        WORLD("withdrawn versions stay withdrawn, by the cause they had", test_withdrawn),
        WORLD("and can be cleared", test_cleared),
        WORLD("guard, sample, drain, ids and generation are as they were", test_guard),
        WORLD("in a used instance, backends' ids and services' ids go on", test_used),
        WORLD("interfaces are saved with their modes", test_ifaces),
    };

    return cmocka_run_group_tests_name("saved", tests, NULL, NULL);
}
