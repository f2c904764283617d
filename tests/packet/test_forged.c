// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a client can make look like a failure of the backend's, by what it sends itself or makes a
 * healthy host answer: it must tell nothing bad. */
#include <stdio.h>

#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL

/* The SYN again, a second later than any before. */
static void syn_later(const struct talk *talk)
{
    struct fs_handshake handshake;

    if (handshake_find(talk->way->service, talk->client, &handshake))
        handshake_age(talk->way->service, talk->client, SECOND_NS);
    talk_syn(talk);
}

/* RFC 5961, 4: what a host answers to a SYN of a connection that it has. */
static void challenge(const struct talk *talk)
{
    backend_says(talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
}

static void after_the_answer(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "a SYN that comes again after its answer begins no other handshake");
    seen_begin(way);
    talk_syn(&talk);
    talk_answered(&talk);
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    talk_syn(&talk);
    talk_answered(&talk);
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "a SYN that comes again after its answer was not unanswered");
    for (int i = 0; i < 3; i++) {
        syn_later(&talk);
        challenge(&talk);
    }
    SEEN(.handshakes = 0);
    test_end();
}

static void within_a_connection(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary), again;
    uint64_t bad;

    way_test(way, "a SYN within a connection, which the host challenges, was not unanswered");
    talk_begin(&talk);
    again = talk;
    again.isn += 0x1000000;
    bad = health_named(way->service, "canary")->scores[FAILURES].bad;
    for (int i = 0; i < 3; i++) {
        syn_later(&again);
        challenge(&talk);
    }
    check_number(health_named(way->service, "canary")->scores[FAILURES].bad - bad, 0,
                 "bad handshakes");
    test_end();
}

static void resets(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary), again;
    uint64_t bad = health_named(way->service, "canary")->scores[FAILURES].bad;

    way_test(way, "the RST to a stray ACK refuses no SYN that came behind it");
    talk.isn = 0xffffffff;
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_syn(&talk);
    backend_says(&talk, (struct segment){.flags = RST, .seq = 1, .without_ack = true});
    backend_says(&talk, (struct segment){.flags = RST, .refusal = true, .without_ack = true});
    check_number(health_named(way->service, "canary")->scores[FAILURES].bad - bad, 0,
                 "bad handshakes");
    talk_answered(&talk);
    test_end();

    way_test(way, "the RST that ends a connection which nobody saw begin refuses no SYN");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    backend_says(&talk, (struct segment){.flags = RST | ACK, .seq = 1, .ack = 1});
    check_number(health_named(way->service, "canary")->scores[FAILURES].bad - bad, 0,
                 "bad handshakes");
    test_end();

    way_test(way, "the RST that ends a connection refuses no SYN that was sent into it");
    talk = talk_new(way, way->canary);
    talk_begin(&talk);
    talk_asks(&talk);
    again = talk;
    again.isn += 60; /* so that what the backend acknowledges seems to answer it */
    talk_syn(&again);
    backend_says(&talk, (struct segment){.flags = RST | ACK, .seq = 1, .ack = 61});
    check_number(health_named(way->service, "canary")->scores[FAILURES].bad - bad, 0,
                 "bad handshakes");
    test_end();
}

/* Nobody but who has seen the SYN-ACK knows its number. */
static void guessed(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "an ACK that doesn't name the SYN-ACK's number establishes nothing");
    seen_begin(way);
    talk_syn(&talk);
    talk_answered(&talk);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 2});
    backend_says(&talk, (struct segment){.flags = RST, .seq = 2, .without_ack = true});
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();
}

static const struct segment plain = {.flags = SYN};

/* A SYN, and again a second later. */
static void twice(const struct talk *talk, struct segment first, struct segment second)
{
    client_says(talk, first);
    handshake_age(talk->way->service, talk->client, SECOND_NS);
    client_says(talk, second);
}

