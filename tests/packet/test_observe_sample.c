// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What established connections tell of a version, those in the sample: how they end, and how
 * long answers take. */
#include <stdio.h>

#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL

static const struct segment client_fin = {.flags = FIN | ACK, .seq = 1, .ack = 1},
                            backend_fin = {.flags = FIN | ACK, .seq = 1, .ack = 1},
                            client_rst = {.flags = RST, .seq = 1, .without_ack = true},
                            backend_rst = {.flags = RST | ACK, .seq = 1, .ack = 1};

/* An established connection, which nothing has been said about yet. */
static struct talk established(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    talk_begin(&talk);
    seen_begin(way);
    return talk;
}

static void establishes(const struct way *way)
{
    static const struct segment wrong[] = {
        {.flags = ACK, .seq = 1, .ack = 0},          {.flags = ACK, .seq = 1, .ack = 0x80000000},
        {.flags = ACK, .seq = 1, .ack = 0x00020000}, {.flags = PSH, .seq = 1, .ack = 1},
        {.flags = ACK, .seq = 1, .ack = 0xffff0000},
    };
    struct talk talk = talk_new(way, way->canary);
    struct fs_sample sample;

    way_test(way, "only an ACK of the SYN-ACK establishes a connection");
    seen_begin(way);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_syn(&talk);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    talk_answered(&talk);
    SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
         .outcomes[CONNECT_TIMES] = {1, 0});
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        client_says(&talk, wrong[i]);
    SEEN(.handshakes = 0);
    check(sample_find(way->service, talk.client, &sample), "it is not in the sample");
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    SEEN(.established = 1);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    SEEN(.established = 0);
    test_end();

    way_test(way, "an ACK with the first data establishes a connection, too");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    talk_answered(&talk);
    seen_begin(way);
    talk_asks(&talk);
    SEEN(.established = 1);
    test_end();
}

static void resets(const struct way *way)
{
    struct talk talk = established(way);
    struct fs_sample sample;

    way_test(way, "a RST of the backend resets an established connection, once");
    backend_says(&talk, backend_rst);
    SEEN(.resets = 1, .outcomes[RESETS] = {1, 1});
    check(!sample_find(way->service, talk.client, &sample), "it is still in the sample");
    backend_says(&talk, backend_rst);
    SEEN(.resets = 0);
    test_end();

    way_test(way, "a RST of the backend to what is not established tells nothing");
    talk = talk_new(way, way->canary);
    backend_says(&talk, backend_rst);
    talk_syn(&talk);
    talk_answered(&talk);
    seen_begin(way);
    backend_says(&talk, backend_rst);
    SEEN(.resets = 0);
    test_end();

    way_test(way, "a RST of another backend tells nothing");
    talk = established(way);
    talk.backend = way->stable;
    backend_says(&talk, backend_rst);
    SEEN(.resets = 0);
    talk.backend = way->canary;
    backend_says(&talk, backend_rst);
    SEEN(.resets = 1, .outcomes[RESETS] = {1, 1});
    test_end();
}

static void ends(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "a client's FIN ends a connection, and no RST behind it counts");
    client_says(&talk, client_fin);
    SEEN(.ended = 1, .outcomes[RESETS] = {1, 0});
    backend_says(&talk, backend_rst);
    client_says(&talk, client_fin);
    SEEN(.ended = 0);
    test_end();

    way_test(way, "a backend's FIN ends a connection, and no RST behind it counts");
    talk = established(way);
    backend_says(&talk, backend_fin);
    SEEN(.ended = 1, .outcomes[RESETS] = {1, 0});
    backend_says(&talk, backend_rst);
    client_says(&talk, client_fin);
    SEEN(.ended = 0);
    test_end();

    way_test(way, "both FINs end a connection once");
    talk = established(way);
    client_says(&talk, client_fin);
    backend_says(&talk, backend_fin);
    SEEN(.ended = 1, .outcomes[RESETS] = {1, 0});
    test_end();

    way_test(way, "a client's RST tells nothing, nor does the backend's behind it");
    talk = established(way);
    client_says(&talk, client_rst);
    backend_says(&talk, backend_rst);
    backend_says(&talk, backend_fin);
    SEEN(.ended = 0);
    test_end();

    way_test(way, "FINs of what is not established tell nothing");
    talk = talk_new(way, way->canary);
    talk_syn(&talk);
    talk_answered(&talk);
    seen_begin(way);
    client_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 0x40000000});
    backend_says(&talk, backend_fin);
    SEEN(.ended = 0);
    test_end();
}

