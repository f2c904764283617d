// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A rollout's controller that has fallen silent: what the next SYN of its version's does about it,
 * and that nothing else does anything. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "evidence.h"
#include "host.h"
#include "pinned.h"
#include "talk.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL
#define OPTIONS   "drain: 10m, sample: 1/1, "

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* --- beating, as a controller does: in the map --- */

static struct fs_health *hearts; /* [FS_HEALTH_SLOTS] */

static void hearts_open(void)
{
    hearts = mmap(NULL, FS_HEALTH_SLOTS * sizeof(*hearts), PROT_READ | PROT_WRITE, MAP_SHARED,
                  pinned_open(host_pin_dir(), "maps", "health"), 0);
    if (hearts == MAP_FAILED)
        give_up("cannot map health: %s", strerror(errno));
}

static void beat(const struct way *way, const char *version, struct fs_heart heart)
{
    const struct fs_table *table = table_named(way->service);

    for (unsigned i = 0; i < FS_VERSION_SLOTS; i++)
        if (table->versions[i].state == FS_VERSION_DECLARED &&
            !strcmp(table->versions[i].name, version))
            hearts[table->pool[i].health].heart = heart;
}

/* The last beat was some seconds ago, a tenth before or after which it counts as lost. */
static struct fs_heart lost(enum fs_heart_act then)
{
    return (struct fs_heart){
        .beat_ns = now_ns() - 3 * SECOND_NS, .lost_after_ns = 29 * SECOND_NS / 10, .then = then};
}

static struct fs_heart alive(enum fs_heart_act then)
{
    struct fs_heart heart = lost(then);

    heart.lost_after_ns = 60 * SECOND_NS;
    return heart;
}

/* --- what there must be of it --- */

static struct fs_trip trip_of(const struct way *way, const char *version)
{
    return *(const struct fs_trip *)&health_named(way->service, version)->trip;
}

static void check_quiet(const struct way *way, const char *version, uint64_t events)
{
    check_number(event_next(), events, "the next event's number");
    check_number(trip_of(way, version).state, FS_TRIP_NONE, "state of the trip");
    check_number(trip_word(way->service, version).tick, 0, "tick of the trip");
}

static void check_between(uint64_t from, uint64_t moment, uint64_t to, const char *what)
{
    check(from <= moment && moment <= to, "%s: %llu is not from %llu to %llu", what,
          (unsigned long long)moment, (unsigned long long)from, (unsigned long long)to);
}

static struct fs_event check_event(const struct way *way, const char *version, uint64_t number,
                                   enum fs_event_kind kind, uint64_t beat_ns)
{
    struct fs_event event = {0};

    check_number(event_next(), number + 1, "the next event's number");
    check(event_read(number, &event), "there is no event %llu", (unsigned long long)number);
    check_number(event.kind, kind, "its kind");
    check(!strcmp(event.service, way->service) && !strcmp(event.version, version),
          "it is of %.63s, %.63s", event.service, event.version);
    check_between(beat_ns, event.time_ns, now_ns(), "its time");
    check_number(event.trip.first_bad_ns, beat_ns, "the last beat");
    check_number(event.trip.trip_ns, event.time_ns, "its time again");
    return event;
}

static void syns(const struct way *way, const char *backend, int count)
{
    for (int i = 0; i < count; i++) {
        struct talk talk = talk_new(way, backend);

        talk_begin(&talk);
    }
}

/* --- no rollout, and one that is well --- */

static void nothing(const struct way *way)
{
    struct fs_heart heart = lost(FS_HEART_ROLLBACK);
    uint64_t events = event_next();

    way_test(way, "without a rollout nothing happens, however long ago a heart beat");
    heart.lost_after_ns = 0;
    beat(way, "canary", heart);
    syns(way, way->canary, 5);
    check_quiet(way, "canary", events);
    check_number(health_named(way->service, "canary")->heart.told, 0, "told");
    test_end();

    way_test(way, "as long as the heart beats nothing happens");
    beat(way, "canary", alive(FS_HEART_ROLLBACK));
    syns(way, way->canary, 5);
    heart = alive(FS_HEART_ROLLBACK);
    heart.beat_ns = now_ns() + SECOND_NS; /* on another CPU, while the SYN was on its way */
    beat(way, "canary", heart);
    syns(way, way->canary, 5);
    check_quiet(way, "canary", events);
    test_end();
}

/* --- hold --- */

static void hold(const struct way *way)
{
    struct fs_heart heart = lost(FS_HEART_HOLD);
    struct talk live = talk_new(way, way->canary);
    uint64_t events = event_next();

    way_test(way, "a lost heart is found by a new flow of the version's only");
    talk_begin(&live);
    beat(way, "canary", heart);
    talk_asks(&live);
    talk_tells(&live, "still here");
    syns(way, way->stable, 5);
    check_quiet(way, "canary", events);
    test_end();

    way_test(way, "to hold is one event, and nothing else changes");
    syns(way, way->canary, 1);
    check_event(way, "canary", events, FS_EVENT_HEARTBEAT, heart.beat_ns);
    check_quiet(way, "canary", events + 1);
    syns(way, way->canary, 5);
    check_quiet(way, "canary", events + 1);
    talk_asks(&live);
    test_end();

    way_test(way, "a new beat is lost anew");
    beat(way, "canary", alive(FS_HEART_HOLD));
    syns(way, way->canary, 5);
    check_quiet(way, "canary", events + 1);
    heart = lost(FS_HEART_HOLD);
    beat(way, "canary", heart);
    syns(way, way->canary, 5);
    check_event(way, "canary", events + 1, FS_EVENT_HEARTBEAT, heart.beat_ns);
    test_end();
}