/* Sources to which no answer gets. */
static void no_way_back(const struct way *way)
{
    static const char *const v4[] = {"10.0.0.21",  "10.1.0.2",  "192.0.2.1", "192.0.2.255",
                                     "192.0.2.55", "10.66.0.1", "172.16.0.9"};
    static const char *const v6[] = {"[fd00:1::2]",       "[2001:db8:c::1]", "[2001:db8:c::55]",
                                     "[fd00:66::1]",      "[fd00:66::2]",    "[fd00:66::3]",
                                     "[2001:db8:eeee::9]"};
    bool is_v4 = way->client[0] != '[';

    way_test(way, "that nobody answers a client to whom there is no way tells nothing bad");
    seen_begin(way);
    for (int i = 0; i < 7; i++) {
        struct talk talk = talk_new(way, way->canary);

        snprintf(talk.client, sizeof(talk.client), "%s:%d", is_v4 ? v4[i] : v6[i], 3333);
        twice(&talk, plain, plain);
    }
    SEEN(.handshakes = 7, .unanswered = 7);
    test_end();
}

/* What a host may have against a SYN. */
static void unsound(const struct way *way)
{
    static const struct segment sound = {.flags = SYN};
    static const struct segment unsound[] = {
        {.flags = SYN, .wrong_check = true},
        {.flags = SYN, .ttl = 1},
        {.flags = SYN, .payload = 30},   /* too long to be summed up */
        {.flags = SYN, .ip_options = 4}, /* IPv4 only */
    };
    unsigned count = way->client[0] == '[' ? 3 : 4;

    way_test(way, "that nobody answers a SYN that a host may drop tells nothing bad");
    seen_begin(way);
    for (unsigned i = 0; i < count; i++) {
        struct talk talks[] = {talk_new(way, way->canary), talk_new(way, way->canary)};

        twice(&talks[0], unsound[i], sound);
        talks[1] = talk_new(way, way->canary);
        twice(&talks[1], sound, unsound[i]);
    }
    SEEN(.handshakes = 2 * count, .unanswered = 2 * count);
    test_end();

    way_test(way, "that nobody answers a sound one does");
    {
        struct talk talk = talk_new(way, way->canary);

        twice(&talk, sound, sound);
    }
    SEEN(.handshakes = 1, .unanswered = 1, .outcomes[FAILURES] = {1, 1});
    test_end();
}

/* --- ports that are used again --- */

/* The client's next connection, from the same port. Nobody answers. */
static void unanswered_again(struct talk *talk, bool bad)
{
    seen_begin(talk->way);
    talk->isn += 0x1000000;
    twice(talk, plain, plain);
    if (bad)
        SEEN(.handshakes = 1, .unanswered = 1, .outcomes[FAILURES] = {1, 1});
    else
        SEEN(.handshakes = 1, .unanswered = 1);
}

static void ports_again(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "after a connection that has ended long ago, an unanswered SYN is bad again");
    talk_begin(&talk);
    unanswered_again(&talk, false);
    talk = talk_new(way, way->canary);
    talk_begin(&talk);
    backend_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 1});
    handshake_age(way->service, talk.client, 119 * SECOND_NS);
    unanswered_again(&talk, false);
    talk = talk_new(way, way->canary);
    talk_begin(&talk);
    backend_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 1});
    handshake_age(way->service, talk.client, 121 * SECOND_NS);
    unanswered_again(&talk, true);
    test_end();

    way_test(way, "likewise after one that the backend has reset");
    talk = talk_new(way, way->canary);
    talk_begin(&talk);
    backend_says(&talk, (struct segment){.flags = RST | ACK, .seq = 1, .ack = 1});
    unanswered_again(&talk, true);
    test_end();

    way_test(way, "a refusal is no evidence where a connection may still live");
    talk = talk_new(way, way->canary);
    talk_begin(&talk);
    seen_begin(way);
    talk.isn += 0x1000000;
    talk_syn(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 1, .refused = 1);
    test_end();
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        after_the_answer(&ways[i]);
        within_a_connection(&ways[i]);
        resets(&ways[i]);
        guessed(&ways[i]);
        ports_again(&ways[i]);
        if (ways[i].remote) /* not all of it would be sent on */
            continue;
        no_way_back(&ways[i]);
        unsound(&ways[i]);
    }
    return tests_done();
}
