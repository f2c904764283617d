// SPDX-License-Identifier: GPL-2.0-only
/* Withdrawn versions are restored as such. */
#include "saved_world.h"

static const struct draft_version *version_named(struct model *model, const char *service,
                                                 const char *version)
{
    struct draft *draft = model_draft(model, (uint32_t)model_find(model, service));
    int number = draft_version_find(draft, version);

    assert_true(number >= 0);
    return &draft->versions[number];
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
    fs_trips.words[slot] =
        (struct fs_trip_word){.tick = (uint32_t)clock_tick, .first = (uint32_t)clock_tick};
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

/* As files of format 1 have it: the baseline's buckets are its own and those of what is withdrawn,
 * and guards and trips have fewer keys. */
static void make_first_format(json_t *contents)
{
    static const char *const guard_keys[] = {"clients", "worse_than_baseline", "recover_ticks",
                                             "recover_at_most"};
    static const char *const trip_keys[] = {"back",           "clients",      "recovered",
                                            "baseline_total", "baseline_bad", "baseline_breaks"};
    json_t *service = json_array_get(json_object_get(contents, "services"), 0);
    json_t *versions = json_object_get(service, "versions");
    const char *of[3];

    for (size_t i = 0; i < COUNT(guard_keys); i++)
        json_object_del(json_object_get(service, "guard"), guard_keys[i]);
    for (size_t v = 0; v < 3; v++) {
        json_t *version = json_array_get(versions, v);

        of[v] = json_string_value(json_object_get(version, "buckets"));
        for (size_t i = 0; v && i < COUNT(trip_keys); i++)
            json_object_del(json_object_get(version, "trip"), trip_keys[i]);
    }
    json_object_set_new(json_array_get(versions, 0), "buckets",
                        json_sprintf("%s %s %s", of[0], of[1], of[2]));
    for (size_t v = 1; v < 3; v++)
        json_object_set_new(json_array_get(versions, v), "buckets", json_string(""));
}

static void test_first_format(void **state)
{
    struct side before;
    struct model *model;
    unsigned have[FS_VERSION_SLOTS] = {0};
    json_t *saved;

    (void)state;
    publish_three();
    withdraw_two();
    saved = side_save();
    make_first_format(saved);
    side_keep(&before);
    side_new(1);
    side_restore(saved);
    model = read_model();
    assert_true(version_named(model, "s0", "v1")->withdrawn);
    for (int i = 0; i < FS_BUCKETS; i++)
        have[model_draft(model, 0)->buckets[i].owner]++;
    assert_int_equal(have[0], 6000);
    assert_int_equal(have[1], 2000);
    assert_int_equal(have[2], 2000);
    assert_int_equal(model_draft(model, 0)->guard.clients, 1);
    assert_int_equal(model_draft(model, 0)->guard.worse_than_baseline, 0);
    model_free(model);
    forget(&before, saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD("withdrawn versions stay withdrawn, by the cause they had", test_withdrawn),
        WORLD("and can be cleared", test_cleared),
        WORLD("also from a file of format 1, whose guards do as they did then", test_first_format),
    };

    return cmocka_run_group_tests_name("saved_trips", tests, NULL, NULL);
}
