// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a client can make look like a failure of the backend's, by what it sends itself or makes a
 * healthy host answer: it must tell nothing bad. */
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

static void first_is_answered_again(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary), second;

    way_test(way, "the SYN-ACK to an earlier SYN, sent again, answers no later one");
    seen_begin(way);
    talk_syn(&talk);
    talk_answered(&talk);
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    second = talk;
    second.isn -= 100;
    client_says(&second, plain);
    talk_answered(&talk);
    SEEN(.handshakes = 1);
    second.isn -= 100;
    client_says(&second, (struct segment){.flags = SYN, .payload = 500});
    talk_answered(&talk);
    SEEN(.handshakes = 1);
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
        first_is_answered_again(&ways[i]);
    }
    return tests_done();
}
