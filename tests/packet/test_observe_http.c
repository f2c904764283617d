// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Responses by the class of their HTTP status, where a service says that it speaks HTTP. */
#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

/* An established connection, which nothing has been said about yet. */
static struct talk established(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    talk_begin(&talk);
    seen_begin(way);
    return talk;
}

/* Of a status line, or what looks like one; 0: it isn't. */
static const struct {
    const char *text;
    int class;
} lines[] = {
    {"HTTP/1.1 101 Switching Protocols\r\n", 1},
    {"HTTP/1.1 200 OK\r\n", 2},
    {"HTTP/1.0 301 Moved\r\n", 3},
    {"HTTP/1.1 404 Not Found\r\n", 4},
    {"HTTP/1.1 500 \r\n", 5},
    {"HTTP/1.1 599 \r\n", 5},
    {"HTTP/1.1 600 \r\n", 0},
    {"HTTP/1.1 099 \r\n", 0},
    {"HTTP/2.0 500 \r\n", 0},
    {"http/1.1 500 \r\n", 0},
    {"HTTP/1.1\t500 \r\n", 0},
    {" HTTP/1.1 500 \r\n", 0},
    {"GET / HTTP/1.1\r\n", 0},
    {"HTTP/1.1500 ", 0},
    {"\x16\x03\x01", 0},
};

static void http(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "responses are counted by the class in their status line");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct seen wished = {.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0}};

        talk_asks(&talk);
        talk_tells(&talk, lines[i].text);
        if (lines[i].class) {
            wished.http[lines[i].class] = 1;
            wished.outcomes[HTTP_5XX].total = 1;
            wished.outcomes[HTTP_5XX].bad = lines[i].class == 5;
        }
        seen_end(&wished);
        talk_tells(&talk, "HTTP/1.1 500 within a response\r\n");
        SEEN(.response_times = 0);
        talk_goes_on(&talk);
    }
    test_end();

    way_test(way, "an interim response is counted, and the final one behind it answers");
    for (int i = 0; i < 3; i++) {
        static const char *const interim[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                              "HTTP/1.1 102 Processing\r\n\r\n",
                                              "HTTP/1.1 103 Early Hints\r\n"};

        talk_asks(&talk);
        talk_tells(&talk, interim[i]);
        talk_tells(&talk, interim[i]);
        SEEN(.http[1] = 2);
        talk_tells(&talk, "HTTP/1.1 500 \r\n");
        SEEN(.http[5] = 1, .response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0},
             .outcomes[HTTP_5XX] = {1, 1});
        talk_goes_on(&talk);
    }
    test_end();

    way_test(way, "a status line that a packet cuts off is not read");
    for (uint16_t bytes = 1; bytes < 14; bytes++) {
        struct seen wished = {.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0}};

        talk_asks(&talk);
        backend_says(&talk, (struct segment){.flags = PSH | ACK,
                                             .seq = 1,
                                             .ack = 61,
                                             .payload = bytes,
                                             .text = "HTTP/1.1 503 Service Unavailable"});
        if (bytes >= 12) {
            wished.http[5] = 1;
            wished.outcomes[HTTP_5XX].total = wished.outcomes[HTTP_5XX].bad = 1;
        }
        seen_end(&wished);
        talk_goes_on(&talk);
    }
    test_end();
}

static void no_http(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "without http: true no status line is read");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        talk_asks(&talk);
        talk_tells(&talk, lines[i].text);
        SEEN(.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0});
        talk_goes_on(&talk);
    }
    test_end();
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        http(&ways[i]);
    flowsplit_apply(ways_declare("sample: 1/1, " SEEN_GUARD_NO_HTTP, "0%", "100%"));
    for (int i = 0; i < WAYS; i++)
        no_http(&ways[i]);
    return tests_done();
}
