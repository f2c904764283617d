// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a client can provoke withdraws a version only if several clients have, and none more than
 * its part of it. A refusal, which no client can provoke, needs no others. */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL
#define GUARD(more)                                                                             \
    "drain: 10m, sample: 1/1, http: true, guard: {rules: [connect_failures > 1%, resets > 1%, " \
    "http_5xx > 1%, p99 connect_time > 10s, p99 response_time > 10s]" more "},"
#define RULES   5
#define CLIENTS 4

static const char *const signals[RULES] = {"silence", "resets", "5xx", "slow handshakes",
                                           "slow responses"};

/* The same way for clients of several addresses, /64s for IPv6, no two of which share a cell. */
static struct way of_client[CLIENTS];

static bool has_own_cell(int client)
{
    char with_port[2][END_TEXT];

    for (int i = 0; i < client; i++) {
        snprintf(with_port[0], END_TEXT, "%.50s:1", of_client[i].client);
        snprintf(with_port[1], END_TEXT, "%.50s:1", of_client[client].client);
        if (client_cell(with_port[0]) == client_cell(with_port[1]))
            return false;
    }
    return true;
}

static const struct way *ways_of_clients(const struct way *way)
{
    static char clients[CLIENTS][END_TEXT];
    bool ipv6 = way->vip[0] == '[';
    int number = 1;

    for (int i = 0; i < CLIENTS; i++) {
        of_client[i] = *way;
        of_client[i].client = clients[i];
        do {
            snprintf(clients[i], END_TEXT, ipv6 ? "[2001:db8:f:%d::10]" : "100.64.%d.10", number++);
        } while (!has_own_cell(i));
    }
    return of_client;
}

static const volatile struct fs_trip *trip_of(const struct way *way)
{
    return &health_named(way->service, "canary")->trip;
}

static const struct fs_score *score_of(const struct way *way, int rule)
{
    return (const struct fs_score *)&health_named(way->service, "canary")->scores[rule];
}

/* One bad outcome by that rule, which the client can have provoked. */
static void bad_once(const struct way *way, int rule)
{
    struct talk talk = talk_new(way, way->canary);

    talk_syn(&talk);
    if (rule == 0) {
        handshake_age(way->service, talk.client, SECOND_NS);
        talk_syn(&talk);
        return;
    }
    if (rule == 3)
        handshake_age(way->service, talk.client, 11 * SECOND_NS);
    talk_answered(&talk);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    if (rule == 1)
        backend_says(&talk, (struct segment){.flags = RST, .seq = 1, .ack = 1});
    if (rule != 2 && rule != 4)
        return;
    talk_asks(&talk);
    if (rule == 4)
        sample_age(way->service, talk.client, 11 * SECOND_NS);
    talk_tells(&talk, rule == 2 ? "HTTP/1.1 500 " : "HTTP/1.1 200 ");
}

static void bad(const struct way *way, int rule, int times)
{
    while (times--)
        bad_once(way, rule);
}

static void forget(const struct way *way)
{
    if (trip_of(way)->state != FS_TRIP_NONE)
        flowsplit("clear %s canary", way->service);
}

static void each(const struct way *way, int rule)
{
    const struct way *of = ways_of_clients(way);
    const struct fs_rule *built = &table_named(way->service)->guard.rules[rule];
    char sentence[128];

    snprintf(sentence, sizeof(sentence), "%s: one client withdraws nothing, however often",
             signals[rule]);
    way_test(way, sentence);
    bad(&of[0], rule, 30);
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state of the trip");
    check_number(fs_score_clients(score_of(way, rule)), 1, "clients");
    for (int bank = 0; bank < FS_BANKS; bank++)
        check(score_of(way, rule)->score[bank] <= built->threshold / 2,
              "score %d is above half of the threshold", bank);
    test_end();

    snprintf(sentence, sizeof(sentence), "%s: nor with two others' help, one each", signals[rule]);
    way_test(way, sentence);
    bad_once(&of[1], rule);
    bad_once(&of[2], rule);
    bad(&of[0], rule, 10);
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state of the trip");
    check_number(fs_score_clients(score_of(way, rule)), 3, "clients");
    test_end();

    snprintf(sentence, sizeof(sentence), "%s: three clients do", signals[rule]);
    way_test(way, sentence);
    for (int i = 0; i < 3 && trip_of(way)->state == FS_TRIP_NONE; i++) {
        bad_once(&of[1], rule);
        bad_once(&of[2], rule);
    }
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state of the trip");
    check_number(trip_of(way)->rule, (unsigned)rule, "its rule");
    check_number(trip_of(way)->clients, 3, "its clients");
    test_end();
    forget(way);
}

static void several(const struct way *way)
{
    const struct way *of = ways_of_clients(way);

    way_test(way, "two clients have the evidence, and it waits for the third");
    for (int i = 0; i < 6; i++) {
        bad_once(&of[0], 1);
        bad_once(&of[1], 1);
    }
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state after two clients");
    for (int i = 0; i < 3 && trip_of(way)->state == FS_TRIP_NONE; i++)
        bad_once(&of[2], 1);
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state after the third");
    test_end();
    forget(way);
}

static void refused(const struct way *way)
{
    way_test(way, "after one client's silence, the fourth refusal of one client trips");
    bad(way, 0, 20);
    for (int i = 0; i < 3; i++)
        talk_fails(way, way->canary);
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state after three");
    talk_fails(way, way->canary);
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state after four");
    test_end();
    forget(way);
}

/* Only IPv6 has such. */
static void neighbours(const struct way *way)
{
    static const char *const clients[] = {"[2001:db8:f:1::10]", "[2001:db8:f:1:1::10]",
                                          "[2001:db8:f:1:2::10]", "[2001:db8:f:1:3::10]"};

    way_test(way, "all addresses of a /64 are one client");
    for (int i = 0; i < 24; i++) {
        of_client[0] = *way;
        of_client[0].client = clients[i % 4];
        bad_once(&of_client[0], 1);
    }
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state of the trip");
    check_number(fs_score_clients(score_of(way, 1)), 1, "clients");
    test_end();
}

static void alone(const struct way *way, int rule)
{
    char sentence[64];

    snprintf(sentence, sizeof(sentence), "%s: with clients: 1 the fourth trips", signals[rule]);
    way_test(way, sentence);
    bad(way, rule, 3);
    check_number(trip_of(way)->state, FS_TRIP_NONE, "state after three");
    bad(way, rule, 1);
    check_number(trip_of(way)->state, FS_TRIP_WITHDRAWN, "state after four");
    test_end();
    forget(way);
}

int main(void)
{
    host_start(ways_declare(GUARD(""), "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        for (int rule = 0; rule < RULES; rule++)
            each(&ways[i], rule);
        several(&ways[i]);
        refused(&ways[i]);
        if (ways[i].vip[0] == '[')
            neighbours(&ways[i]);
    }
    ways_renew(GUARD(", clients: 1"), "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        for (int rule = 0; rule < RULES; rule++)
            alone(&ways[i], rule);
    return tests_done();
}
