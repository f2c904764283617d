// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Silence, or a refusal, that a client explains by itself: by what is in its SYN, by who it is, by
 * another connection of its, or because no answer gets to it. It must tell nothing bad. */
#include <stdio.h>

#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL
#define URG       0x20
#define ECN       0xc0 /* ECE and CWR */

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
        served_set(way->service, talk.client, true);
        twice(&talk, plain, plain);
    }
    SEEN(.handshakes = 7, .unanswered = 7);
    test_end();
}

/* What a host may have against a SYN. */
static const struct segment unsound_syns[] = {
    {.flags = SYN, .ip_options = 4}, /* IPv4 only */
    {.flags = SYN, .wrong_check = true},
    {.flags = SYN, .ttl = 1},
    {.flags = SYN, .payload = 1},
    {.flags = SYN | PSH},
    {.flags = SYN | URG},
    {.flags = SYN, .data_offset = 5},
    {.flags = SYN,
     .options = "\x13\x12"
                "0123456789abcdef"
                "\1\1"}, /* MD5 */
    {.flags = SYN,
     .options = "\x1d\x10\1\1"
                "0123456789ab"
                "\1\1\1\1"}, /* authentication */
    {.flags = SYN,
     .options = "\x1e\x0c\x10\1"
                "01234567"
                "\1\1\1\1\1\1\1\1"}, /* MP_JOIN */
    {.flags = SYN,
     .options = "\x22\x0a"
                "01234567"
                "\1\1\1\1\1\1\1\1\1\1"}, /* Fast Open */
    {.flags = SYN,
     .options = "\2\3\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"}, /* lengths that are wrong, */
    {.flags = SYN, .options = "\3\0\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"}, /* zero, */
    {.flags = SYN, .options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\2"}, /* missing, */
    {.flags = SYN, .options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\2\4"}, /* too long */
};

static unsigned first_unsound(const struct way *way)
{
    return way->client[0] == '[';
}

static void unsound(const struct way *way)
{
    static const struct segment sound[] = {
        {.flags = SYN},
        {.flags = SYN | ECN},
        {.flags = SYN,
         .options = "\2\4\5\xb4\4\2\x8\x0a"
                    "01234567"
                    "\1\3\3\7"}, /* Linux */
        {.flags = SYN,
         .options = "\2\4\5\xb4\1\3\3\x8\1\1\4\2\0\2\x13"
                    "12345"},
    };
    unsigned count = sizeof(unsound_syns) / sizeof(*unsound_syns);

    way_test(way, "that nobody answers a SYN that a host may drop tells nothing bad");
    seen_begin(way);
    for (unsigned i = first_unsound(way); i < count; i++) {
        struct talk talk = talk_new(way, way->canary);

        twice(&talk, unsound_syns[i], sound[0]);
        talk = talk_new(way, way->canary);
        twice(&talk, sound[0], unsound_syns[i]);
        SEEN(.handshakes = 2, .unanswered = 2);
    }
    test_end();

    way_test(way, "that nobody answers a sound one does");
    for (int i = 0; i < 4; i++) {
        struct talk talk = talk_new(way, way->canary);

        twice(&talk, sound[i], sound[i]);
        SEEN(.handshakes = 1, .unanswered = 1, .outcomes[FAILURES] = {1, 1});
    }
    test_end();

    way_test(way, "a refusal of what a host may refuse for itself tells nothing bad");
    for (unsigned i = first_unsound(way); i < count; i++) {
        struct talk talk = talk_new(way, way->canary);

        if (unsound_syns[i].wrong_check)
            continue;
        client_says(&talk, unsound_syns[i]);
        talk_refused(&talk);
        SEEN(.handshakes = 1, .refused = 1);
    }
    test_end();
}

/* --- clients that nobody has served --- */

static void is_served(const struct way *way, bool is, const char *client)
{
    check(served_find(way->service, client) == is, "%s has%s been served", client,
          is ? " not" : "");
}

static void strangers(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "that nobody answers a client who has never been served tells nothing bad");
    served_set(way->service, talk.client, false);
    seen_begin(way);
    twice(&talk, plain, plain);
    SEEN(.handshakes = 1, .unanswered = 1);
    test_end();

    way_test(way, "a client is served once it has acknowledged the SYN-ACK, in the sample");
    talk_answered(&talk);
    is_served(way, false, talk.client);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 2});
    is_served(way, false, talk.client);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    is_served(way, true, talk.client);
    test_end();

    way_test(way, "or when the backend ends a connection of which it has got more than the SYN");
    talk = talk_new(way, way->canary);
    served_set(way->service, talk.client, false);
    talk_syn(&talk);
    talk_answered(&talk);
    backend_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 1});
    is_served(way, false, talk.client);
    backend_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 2});
    is_served(way, true, talk.client);
    test_end();

    way_test(way, "that nobody answers it then does");
    talk = talk_new(way, way->canary);
    seen_begin(way);
    twice(&talk, plain, plain);
    SEEN(.handshakes = 1, .unanswered = 1, .outcomes[FAILURES] = {1, 1});
    test_end();
}

/* --- other connections of the same client --- */

/* A packet to the backend's own address. */
static void directly(const struct talk *talk, unsigned flags)
{
    struct spec spec = {.from = talk->client, .to = talk->backend, .tcp_flags = (uint8_t)flags};
    struct run run = {.program = talk->way->in, .ifindex = host_interface("cl0")};
    static struct frame in, out;

    frame_build(&spec, &in);
    check(data_path_run(&run, &in, &out) == PASS, "it is not left alone");
    check_frame(&out, &in);
}

static void beside_direct(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "a SYN beside a direct connection of the same ports tells nothing bad");
    seen_begin(way);
    directly(&talk, SYN);
    twice(&talk, plain, plain);
    SEEN(.handshakes = 1, .unanswered = 1);
    test_end();
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        strangers(&ways[i]);
        beside_direct(&ways[i]);
        if (ways[i].remote) /* not all of it would be sent on */
            continue;
        no_way_back(&ways[i]);
        unsound(&ways[i]);
    }
    return tests_done();
}
