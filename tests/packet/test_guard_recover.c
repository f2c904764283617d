// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A withdrawn version comes back by itself, by the packets alone: when, how often, and where live
 * flows of either side are then. The same whether a command has written down what came before. */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD(drain, live, after)                                                              \
    "drain: " drain ", sample: 1/1, guard: {rules: [connect_failures > 1%], live_flows: " live \
    ", recover: {after: " after ", at_most: 2}},"
/* What a way's story is about. */
static struct flows {
    struct talk old;     /* of the canary, from before the trip */
    struct talk silent;  /* likewise, and says nothing until the end */
    struct talk early;   /* of the baseline, from soon after the trip */
    struct talk late;    /* likewise, from just before the version comes back */
    struct talk between; /* of the canary, from between two trips */
} flows[WAYS];

static bool commands; /* come by between all that happens */

static void command(void)
{
    if (commands)
        flowsplit("status");
}

static const volatile struct fs_trip *trip_of(const struct way *way)
{
    return &health_named(way->service, "canary")->trip;
}

static void goes_on(const struct talk *talk)
{
    talk_asks(talk);
    talk_tells(talk, "still here");
}

/* A client of the canary's that begins at that backend. */
static struct talk begin_at(const struct way *way, const char *backend)
{
    struct talk talk = talk_new(way, way->canary);

    talk.backend = backend;
    talk_begin(&talk);
    return talk;
}

static void trip(const struct way *way)
{
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state of the trip");
}

/* Clients whose bucket is the canary's, although another serves it now. */
static struct talk clients[WAYS][2];

static void first_trip(const struct way *way, struct flows *flow, int number, bool cut)
{
    way_test(way, "a trip says when the version is back");
    flow->old = begin_at(way, way->canary);
    flow->silent = begin_at(way, way->canary);
    flow->early = talk_new(way, way->canary);
    flow->late = talk_new(way, way->canary);
    flow->early.backend = flow->late.backend = way->stable;
    for (int i = 0; i < 2; i++)
        clients[number][i] = talk_new(way, way->canary);
    trip(way);
    check_number(trip_of(way)->back_ns > trip_of(way)->trip_ns, 1, "is it after the trip?");
    talk_begin(&flow->early);
    if (!cut)
        goes_on(&flow->old);
    test_end();
}

static void too_early(const struct way *way, struct flows *flow, int number)
{
    struct talk *client = &clients[number][0];

    way_test(way, "before that time, new flows go to the baseline");
    client->backend = way->stable;
    talk_syn(client);
    talk_begin(&flow->late);
    goes_on(&flow->late);
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state of the trip");
    test_end();
}

static void check_event(const struct way *way, uint64_t number, unsigned times)
{
    struct fs_event event;

    check_number(event_next(), number + 1, "the next event's number");
    check(event_read(number, &event), "there is no event %llu", (unsigned long long)number);
    check_number(event.kind, FS_EVENT_RECOVERY, "its kind");
    check(!strcmp(event.service, way->service) && !strcmp(event.version, "canary"),
          "it is of %.63s, %.63s", event.service, event.version);
    check_number(event.trip.recovered, times, "times that it came back");
    check_number(event.trip.bad, 4, "bad outcomes of the trip that ended");
    check_number(event.trip.back_ns, event.time_ns, "its time");
}

static void comes_back(const struct way *way, struct flows *flow, int number, unsigned times)
{
    const volatile struct fs_health *health = health_named(way->service, "canary");
    struct talk *client = &clients[number][1];
    uint64_t event = event_next();

    way_test(way, "when it is over, a new flow brings the version back, and is with it");
    client->isn += 1000000;
    talk_syn(client);
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state of the trip");
    check_number(trip_word(way->service, "canary").tick, 0, "tick of the trip");
    check_number(health->scores[0].total, 0, "outcomes");
    for (int i = 0; i < FS_BANKS; i++)
        check_number((uint64_t)health->scores[0].score[i], 0, "score %d", i);
    check_event(way, event, times);
    flow->between = begin_at(way, way->canary);
    test_end();
}

