// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The guard withdraws a version in the program run that completes the evidence: when it does, what
 * it writes down, and where packets go from then on. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD(more)                                                                  \
    "drain: 10m, sample: 1/1, guard: {rules: [resets > 5%, connect_failures > 1%], " \
    "false_alarm: 1e-6" more "},"
#define RULE 1 /* connect_failures */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void check_between(uint64_t from, uint64_t moment, uint64_t to, const char *what)
{
    check(from <= moment && moment <= to, "%s: %llu is not from %llu to %llu", what,
          (unsigned long long)moment, (unsigned long long)from, (unsigned long long)to);
}

static struct fs_trip trip_of(const struct way *way, const char *version)
{
    return *(const struct fs_trip *)&health_named(way->service, version)->trip;
}

static const struct fs_rule *rule_of(const struct way *way)
{
    return &table_named(way->service)->guard.rules[RULE];
}

/* The highest of a rule's scores after so many bad outcomes and nothing else. */
static int64_t score_after(const struct fs_rule *rule, int bad)
{
    int64_t highest = 0;

    for (int i = 0; i < FS_BANKS; i++) {
        __s64 score = 0;

        for (int k = 0; k < bad; k++)
            score = fs_score_next(rule, i, score, 1);
        highest = score > highest ? score : highest;
    }
    return highest;
}

static void check_event(const struct way *way, const char *version, uint64_t number)
{
    struct fs_trip trip = trip_of(way, version);
    struct fs_event event;

    check_number(event_next(), number + 1, "the next event's number");
    check(event_read(number, &event), "there is no event %llu", (unsigned long long)number);
    check_number(event.kind, FS_EVENT_TRIP, "its kind");
    check_number(event.time_ns, trip.trip_ns, "its time");
    check(!strcmp(event.service, way->service) && !strcmp(event.version, version),
          "it is of %.63s, %.63s", event.service, event.version);
    check(!memcmp(&event.trip.cause, rule_of(way), sizeof(event.trip.cause)), "its rule differs");
    check_number(trip.event, number, "the event that the trip names");
    trip.diverted_ns = 0; /* comes later */
    check(!memcmp(&event.trip, &trip, sizeof(trip)), "its trip differs from the version's");
}

/* --- to the trip and beyond --- */

static void trips(const struct way *way)
{
    struct talk waiting = talk_new(way, way->canary), late = talk_new(way, way->canary);
    uint64_t number = event_next(), first[2], last[2], syn, ticks;
    struct fs_trip trip;

    way_test(way, "three refused handshakes don't trip at 1 %");
    talk_succeeds(way, way->canary);
    talk_syn(&waiting);
    first[0] = now_ns();
    talk_fails(way, way->canary);
    first[1] = now_ns();
    talk_fails(way, way->canary);
    talk_fails(way, way->canary);
    check_number(trip_of(way, "canary").state, FS_TRIP_NONE, "state of the trip");
    check_number(trip_word(way->service, "canary").tick, 0, "tick of the trip");
    check_number(event_next(), number, "the next event's number");
    syn = now_ns();
    talk_syn(&late);
    test_end();

    way_test(way, "the fourth trips, and the next SYN already goes to the baseline");
    last[0] = now_ns();
    talk_refused(&late);
    last[1] = now_ns();
    late.isn += 1000000;
    late.backend = way->stable;
    check_number(trip_of(way, "canary").diverted_ns, 0, "the first diverted flow's time");
    talk_syn(&late);
    check_between(last[1], trip_of(way, "canary").diverted_ns, now_ns(), "first diverted flow");
    test_end();

    way_test(way, "a trip says which rule, what was counted, and when it all was");
    trip = trip_of(way, "canary");
    check_number(trip.state, FS_TRIP_WITHDRAWN, "state of the trip");
    check_number(trip.rule, RULE, "its rule");
    check_number(trip.total, 5, "its outcomes");
    check_number(trip.bad, 4, "its bad ones");
    check(trip.score >= rule_of(way)->threshold, "its score is below the threshold");
    check_number((uint64_t)trip.score, (uint64_t)score_after(rule_of(way), 4), "its score");
    check_between(first[0], trip.first_bad_ns, first[1], "first bad outcome");
    check_between(syn, trip.last_new_ns, last[0], "last new flow before");
    check_between(last[0], trip.trip_ns, last[1], "trip");
    ticks = trip_word(way->service, "canary").tick;
    check_between(ticks, trip.trip_ns >> FS_TICK_SHIFT, ticks + 1, "tick of the trip");
    check_number(trip_word(way->service, "canary").cut, 0, "tick of the cut");
    test_end();

    way_test(way, "a trip's event holds the rule and the trip");
    check_event(way, "canary", number);
    test_end();

    way_test(way, "what comes behind a trip changes nothing about it");
    trip = trip_of(way, "canary");
    talk_refused(&waiting);
    for (int i = 0; i < 20; i++) {
        struct talk talk = talk_new(way, NULL);

        talk_syn(&talk);
    }
    check_event(way, "canary", number);
    check(!memcmp(&trip, (const void *)&health_named(way->service, "canary")->trip, sizeof(trip)),
          "the trip has changed");
    test_end();
}

static void unanswered_trips(const struct way *way)
{
    struct talk talks[4];

    way_test(way, "four unanswered handshakes trip; the deciding SYN itself still goes its way");
    for (int i = 0; i < 4; i++) {
        talks[i] = talk_new(way, way->canary);
        talk_syn(&talks[i]);
        handshake_age(way->service, talks[i].client, 1000000000);
    }
    for (int i = 0; i < 4; i++)
        talk_syn(&talks[i]);
    check_number(trip_of(way, "canary").state, FS_TRIP_WITHDRAWN, "state of the trip");
    for (int i = 0; i < 4; i++) {
        talks[i].backend = way->stable;
        talk_syn(&talks[i]);
        talk_answered(&talks[i]);
        client_says(&talks[i], (struct segment){.flags = ACK, .seq = 1, .ack = 1});
        talk_asks(&talks[i]);
    }
    test_end();
}

