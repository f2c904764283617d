// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of the live flows of a version that trips, where they may not stay. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD(live) \
    "drain: 10m, sample: 1/1, guard: {rules: [connect_failures > 1%], live_flows: " live "},"

/* The flows of one way that the trip meets. */
struct live {
    struct talk settled;  /* nothing is written down about it */
    struct talk recorded; /* its bucket has moved to the canary before */
    struct talk silent;   /* as `settled`, and says nothing before the cut */
    struct talk others;   /* the baseline's */
};

static struct live lives[WAYS];

static void trip(const struct way *way)
{
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(health_named(way->service, "canary")->trip.state, FS_TRIP_WITHDRAWN,
                 "state of the trip");
}

/* Some clients of the canary's are its own only since the weights have changed. */
static void begin(void)
{
    for (int i = 0; i < WAYS; i++) {
        lives[i].settled = talk_new(&ways[i], ways[i].canary);
        lives[i].silent = talk_new(&ways[i], ways[i].canary);
        lives[i].recorded = talk_new(&ways[i], ways[i].stable);
        lives[i].others = talk_new(&ways[i], ways[i].stable);
        talk_begin(&lives[i].settled);
        talk_begin(&lives[i].silent);
        talk_begin(&lives[i].others);
    }
}

static void move(void)
{
    char led[END_TEXT];

    for (int i = 0; i < WAYS; i++) {
        struct live *live = &lives[i];

        flowsplit("set %s canary=90%%", ways[i].service);
        while (strcmp(hash_leads(ways[i].service, live->recorded.client, led), ways[i].canary))
            way_client(&ways[i], live->recorded.client);
        live->recorded.backend = ways[i].canary;
        talk_begin(&live->recorded);
        talk_asks(&live->recorded);
    }
}

static void goes_on(const struct talk *talk)
{
    talk_asks(talk);
    talk_tells(talk, "still here");
}

static void goes_to(const struct talk *talk, const char *backend)
{
    struct talk moved = *talk;

    moved.backend = backend;
    talk_asks(&moved);
    client_says(&moved, (struct segment){.flags = FIN | ACK, .seq = 61, .ack = 1});
}

static void cut(const struct way *way, struct live *live)
{
    way_test(way, "where live flows are cut, their next packet goes to the baseline");
    goes_on(&live->settled);
    goes_on(&live->recorded);
    trip(way);
    goes_to(&live->settled, way->stable);
    goes_to(&live->recorded, way->stable);
    goes_to(&live->silent, way->stable);
    goes_on(&live->others);
    test_end();

    way_test(way, "a client that was cut gets its new connection");
    live->settled.isn += 1000000;
    live->settled.backend = way->stable;
    talk_begin(&live->settled);
    goes_on(&live->settled);
    test_end();
}

/* A tick ends earlier by the precise clock, of which trips have their time, than by the coarse one,
 * which packets are judged by. Waits for the time between; where there is none, not for long. */
static void wait_for_the_tick(void)
{
    struct timespec now;
    uint64_t ns, end = 0;

    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        end = end ? end : ns + 3 * FS_TICK_NS;
    } while ((uint32_t)(ns / FS_TICK_NS) == tick_now() && ns < end);
}

static void cut_at_once(const struct way *way)
{
    struct talk talk, last;

    way_test(way, "they are cut at once, whatever clock is behind");
    talk = talk_new(way, way->canary);
    last = talk_new(way, way->canary);
    talk_begin(&talk);
    talk_syn(&last);
    for (int i = 0; i < 3; i++)
        talk_fails(way, way->canary);
    wait_for_the_tick();
    talk_refused(&last);
    goes_to(&talk, way->stable);
    test_end();
}

static void until_then(const struct way *way, struct live *live)
{
    way_test(way, "live flows that drain stay for that time");
    trip(way);
    goes_on(&live->settled);
    goes_on(&live->recorded);
    goes_on(&live->others);
    check_number(trip_word(way->service, "canary").cut - trip_word(way->service, "canary").tick,
                 table_named(way->service)->guard.live_ticks, "ticks from the trip to the cut");
    check_number(table_named(way->service)->guard.live_ticks, 2000000000 / FS_TICK_NS + 2,
                 "ticks of 2 s");
    test_end();
}

static void from_then_on(const struct way *way, struct live *live)
{
    way_test(way, "when that is over, their next packet goes to the baseline");
    check((int32_t)(tick_now() - trip_word(way->service, "canary").cut) >= 0, "it is too early");
    goes_to(&live->settled, way->stable);
    goes_to(&live->recorded, way->stable);
    goes_to(&live->silent, way->stable);
    goes_on(&live->others);
    test_end();
}

int main(void)
{
    host_start(ways_declare(GUARD("cut"), "50%", "50%"));
    evidence_open(host_pin_dir());
    begin();
    move();
    for (int i = 0; i < WAYS; i++)
        cut(&ways[i], &lives[i]);
    ways_renew(GUARD("cut"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        cut_at_once(&ways[i]);
    ways_renew(GUARD("drain 2s"), "50%", "50%");
    begin();
    move();
    for (int i = 0; i < WAYS; i++)
        until_then(&ways[i], &lives[i]);
    host_sleep(2.3);
    for (int i = 0; i < WAYS; i++)
        from_then_on(&ways[i], &lives[i]);
    return tests_done();
}