/* --- roll back --- */

static void check_trip(const struct way *way, const struct fs_heart *heart, uint64_t number,
                       uint64_t from)
{
    struct fs_event event = check_event(way, "canary", number, FS_EVENT_TRIP, heart->beat_ns);
    struct fs_trip trip = trip_of(way, "canary");
    struct fs_trip_word word = trip_word(way->service, "canary");

    check_number(trip.state, FS_TRIP_WITHDRAWN, "state of the trip");
    check_number(trip.rule, FS_RULE_HEARTBEAT, "its rule");
    check_number(trip.total | trip.bad | (uint64_t)trip.score, 0, "its outcomes");
    check_number(trip.first_bad_ns, heart->beat_ns, "the last beat");
    check_between(from, trip.trip_ns, now_ns(), "the trip");
    check_number(trip.event, number, "the event that the trip names");
    check(trip.last_new_ns >= from, "the last new flow is not the one that has found it");
    check_between(word.tick, trip.trip_ns >> FS_TICK_SHIFT, word.tick + 1, "tick of the trip");
    trip.diverted_ns = 0;
    check(!memcmp(&event.trip, &trip, sizeof(trip)), "the event's trip differs");
}

static void roll_back(const struct way *way, struct fs_heart heart, const char *sentence)
{
    struct talk live, finds, next;
    struct fs_trip_word word;
    uint64_t number, from;

    way_test(way, sentence);
    live = talk_new(way, way->canary);
    finds = talk_new(way, way->canary);
    next = talk_new(way, way->canary);
    talk_begin(&live);
    number = event_next();
    from = now_ns();
    beat(way, "canary", heart);
    talk_syn(&finds); /* still goes its way */
    check_trip(way, &heart, number, from);
    next.backend = way->stable;
    talk_begin(&next);
    talk_asks(&next);
    word = trip_word(way->service, "canary");
    if (heart.live_flows == FS_LIVE_KEEP)
        check_number(word.cut, 0, "tick of the cut");
    else if (heart.live_flows == FS_LIVE_DRAIN)
        check_number(word.cut - word.tick, heart.live_ticks, "ticks to the cut");
    else
        live.backend = way->stable;
    talk_asks(&live);
    check_number(event_next(), number + 1, "the next event's number");
    test_end();
}

static void keep(const struct way *way)
{
    roll_back(way, lost(FS_HEART_ROLLBACK),
              "a lost heart withdraws the version, whose live flows stay");
}

static void drain(const struct way *way)
{
    struct fs_heart heart = lost(FS_HEART_ROLLBACK);

    heart.live_flows = FS_LIVE_DRAIN;
    heart.live_ticks = 77777;
    roll_back(way, heart, "live flows drain for as long as the heart says");
}

static void cut(const struct way *way)
{
    struct fs_heart heart = lost(FS_HEART_ROLLBACK);

    heart.live_flows = FS_LIVE_CUT;
    roll_back(way, heart, "live flows are cut where the heart says so");
}

/* --- what can't be withdrawn, or is about to be --- */

static void reported(const struct way *way)
{
    struct fs_heart heart = lost(FS_HEART_ROLLBACK);
    uint64_t number;

    way_test(way, "a version that has only been reported is withdrawn");
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way, "canary").state, FS_TRIP_REPORTED, "state of the trip");
    number = event_next();
    beat(way, "canary", heart);
    syns(way, way->canary, 1);
    check_trip(way, &heart, number, heart.beat_ns);
    test_end();
}

static void only_told(const struct way *way, const char *version, const char *backend,
                      const char *sentence)
{
    struct fs_heart heart = lost(FS_HEART_ROLLBACK);
    uint64_t events = event_next();

    way_test(way, sentence);
    beat(way, version, heart);
    syns(way, backend, 5);
    check_event(way, version, events, FS_EVENT_HEARTBEAT, heart.beat_ns);
    check_quiet(way, version, events + 1);
    test_end();
}

/* Services whose baseline has no backends, which the hash never leads to. */
static void declare_empty(void)
{
    static char text[8192];
    size_t used = (size_t)snprintf(text, sizeof(text), "services:\n");

    for (size_t i = 0; i < WAYS; i++) {
        flowsplit("delete %s", ways[i].service);
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "  - {name: %s, vip: '%s/tcp', baseline: stable, %s versions: [{name: stable, weight: "
            "0%%, backends: []}, {name: canary, weight: 100%%, backends: ['%s']}]}\n",
            ways[i].service, ways[i].vip, OPTIONS, ways[i].canary);
    }
    flowsplit_apply(text);
    tables_clear();
}

static void on_all_ways(void (*test)(const struct way *way))
{
    for (int i = 0; i < WAYS; i++)
        test(&ways[i]);
}

int main(void)
{
    host_start(ways_declare(OPTIONS, "50%", "50%"));
    evidence_open(host_pin_dir());
    hearts_open();
    on_all_ways(nothing);
    on_all_ways(hold);
    on_all_ways(keep);
    ways_renew(OPTIONS, "50%", "50%");
    on_all_ways(drain);
    ways_renew(OPTIONS, "50%", "50%");
    on_all_ways(cut);
    ways_renew(OPTIONS "guard: {on_trip: report, rules: [connect_failures > 1%]},", "50%", "50%");
    on_all_ways(reported);
    for (int i = 0; i < WAYS; i++)
        only_told(&ways[i], "stable", ways[i].stable,
                  "the baseline is never withdrawn for its heart");
    declare_empty();
    for (int i = 0; i < WAYS; i++)
        only_told(&ways[i], "canary", ways[i].canary,
                  "nor is a version in favour of a baseline without backends");
    return tests_done();
}