static void response_times(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "each exchange of a connection has a response time");
    for (int i = 0; i < 3; i++) {
        talk_asks(&talk);
        talk_asks(&talk); /* and again */
        SEEN(.established = 0);
        sample_age(way->service, talk.client, (1ULL + (unsigned)i * 7) * SECOND_NS / 10);
        backend_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 61});
        SEEN(.established = 0);
        talk_tells(&talk, "here it is");
        SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
        talk_tells(&talk, "and some more");
        client_says(&talk, (struct segment){.flags = ACK, .seq = 61, .ack = 61});
        SEEN(.response_times = 0);
        talk_goes_on(&talk);
    }
    test_end();

    way_test(way, "what a backend says unasked is no response");
    talk = established(way);
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1, .payload = 60});
    talk.answer += 60;
    SEEN(.response_times = 0);
    test_end();

    way_test(way, "a response time above the rule's limit is a bad outcome");
    talk_asks(&talk);
    sample_age(way->service, talk.client, 101 * SECOND_NS);
    talk_tells(&talk, "at last");
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 1});
    talk_goes_on(&talk);
    test_end();

    way_test(way, "a response that another CPU sees before its request took no time");
    talk_asks(&talk);
    sample_age(way->service, talk.client, -SECOND_NS);
    talk_tells(&talk, "already");
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    talk_goes_on(&talk);
    test_end();

    way_test(way, "it begins with the last piece of a request");
    for (int i = 0; i < 3; i++) {
        talk_asks(&talk);
        sample_age(way->service, talk.client, 101 * SECOND_NS);
        talk.isn += 60;
    }
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1, .payload = 20});
    talk.isn += 20;
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1, .payload = 60});
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    talk.answer += 60;
    test_end();

    way_test(way, "a response with the backend's FIN is both");
    talk_asks(&talk);
    backend_says(&talk, (struct segment){.flags = FIN | ACK, .seq = 1, .ack = 61, .payload = 100});
    SEEN(.response_times = 1, .ended = 1, .outcomes[RESPONSE_TIMES] = {1, 0},
         .outcomes[RESETS] = {1, 0});
    test_end();
}

static void not_established(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "what comes before a connection is established is no request");
    talk_syn(&talk);
    talk_answered(&talk);
    seen_begin(way);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 0x80000000, .payload = 9});
    talk_tells(&talk, "what?");
    SEEN(.established = 0);
    test_end();
}

/* What looks like a request, and is none: nobody answers it. */
static void no_requests(const struct way *way)
{
    static const struct segment none[] = {
        {.flags = PSH | ACK, .seq = 1, .ack = 61, .payload = 60},  /* the whole of it */
        {.flags = PSH | ACK, .seq = 41, .ack = 61, .payload = 20}, /* its end */
        {.flags = ACK, .seq = 60, .ack = 61, .payload = 1},        /* a keepalive of some stacks */
        {.flags = ACK, .seq = 60, .ack = 61},
    };
    static const struct segment next = {.flags = PSH | ACK, .seq = 61, .ack = 61, .payload = 20},
                                more = {.flags = PSH | ACK, .seq = 61, .ack = 81, .payload = 9};

    way_test(way, "a request that comes again after its response is no other one");
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        struct talk talk = established(way);
        struct fs_sample sample;

        talk_asks(&talk);
        talk_tells(&talk, "here it is");
        SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
        client_says(&talk, none[i]);
        check(sample_find(way->service, talk.client, &sample), "it is not in the sample");
        check(!(sample.flags & FS_SAMPLE_WAITING), "an answer to packet %zu is waited for", i);
        sample_age(way->service, talk.client, 101 * SECOND_NS);
        client_says(&talk, next);
        backend_says(&talk, more);
        SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    }
    test_end();
}

