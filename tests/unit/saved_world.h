/* SPDX-License-Identifier: GPL-2.0-only */
/* Instances in memory, changed at random by what the commands call, saved and restored. */
#ifndef FLOWSPLIT_UNIT_SAVED_WORLD_H
#define FLOWSPLIT_UNIT_SAVED_WORLD_H

#include "arena_model.h"

#include <stdio.h>

#include "change.h"
#include "change_control.h"
#include "change_trip.h"
#include "health.h"
#include "rule.h"
#include "saved.h"

#define SERVICES   4u
#define VERSIONS   6u
#define POOL       9u
#define REALTIME_0 1700000000000000000ull /* of all instances, unless a test says so */

static FILE *nowhere;

/* An instance: what datapath.h has of the one at hand. */
struct side {
    char *arena;
    struct fs_trips trips;
    struct fs_health *health;
};

static struct fs_health *health;

static inline void side_keep(struct side *side)
{
    *side = (struct side){fs_arena, fs_trips, health};
}

static inline void side_take(const struct side *side)
{
    fs_arena = side->arena;
    fs_trips = side->trips;
    health = side->health;
}

/* A new one, with a key of its own, is at hand then. */
static inline void side_new(uint64_t seed)
{
    struct rng rng = {seed};
    struct fs_hash_key key = rng_key(&rng);

    fs_trips = (struct fs_trips){0};
    health = calloc(FS_HEALTH_SLOTS, sizeof(*health));
    fs_arena = calloc(1, FS_ARENA_BYTES);
    assert_non_null(health);
    assert_non_null(fs_arena);
    model_format(fs_arena, &key, seed);
}

static inline void side_free(const struct side *side)
{
    free(side->arena);
    free(side->health);
}

static inline void side_publish(struct model *model)
{
    struct error err = {{0}};
    fs_ref ref = model_write(model, &err);

    if (!ref)
        fail_msg("not written: %s", err.text);
    health_prepare(health, &fs_trips, model, clock_tick << FS_TICK_SHIFT);
    model_commit(model, ref);
}

/* --- changes */

static inline bool odd_is_local(const struct fs_endpoint *at)
{
    return ntohl(at->addr[at->family == 4 ? 0 : 3]) & 1;
}

static inline struct fs_endpoint endpoint_of(uint32_t service, uint32_t version, uint32_t i)
{
    uint32_t host = service << 16 | version << 8 | i;

    return service & 1 ? v6(host, 8080) : v4(0x0a000000 | host, 8080);
}

static inline void spec_random_version(struct rng *rng, uint32_t service, uint32_t number,
                                       unsigned weight_bp, struct version_spec *version)
{
    *version = (struct version_spec){.weight_bp = weight_bp, .has_weight = true};
    snprintf(version->name, sizeof(version->name), "v%u", number);
    version->backends = calloc(POOL, sizeof(*version->backends));
    for (uint32_t i = 0; i < POOL; i++)
        if (rng_below(rng, 2) || (i == POOL - 1 && !version->backend_count))
            version->backends[version->backend_count++].at = endpoint_of(service, number, i);
    if (!weight_bp && rng_below(rng, 4) == 0)
        version->backend_count = 0;
}

static inline void spec_random_guard(struct rng *rng, struct guard_spec *guard)
{
    static const char *const texts[] = {"connect_failures > 1%", "p99.9 connect_time > 20ms",
                                        "resets > 0.0001%"};
    struct error err;

    *guard = (struct guard_spec){.false_alarm_ppb = 1000, .close_wait_after_ms = 30000};
    for (size_t i = 0; i < COUNT(texts); i++)
        if (rng_below(rng, 2))
            assert_int_equal(rule_parse(texts[i], &guard->rules[guard->rule_count++], &err), 0);
    guard->live_flows = (enum fs_live_flows)rng_below(rng, 3);
    guard->live_ms = guard->live_flows == FS_LIVE_DRAIN ? 1000 + rng_below(rng, 9999) : 0;
}

/* v0 is the baseline; the rest come and go. */
static inline void spec_random(struct rng *rng, uint32_t number, struct service_spec *service)
{
    struct split_share shares[VERSIONS];

    *service = (struct service_spec){.vip = endpoint_of(number, 0xff, 1),
                                     .affinity = (enum fs_affinity)(number % 3),
                                     .drain_ms = 1000 + rng_below(rng, 20000),
                                     .sample_shift = rng_below(rng, 17),
                                     .http = rng_below(rng, 2),
                                     .reset = rng_below(rng, 2)};
    snprintf(service->name, sizeof(service->name), "s%u", number);
    spec_random_guard(rng, &service->guard);
    rng_shares(rng, shares, VERSIONS, FS_BUCKETS);
    for (uint32_t i = 1; i < VERSIONS; i++)
        if (rng_below(rng, 4) == 0) {
            shares[0].quota += shares[i].quota;
            shares[i].quota = UINT32_MAX;
        }
    for (uint32_t i = 0; i < VERSIONS; i++)
        if (shares[i].quota != UINT32_MAX)
            spec_random_version(rng, number, i, shares[i].quota,
                                &service->versions[service->version_count++]);
}

