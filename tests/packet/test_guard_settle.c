// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A trip steers before any process has written it down, and after: the same packets go to the same
 * places. And what it has moved comes back. */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD(live) \
    "drain: 10m, sample: 1/1, guard: {rules: [connect_failures > 1%], live_flows: " live "},"
#define CLIENTS 120

static void trip(const struct way *way)
{
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(health_named(way->service, "canary")->trip.state, FS_TRIP_WITHDRAWN,
                 "state of the trip");
}

/* Is the trip written down in the tables? */
static bool is_settled(const struct way *way)
{
    const struct fs_table *table = table_named(way->service);

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (!strcmp(table->versions[i].name, "canary"))
            return table->versions[i].withdrawn;
    give_up("no canary");
}

/* Where the packets of clients go that nothing is written down about: first one begins a flow, then
 * one is of an old flow; those behind them meet entries. */
#define PACKETS 6

struct journey {
    char to[PACKETS][END_TEXT];
};

static void travel(const struct talk talks[CLIENTS], struct journey journeys[CLIENTS])
{
    static const struct segment packets[PACKETS] = {
        {.flags = SYN},
        {.flags = ACK, .seq = 1, .ack = 1},
        {.flags = SYN},
        {.flags = ACK, .seq = 1, .ack = 1, .payload = 9},
        {.flags = SYN, .seq = 0x1000000},
        {.flags = FIN | ACK, .seq = 10, .ack = 1},
    };

    for (int i = 0; i < PACKETS; i++) {
        if (i % (PACKETS / 2) == 0)
            tables_clear();
        for (int k = 0; k < CLIENTS; k++)
            strcpy(journeys[k].to[i], client_led(&talks[k], packets[i]));
    }
    tables_clear();
}

/* Before and after. Some buckets are moving towards the canary when it trips. */
static void same_places(const struct way *way)
{
    static struct journey before[CLIENTS], after[CLIENTS];
    static struct talk talks[CLIENTS];
    unsigned moved = 0;

    way_test(way, "a trip steers the same before and after it is written down");
    flowsplit("set %s canary=60%%", way->service);
    for (int i = 0; i < CLIENTS; i++)
        talks[i] = talk_new(way, NULL);
    trip(way);
    check(!is_settled(way), "it is written down already");
    travel(talks, before);
    check(!is_settled(way), "it is written down already");
    flowsplit("status");
    check(is_settled(way), "it isn't written down");
    travel(talks, after);
    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 0; k < PACKETS; k++)
            check(!strcmp(before[i].to[k], after[i].to[k]),
                  "packet %d of %s went to %s before, to %s after", k, talks[i].client,
                  before[i].to[k], after[i].to[k]);
        check(!strcmp(after[i].to[0], way->stable), "a SYN of %s goes to %s", talks[i].client,
              after[i].to[0]);
        moved += talks[i].backend == way->canary;
    }
    check(moved > CLIENTS / 4, "only %u clients were the canary's", moved);
    test_end();
}

/* Live flows across the moment at which it is written down. */
static void live_flows(const struct way *way, bool stay)
{
    struct talk old = talk_new(way, way->canary), met = talk_new(way, way->canary), new;

    way_test(way, stay ? "live flows stay where they are when a trip is written down"
                       : "live flows that were cut stay cut when a trip is written down");
    talk_begin(&old);
    talk_begin(&met);
    new = talk_new(way, way->canary);
    trip(way);
    if (!stay)
        old.backend = met.backend = way->stable;
    talk_asks(&met);
    new.backend = way->stable;
    talk_begin(&new);
    flowsplit("status");
    check(is_settled(way), "it isn't written down");
    talk_asks(&met);
    talk_asks(&old);
    talk_asks(&new);
    talk_syn(&new);
    talk_asks(&new);
    test_end();
}

/* --- and back --- */

static void clears(const struct way *way)
{
    static char before[CLIENTS][END_TEXT];
    static struct talk talks[CLIENTS];
    const volatile struct fs_health *health = health_named(way->service, "canary");
    struct talk live;
    uint64_t number;
    char led[END_TEXT];

    way_test(way, "a trip that is cleared gives back the very same buckets");
    for (int i = 0; i < CLIENTS; i++) {
        talks[i] = talk_new(way, NULL);
        hash_leads(way->service, talks[i].client, before[i]);
    }
    live = talk_new(way, way->canary);
    trip(way);
    live.backend = way->stable;
    talk_begin(&live);
    check(health->trip.diverted_ns != 0, "no diverted flow");
    flowsplit("clear %s canary", way->service);
    for (int i = 0; i < CLIENTS; i++) {
        check(!strcmp(hash_leads(way->service, talks[i].client, led), before[i]),
              "%s is led to %s instead of %s", talks[i].client, led, before[i]);
        talk_syn(&talks[i]);
    }
    talk_asks(&live);
    test_end();

    way_test(way, "with the trip its evidence is gone, and new evidence trips again");
    check_number(health->trip.state, FS_TRIP_NONE, "state of the trip");
    check_number(trip_word(way->service, "canary").tick, 0, "tick of the trip");
    for (int i = 0; i < FS_BANKS; i++)
        check_number((uint64_t)health->scores[0].score[i], 0, "score %d", i);
    check_number(health->scores[0].total, 0, "outcomes");
    number = event_next();
    for (int i = 0; i < 3; i++)
        talk_fails(way, way->canary);
    check_number(health->trip.state, FS_TRIP_NONE, "state after three failures");
    talk_fails(way, way->canary);
    check_number(health->trip.state, FS_TRIP_WITHDRAWN, "state after four");
    check_number(health->trip.event, number, "its event");
    check_number(health->trip.diverted_ns, 0, "first diverted flow");
    test_end();
}

int main(void)
{
    host_start(ways_declare(GUARD("keep"), "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        same_places(&ways[i]);
    ways_renew(GUARD("keep"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        live_flows(&ways[i], true);
    ways_renew(GUARD("cut"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        same_places(&ways[i]);
    ways_renew(GUARD("cut"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        live_flows(&ways[i], false);
    ways_renew(GUARD("keep"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        clears(&ways[i]);
    ways_renew(GUARD("cut"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        clears(&ways[i]);
    return tests_done();
}