/* What a client says to make a backend look slow. */
static void no_exchanges(const struct way *way)
{
    static const struct segment answer = {.flags = ACK, .seq = 1, .ack = 61, .payload = 20},
                                later = {.flags = ACK, .seq = 21, .ack = 61, .payload = 20},
                                half = {.flags = ACK, .seq = 1, .ack = 31, .payload = 20},
                                far = {.flags = ACK, .seq = 9999, .ack = 1, .payload = 9},
                                behind = {.flags = ACK, .seq = 1, .ack = 61, .payload = 30};
    struct talk talk = established(way);

    way_test(way, "what a backend says before it has all of a request is no response");
    talk_asks(&talk);
    sample_age(way->service, talk.client, 101 * SECOND_NS);
    backend_says(&talk, half);
    backend_says(&talk, later);
    SEEN(.response_times = 0);
    test_end();

    way_test(way, "nor what is said after bytes that it never gets");
    talk = established(way);
    client_says(&talk, far);
    sample_age(way->service, talk.client, 101 * SECOND_NS);
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1, .payload = 20});
    SEEN(.response_times = 0);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 21, .payload = 60});
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 21, .ack = 61, .payload = 20});
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    test_end();

    way_test(way, "nor what has to wait until the client takes what came before");
    talk = established(way);
    talk_asks(&talk);
    backend_says(&talk, answer);
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    client_says(&talk, (struct segment){.flags = ACK, .seq = 61, .ack = 1, .payload = 60});
    sample_age(way->service, talk.client, 101 * SECOND_NS);
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 21, .ack = 121, .payload = 20});
    SEEN(.response_times = 0);
    test_end();

    way_test(way, "what a backend sends again ends no exchange");
    talk = established(way);
    talk_asks(&talk);
    backend_says(&talk, behind);
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    client_says(&talk, (struct segment){.flags = ACK, .seq = 61, .ack = 31, .payload = 60});
    backend_says(&talk, behind);
    SEEN(.response_times = 0);
    backend_says(&talk, (struct segment){.flags = ACK, .seq = 31, .ack = 121, .payload = 20});
    SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
    test_end();
}

/* --- the sample --- */

/* All that a connection can say. */
static void whole_life(const struct way *way, bool sampled)
{
    struct talk talk;
    struct fs_sample sample;

    do
        talk = talk_new(way, way->canary);
    while (is_sampled(way->service, talk.client) != sampled);
    seen_begin(way);
    talk_begin(&talk);
    check(sample_find(way->service, talk.client, &sample) == sampled, "%s is%s in the sample",
          talk.client, sampled ? " not" : "");
    talk_asks(&talk);
    talk_tells(&talk, "HTTP/1.1 500 \r\n");
    backend_says(&talk, backend_rst);
    backend_says(&talk, backend_fin);
    client_says(&talk, client_fin);
    if (sampled)
        SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .established = 1,
             .response_times = 1, .resets = 1, .outcomes[FAILURES] = {1, 0},
             .outcomes[RESETS] = {1, 1}, .outcomes[CONNECT_TIMES] = {1, 0},
             .outcomes[RESPONSE_TIMES] = {1, 0});
    else
        SEEN(.handshakes = 1, .answered = 1, .connect_times = 1, .outcomes[FAILURES] = {1, 0},
             .outcomes[CONNECT_TIMES] = {1, 0});
}

static void sampled(const struct way *way)
{
    way_test(way, "of connections that are not in the sample only the handshake is observed");
    for (int i = 0; i < 5; i++)
        whole_life(way, false);
    test_end();

    way_test(way, "those in the sample are observed for life");
    for (int i = 0; i < 3; i++)
        whole_life(way, true);
    test_end();
}

/* The share of a sample, over many ports of few addresses. */
static void share(const struct way *way)
{
    char client[END_TEXT];
    unsigned count = 0;

    way_test(way, "one connection in sixteen is in the sample");
    for (int i = 0; i < 16000; i++)
        count += is_sampled(way->service, way_client(way, client));
    check(count > 800 && count < 1200, "%u of 16000 are in the sample", count);
    test_end();
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        establishes(&ways[i]);
        resets(&ways[i]);
        ends(&ways[i]);
        response_times(&ways[i]);
        not_established(&ways[i]);
        no_requests(&ways[i]);
        no_exchanges(&ways[i]);
    }
    flowsplit_apply(ways_declare("sample: 1/16, " SEEN_GUARD_NO_HTTP, "0%", "100%"));
    for (int i = 0; i < WAYS; i++) {
        sampled(&ways[i]);
        share(&ways[i]);
    }
    return tests_done();
}
