// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What handshakes tell of a version: begun, answered, refused, unanswered; and what tells nothing.
 */
#include <stdio.h>

#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL
#define ECN       0xc0 /* ECE and CWR: the client asks for it */

static void syn(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);
    struct fs_handshake handshake;

    way_test(way, "a SYN begins a handshake, once however often it comes within 0.9 s");
    seen_begin(way);
    talk_syn(&talk);
    SEEN(.handshakes = 1);
    check(handshake_find(way->service, talk.client, &handshake), "it has no entry");
    check_number(handshake.backend & FS_SLOT_BACKEND, backend_at(way->canary), "its backend");
    check_number(handshake.syn_seq, talk.isn, "its SYN's number");
    for (int i = 0; i < 5; i++)
        talk_syn(&talk);
    handshake_age(way->service, talk.client, SECOND_NS / 10 * 8);
    talk_syn(&talk);
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "a SYN that comes again 0.9 s later was unanswered, once");
    handshake_age(way->service, talk.client, SECOND_NS / 10);
    talk_syn(&talk);
    SEEN(.unanswered = 1, .outcomes[FAILURES] = {1, 1});
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 2 * SECOND_NS);
    talk_syn(&talk);
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "an answer after all is no second outcome of the handshake");
    talk_answered(&talk);
    SEEN(.answered = 1, .connect_times = 1, .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();
}

static void answered(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "a SYN-ACK answers a handshake, and how long it took is known");
    seen_begin(way);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 5 * SECOND_NS);
    talk_answered(&talk);
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();

    way_test(way, "a SYN-ACK that comes again tells nothing");
    talk_answered(&talk);
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "a time above the rule's limit is a bad outcome");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 101 * SECOND_NS);
    talk_answered(&talk);
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 1});
    test_end();

    way_test(way, "what another CPU sees before the SYN took no time, and repeats no SYN");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, -SECOND_NS);
    talk_syn(&talk);
    SEEN(.handshakes = 1);
    handshake_age(way->service, talk.client, -SECOND_NS);
    talk_answered(&talk);
    SEEN(.answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();

    way_test(way, "a SYN may ask for ECN and bring data, which the SYN-ACK acknowledges");
    talk = talk_new(way, way->canary);
    client_says(&talk, (struct segment){.flags = SYN | ECN, .payload = 77});
    backend_says(&talk, (struct segment){.flags = SYN | ACK, .ack = 78});
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();
}

static void refused(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "a RST to the SYN refuses the handshake, once");
    seen_begin(way);
    talk_syn(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 1, .refused = 1, .outcomes[FAILURES] = {1, 1});
    talk_refused(&talk);
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "a refusal of a SYN that counts as unanswered is no second outcome");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, SECOND_NS);
    talk_syn(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 1, .unanswered = 1, .refused = 1, .outcomes[FAILURES] = {1, 1});
    test_end();

    way_test(way, "a SYN with another number begins another handshake");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 2 * SECOND_NS);
    talk.isn += 100000;
    talk_syn(&talk);
    talk_answered(&talk);
    SEEN(.handshakes = 2, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();

    way_test(way, "whose refusal is no evidence while a host may remember the first");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 119 * SECOND_NS);
    talk.isn += 100000;
    talk_syn(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 2, .refused = 1);
    test_end();

    way_test(way, "but is again when the first has been forgotten by any host");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    handshake_age(way->service, talk.client, 121 * SECOND_NS);
    talk.isn += 100000;
    talk_syn(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 2, .refused = 1, .outcomes[FAILURES] = {1, 1});
    test_end();
}

/* What a backend sends to a handshake that it has not been asked for, or not in this way. */
static void wrong_answers(const struct way *way)
{
    static const struct segment wrong[] = {
        {.flags = SYN | ACK, .ack = 0},
        {.flags = SYN | ACK, .ack = 0x40000000},
        {.flags = RST | ACK, .ack = 0, .refusal = true},
        {.flags = RST | ACK, .ack = 0x80000001, .refusal = true},
        {.flags = RST, .without_ack = true},
        {.flags = ACK, .ack = 1},
        {.flags = FIN | ACK, .ack = 1},
        {.flags = PSH | ACK, .ack = 1, .payload = 30, .text = "HTTP/1.1 500 "},
    };
    struct talk talk = talk_new(way, way->canary);
    struct fs_handshake handshake;

    talk.isn = 0x12345678;
    way_test(way, "what doesn't answer the SYN, by its number, tells nothing");
    seen_begin(way);
    talk_syn(&talk);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        backend_says(&talk, wrong[i]);
    SEEN(.handshakes = 1);
    check(handshake_find(way->service, talk.client, &handshake), "the handshake is over");
    test_end();

    way_test(way, "answers that nobody has asked for tell nothing");
    talk = talk_new(way, way->canary);
    talk_answered(&talk);
    talk_refused(&talk);
    SEEN(.handshakes = 0);
    test_end();
}