static inline int apply_random(struct rng *rng, struct change *change, struct error *err)
{
    struct spec spec = {.services = calloc(SERVICES, sizeof(*spec.services))};
    int code;

    for (uint32_t i = 0; i < SERVICES; i++)
        if (i < 2 || rng_below(rng, 4))
            spec_random(rng, i, &spec.services[spec.service_count++]);
    code = change_apply(change, &spec, err);
    spec_free(&spec);
    return code;
}

static inline int act_random(struct rng *rng, struct change *change, struct error *err)
{
    char service[8], version[8], other[8];
    struct live_choice live = {.live = FS_LIVE_KEEP};
    struct named_weight weights[] = {{version, rng_below(rng, 5001)},
                                     {other, rng_below(rng, 5001)}};

    snprintf(service, sizeof(service), "s%u", rng_below(rng, SERVICES));
    snprintf(version, sizeof(version), "v%u", 1 + rng_below(rng, VERSIONS - 1));
    snprintf(other, sizeof(other), "v%u", 1 + rng_below(rng, VERSIONS - 1));
    switch (rng_below(rng, 8)) {
    case 0:
        return apply_random(rng, change, err);
    case 1:
        return change_withdraw(change, service, version, &live,
                               rng_below(rng, 2) ? FS_RULE_BY_HAND : FS_RULE_ROLLOUT, err);
    case 2:
        return change_control(change, service, version, rng_next(rng), err);
    default:
        return change_set(change, service, weights, 1 + rng_below(rng, 2), err);
    }
}

/* What the kernel does when a rule is broken. */
static inline void trip_random(struct rng *rng)
{
    struct model *model = read_model();
    uint32_t number = rng_below(rng, model->service_count);
    struct draft *draft = model_draft(model, number);
    uint32_t v = rng_below(rng, FS_VERSION_SLOTS);
    uint32_t slot = draft->versions[v].health;

    if (draft->guard.rule_count && v != draft->baseline && slot < FS_HEALTH_SLOTS &&
        draft->versions[v].state == FS_VERSION_DECLARED &&
        draft->versions[draft->baseline].member_count && !fs_trips.words[slot].tick) {
        health[slot].trip = (struct fs_trip){.state = FS_TRIP_WITHDRAWN,
                                             .total = 100,
                                             .bad = 7,
                                             .trip_ns = clock_tick << FS_TICK_SHIFT,
                                             .cause = draft->guard.rules[0]};
        fs_trips.words[slot] =
            (struct fs_trip_word){.tick = (uint32_t)clock_tick, .first = (uint32_t)clock_tick};
    }
    model_free(model);
}

/* s0 with v0, v1 and v2 of 20 % each that aren't the baseline. */
static inline void publish_three(void)
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

/* As the commands do it: what the kernel did first; a change that is refused changes nothing. */
static inline void change_random(struct rng *rng)
{
    struct model *model = read_model();
    struct change change = {.model = model,
                            .now = (uint32_t)(clock_tick += 1 + rng_below(rng, 100)),
                            .is_local = odd_is_local,
                            .notes = nowhere};
    struct error err;

    assert_int_equal(change_settle_trips(model, &err), 0);
    if (model->service_count ? act_random(rng, &change, &err) == 0
                             : apply_random(rng, &change, &err) == 0)
        side_publish(model);
    model_free(model);
    if (rng_below(rng, 8) == 0)
        trip_random(rng);
}

/* --- saving */

static inline json_t *side_save(void)
{
    struct iface ifaces[] = {{.name = "eth0", .index = 2, .mode = IFACE_NATIVE},
                             {.name = "lo", .index = 1, .mode = IFACE_TC},
                             {.name = "x", .index = 3, .mode = IFACE_NONE}};
    struct saved_source source = {.model = read_model(),
                                  .health = health,
                                  .ifaces = ifaces,
                                  .iface_count = COUNT(ifaces),
                                  .realtime_0 = REALTIME_0};
    struct error err;
    json_t *contents;

    assert_int_equal(change_settle_trips(source.model, &err), 0);
    contents = saved_contents(&source);
    assert_non_null(contents);
    model_free(source.model);
    return contents;
}

static inline void side_restore(const json_t *contents)
{
    struct model *model = read_model();
    struct error err = {{0}};

    if (saved_restore(contents, model, REALTIME_0, &err))
        fail_msg("not restored: %s", err.text);
    side_publish(model);
    model_free(model);
}

static inline char *text_of(json_t *contents)
{
    char *text = saved_text(contents);

    assert_non_null(text);
    return text;
}

/* The one that was restored is all that is left. */
static inline void forget(struct side *before, json_t *saved)
{
    side_free(before);
    json_decref(saved);
}

static int world_setup(void **state)
{
    (void)state;
    clock_tick = 1000;
    nowhere = fopen("/dev/null", "we");
    side_new(4711);
    return nowhere ? 0 : -1;
}

static int world_teardown(void **state)
{
    (void)state;
    fclose(nowhere);
    free(fs_arena);
    free(health);
    return 0;
}

#define WORLD(sentence, fn)                             \
    {                                                   \
        sentence, fn, world_setup, world_teardown, NULL \
    }

#endif