/* All but those that were cut, or were silent for the whole of the drain time. */
static void live_flows_stay(const struct way *way, struct flows *flow, bool old, bool silent)
{
    way_test(way, "live flows of both stay where they are");
    goes_on(&flow->early);
    goes_on(&flow->late);
    if (old)
        goes_on(&flow->old);
    if (silent)
        goes_on(&flow->silent);
    goes_on(&flow->between);
    goes_on(&flow->late);
    test_end();
}

static void second_trip(const struct way *way, struct flows *flow)
{
    uint64_t ticks;

    way_test(way, "the next time it is away for twice as long, and all live flows stay");
    trip(way);
    ticks = trip_word(way->service, "canary").until - trip_word(way->service, "canary").tick;
    check_number(ticks, 2 * table_named(way->service)->guard.recover_ticks, "ticks");
    goes_on(&flow->early);
    goes_on(&flow->late);
    goes_on(&flow->old);
    goes_on(&flow->silent);
    goes_on(&flow->between);
    test_end();
}

static void third_trip(const struct way *way, struct flows *flow)
{
    way_test(way, "after so many times it stays away, until it is cleared");
    trip(way);
    check_number(trip_word(way->service, "canary").until, 0, "the tick at which it is back");
    check_number(trip_of(way)->back_ns, 0, "the time at which it is back");
    goes_on(&flow->early);
    goes_on(&flow->old);
    goes_on(&flow->between);
    flowsplit("clear %s canary", way->service);
    check_number(trip_of(way)->recovered, 0, "times that it came back");
    goes_on(&flow->early);
    goes_on(&flow->late);
    goes_on(&flow->old);
    goes_on(&flow->silent);
    goes_on(&flow->between);
    begin_at(way, way->canary);
    trip(way);
    check_number(trip_of(way)->back_ns > trip_of(way)->trip_ns, 1, "does it come back again?");
    test_end();
}

#define EACH_WAY(act)                         \
    do {                                      \
        for (int i = 0; i < WAYS; i++) {      \
            const struct way *way = &ways[i]; \
            struct flows *flow = &flows[i];   \
                                              \
            act;                              \
        }                                     \
        command();                            \
    } while (0)

/* All of it within the drain time. */
static void soon(void)
{
    EACH_WAY(first_trip(way, flow, i, false));
    EACH_WAY(too_early(way, flow, i));
    host_sleep(1.3);
    EACH_WAY(comes_back(way, flow, i, 1));
    EACH_WAY(live_flows_stay(way, flow, true, true));
    EACH_WAY(second_trip(way, flow));
    host_sleep(2.3);
    EACH_WAY(comes_back(way, flow, i, 2));
    EACH_WAY(live_flows_stay(way, flow, true, true));
    EACH_WAY(third_trip(way, flow));
}

/* When the drain time is over, flows of the baseline that are on no record begin before it. */
static void later(bool cut)
{
    EACH_WAY(first_trip(way, flow, i, cut));
    host_sleep(4);
    EACH_WAY(too_early(way, flow, i));
    host_sleep(1.3);
    EACH_WAY(comes_back(way, flow, i, 1));
    EACH_WAY(live_flows_stay(way, flow, !cut, false));
}

int main(void)
{
    host_start(ways_declare(GUARD("10m", "keep", "1s"), "50%", "50%"));
    evidence_open(host_pin_dir());
    soon();
    commands = true;
    ways_renew(GUARD("10m", "keep", "1s"), "50%", "50%");
    soon();
    for (int i = 0; i < 2; i++) {
        commands = i;
        ways_renew(GUARD("1s", "keep", "5s"), "50%", "50%");
        later(false);
    }
    for (int i = 0; i < 2; i++) {
        commands = i;
        ways_renew(GUARD("10m", "cut", "5s"), "50%", "50%");
        later(true);
    }
    return tests_done();
}