static void nothing_from_clients(const struct way *way)
{
    static const unsigned flags[] = {SYN | ACK, SYN | RST, SYN | FIN, RST, RST | ACK,
                                     FIN | ACK, ACK,       PSH | ACK, FIN, PSH};
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "what a client sends besides a SYN tells nothing");
    seen_begin(way);
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        client_says(&talk, (struct segment){.flags = flags[i], .payload = 9});
    SEEN(.handshakes = 0);
    test_end();

    way_test(way, "a client that resets what it has begun tells nothing bad");
    talk_syn(&talk);
    client_says(&talk, (struct segment){.flags = RST, .seq = 1});
    talk_answered(&talk);
    client_says(&talk, (struct segment){.flags = RST, .seq = 1});
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();
}

static void other_backend(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary), other = talk;

    way_test(way, "an answer of another backend than the one that was asked tells nothing");
    seen_begin(way);
    talk_syn(&talk);
    other.backend = way->stable;
    talk_answered(&other);
    talk_refused(&other);
    SEEN(.handshakes = 1);
    talk_answered(&talk);
    SEEN(.answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    test_end();
}

/* --- sources that no client has, and clients of another kind --- */

static void martians(const struct way *way)
{
    static const char *const v4[] = {"0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1",
                                     "255.255.255.255"};
    static const char *const v6[] = {"[::]", "[::1]", "[::ffff:192.0.2.1]", "[ff02::1]",
                                     "[ff0e::1]"};
    bool is_v4 = way->client[0] != '[';

    way_test(way, "handshakes of sources that no client can have are not observed");
    seen_begin(way);
    for (int i = 0; i < 5; i++) {
        struct talk talk = talk_new(way, way->canary);
        struct fs_handshake handshake;

        snprintf(talk.client, sizeof(talk.client), "%s:%d", is_v4 ? v4[i] : v6[i], 3333);
        talk.backend = way->canary;
        talk_syn(&talk);
        check(!handshake_find(way->service, talk.client, &handshake), "%s has an entry",
              talk.client);
    }
    SEEN(.handshakes = 0);
    test_end();
}

static void neighbours_of_martians(const struct way *way)
{
    static const char *const v4[] = {"1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255"};
    static const char *const v6[] = {"[0:0:0:1::1]", "[fe80::1]", "[fc00::1]", "[feff::1]"};
    bool is_v4 = way->client[0] != '[';

    way_test(way, "those of sources next to them are");
    seen_begin(way);
    for (int i = 0; i < 4; i++) {
        struct talk talk = talk_new(way, way->canary);

        snprintf(talk.client, sizeof(talk.client), "%s:%d", is_v4 ? v4[i] : v6[i], 3333);
        talk_syn(&talk);
    }
    SEEN(.handshakes = 4);
    test_end();
}

/* --- all at once, with real time --- */

#define AT_ONCE 20

static void real_time(void)
{
    static struct talk talks[WAYS][AT_ONCE];

    for (int i = 0; i < WAYS; i++) {
        for (int k = 0; k < AT_ONCE; k++) {
            talks[i][k] = talk_new(&ways[i], ways[i].canary);
            talk_syn(&talks[i][k]);
        }
    }
    host_sleep(1);
    for (int i = 0; i < WAYS; i++) {
        way_test(&ways[i], "each of many SYNs that come again after a second was unanswered");
        seen_begin(&ways[i]);
        for (int k = 0; k < 2 * AT_ONCE; k++)
            talk_syn(&talks[i][k % AT_ONCE]);
        SEEN(.unanswered = AT_ONCE, .outcomes[FAILURES] = {AT_ONCE, AT_ONCE});
        test_end();
    }
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        syn(&ways[i]);
        answered(&ways[i]);
        refused(&ways[i]);
        wrong_answers(&ways[i]);
        nothing_from_clients(&ways[i]);
        other_backend(&ways[i]);
        if (ways[i].remote) /* nobody would forward them */
            continue;
        martians(&ways[i]);
        neighbours_of_martians(&ways[i]);
    }
    real_time();
    return tests_done();
}