/* --- live flows that stay --- */

static void keeps(const struct way *way)
{
    struct talk live = talk_new(way, way->canary), half = talk_new(way, way->canary);
    struct talk asked = talk_new(way, way->canary), other = talk_new(way, way->stable);

    way_test(way, "live flows of a version that trips stay with it to their end");
    talk_begin(&live);
    talk_begin(&other);
    talk_syn(&asked);
    talk_syn(&half);
    talk_answered(&half);
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way, "canary").state, FS_TRIP_WITHDRAWN, "state of the trip");
    for (int i = 0; i < 3; i++) {
        talk_asks(&live);
        talk_tells(&live, "still here");
        talk_asks(&other);
    }
    client_says(&half, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_asks(&half);
    talk_answered(&asked);
    client_says(&asked, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_asks(&asked);
    client_says(&live, (struct segment){.flags = FIN | ACK, .seq = 61, .ack = 61});
    backend_says(&live, (struct segment){.flags = FIN | ACK, .seq = 61, .ack = 62});
    client_says(&live, (struct segment){.flags = ACK, .seq = 62, .ack = 62});
    test_end();

    way_test(way, "a client that begins anew after that gets the baseline");
    live.isn += 1000000;
    live.backend = way->stable;
    talk_begin(&live);
    talk_asks(&live);
    test_end();
}

/* --- the baseline, and versions that are only reported --- */

static void reported(const struct way *way, const char *version, const char *backend)
{
    struct talk live = talk_new(way, backend);
    uint64_t number = event_next();

    talk_begin(&live);
    for (int i = 0; i < 10; i++)
        talk_fails(way, backend);
    check_number(trip_of(way, version).state, FS_TRIP_REPORTED, "state of the trip");
    check_number(trip_of(way, version).bad, 4, "its bad outcomes");
    check_number(trip_word(way->service, version).tick, 0, "tick of the trip");
    check_number(trip_of(way, version).diverted_ns, 0, "first diverted flow");
    check_event(way, version, number);
    talk_asks(&live);
    talk_succeeds(way, backend);
}

static void baseline(const struct way *way)
{
    way_test(way, "the baseline is reported and goes on");
    reported(way, "stable", way->stable);
    test_end();

    way_test(way,
             "without worse_than_baseline a version is withdrawn while the baseline fails, too");
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way, "canary").state, FS_TRIP_WITHDRAWN, "state of the trip");
    test_end();
}

static void worse_than_baseline(const struct way *way)
{
    struct fs_trip trip;

    way_test(way, "while the baseline breaks the same rule, a version is only reported");
    for (int i = 0; i < 3; i++)
        talk_fails(way, way->stable);
    reported(way, "canary", way->canary);
    trip = trip_of(way, "canary");
    check_number(trip.baseline_breaks, 1, "does the baseline break it?");
    check_number(trip.baseline_total, 3, "outcomes of the baseline");
    check_number(trip.baseline_bad, 3, "its bad ones");
    test_end();

    way_test(way, "when the baseline is well again, that version is withdrawn by its next failure");
    for (int i = 0; i < 30; i++)
        talk_succeeds(way, way->stable);
    check_number(trip_of(way, "canary").state, FS_TRIP_REPORTED, "state of the trip");
    talk_fails(way, way->canary);
    trip = trip_of(way, "canary");
    check_number(trip.state, FS_TRIP_WITHDRAWN, "state of the trip");
    check_number(trip.baseline_breaks, 0, "does the baseline break it?");
    check_number(trip.baseline_total, 33, "outcomes of the baseline");
    test_end();
}

static void another_rule(const struct way *way)
{
    way_test(way, "a baseline that fails less than that keeps no version");
    for (int i = 0; i < 20; i++)
        talk_succeeds(way, way->stable);
    talk_fails(way, way->stable);
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way, "canary").state, FS_TRIP_WITHDRAWN, "state of the trip");
    check_number(trip_of(way, "canary").baseline_bad, 1, "bad outcomes of the baseline");
    test_end();
}

static void report_only(const struct way *way)
{
    way_test(way, "with on_trip: report a version is reported and goes on");
    reported(way, "canary", way->canary);
    test_end();
}

/* With no weight of its own it takes flows only in the place of others. */
static void weightless_baseline(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary), live = talk_new(way, way->canary);

    way_test(way, "a baseline without weight takes the flows of what trips, and keeps them");
    talk_begin(&live);
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    talk.backend = way->stable;
    talk_syn(&talk);
    talk_syn(&talk);
    talk_answered(&talk);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_asks(&talk);
    talk_syn(&talk);
    talk_asks(&talk);
    talk_asks(&live);
    test_end();
}

int main(void)
{
    host_start(ways_declare(GUARD(""), "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        trips(&ways[i]);
    ways_renew(GUARD(", clients: 1"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        unanswered_trips(&ways[i]);
    ways_renew(GUARD(""), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        keeps(&ways[i]);
    ways_renew(GUARD(", worse_than_baseline: false"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        baseline(&ways[i]);
    ways_renew(GUARD(""), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        worse_than_baseline(&ways[i]);
    ways_renew(GUARD(""), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        another_rule(&ways[i]);
    ways_renew(GUARD(", on_trip: report"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        report_only(&ways[i]);
    ways_renew(GUARD(""), "0%", "100%");
    for (int i = 0; i < WAYS; i++)
        weightless_baseline(&ways[i]);
    return tests_done();
}
