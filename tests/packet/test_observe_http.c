// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Responses by the class of their HTTP status, where a service says that it speaks HTTP: read where
 * a response begins, and nowhere else, whatever client and body do. */
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define EMPTY "\r\nContent-Length: 0\r\n\r\n"
#define FAKE  "HTTP/1.1 500 in a body, which a client has chosen\r\nContent-Length: 0\r\n\r\n"

/* An established connection, which nothing has been said about yet. */
static struct talk established(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    talk_begin(&talk);
    seen_begin(way);
    return talk;
}

/* Each says what comes next; `bytes` of which the text is the beginning. */
static void asks_bytes(struct talk *talk, const char *text, size_t bytes)
{
    client_says(
        talk,
        (struct segment){
            .flags = PSH | ACK, .seq = 1, .ack = 1, .payload = (uint16_t)bytes, .text = text});
    talk->isn += (uint32_t)bytes;
}

static void asks(struct talk *talk, const char *text)
{
    asks_bytes(talk, text, strlen(text));
}

static void tells_bytes(struct talk *talk, const char *text, size_t bytes)
{
    backend_says(
        talk,
        (struct segment){
            .flags = PSH | ACK, .seq = 1, .ack = 1, .payload = (uint16_t)bytes, .text = text});
    talk->answer += (uint32_t)bytes;
}

static void tells(struct talk *talk, const char *text)
{
    tells_bytes(talk, text, strlen(text));
}

/* An exchange that ended in a response of this class; 0: it isn't known. */
static void seen_class(int class)
{
    struct seen wished = {.response_times = 1, .outcomes[RESPONSE_TIMES] = {1, 0}};

    if (class) {
        wished.http[class] = 1;
        wished.outcomes[HTTP_5XX].total = 1;
        wished.outcomes[HTTP_5XX].bad = class == 5;
    }
    seen_end(&wished);
}

static void exchange(struct talk *talk, const char *request, const char *response, int class)
{
    asks(talk, request);
    tells(talk, response);
    seen_class(class);
}

/* Of a status line, or what looks like one; 0: it isn't. */
static const struct {
    const char *text;
    int class;
} lines[] = {
    {"HTTP/1.1 101 Switching Protocols" EMPTY, 1},
    {"HTTP/1.1 200 OK" EMPTY, 2},
    {"HTTP/1.0 301 Moved" EMPTY, 3},
    {"HTTP/1.1 404 Not Found" EMPTY, 4},
    {"HTTP/1.1 500 " EMPTY, 5},
    {"HTTP/1.1 599 " EMPTY, 5},
    {"HTTP/1.1 600 " EMPTY, 0},
    {"HTTP/1.1 099 " EMPTY, 0},
    {"HTTP/2.0 500 " EMPTY, 0},
    {"http/1.1 500 " EMPTY, 0},
    {"HTTP/1.1\t500 " EMPTY, 0},
    {" HTTP/1.1 500 " EMPTY, 0},
    {"GET / HTTP/1.1" EMPTY, 0},
    {"HTTP/1.1500 " EMPTY, 0},
    {"\x16\x03\x01 and so on", 0},
};

static void classes(const struct way *way)
{
    way_test(way, "responses are counted by the class in their status line");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct talk talk = established(way);

        exchange(&talk, GET, lines[i].text, lines[i].class);
        tells(&talk, FAKE);
        SEEN(.response_times = 0);
    }
    test_end();

    way_test(way, "a status line that a packet cuts off is not read");
    for (uint16_t bytes = 1; bytes < 14; bytes++) {
        struct talk talk = established(way);

        asks(&talk, GET);
        tells_bytes(&talk, "HTTP/1.1 503 Service Unavailable", bytes);
        seen_class(bytes < 12 ? 0 : 5);
    }
    test_end();
}

/* Exchanges behind which the next response is found again. */
static const struct {
    const char *request, *response;
    int class;
} clear[] = {
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345", 2},
    {GET, "HTTP/1.1 200 OK\r\nSome: thing\r\ncOnTENT-lENGTH:5\r\nMore: of it\r\n\r\n12345", 2},
    {GET, "HTTP/1.1 204 No Content\r\n\r\n", 2},
    {GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 3},
    {"HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 2},
    {"HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 2},
    {"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 201 Created" EMPTY, 2},
    {"PUT / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 500 No" EMPTY, 5},
    {"DELETE / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " EMPTY, 4},
    {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 2},
    {GET,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nB\r\n12345678901\r\n1\r\n1\r\n0\r\n\r\n",
     2},
};

/* Exchanges behind which nobody knows where a response begins. */
static const struct {
    const char *request, *response;
    int class;
} unclear[] = {
    {"\n", "HTTP/1.1 500 " EMPTY, 0},
    {"GET /body\r\n", "HTTP/1.1 500 " EMPTY, 0},
    {"GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 500 " EMPTY, 0},
    {"CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nCut: o", "HTTP/1.1 400 " EMPTY, 4},
    {"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK" EMPTY, 0},
    {GET GET, "HTTP/1.1 200 OK" EMPTY, 2},
    {"GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\nHEAD", "HTTP/1.1 200 OK" EMPTY, 2},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nHEAD", "HTTP/1.1 200 OK" EMPTY, 2},
    {"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\nHEAD",
     "HTTP/1.1 200 OK" EMPTY, 2},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK" EMPTY, 2},
    {"GET / HTTP/1.1\r\nOld:\r\n Content-Length: 4\r\n\r\n", "HTTP/1.1 200 OK" EMPTY, 2},
    {GET, "HTTP/1.1 200 OK\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: 0x\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Len", 2},
    {GET, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1234", 2},
    {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2", 2},
    {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", 2},
    {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: a\r\n\r\n", 2},
    {GET, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 1},
};

static void next_ones(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "the next response begins where the last one ends");
    for (size_t i = 0; i < sizeof(clear) / sizeof(*clear); i++)
        exchange(&talk, clear[i].request, clear[i].response, clear[i].class);
    exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 5);
    test_end();

    way_test(way, "where that isn't known, no response is read any more");
    for (size_t i = 0; i < sizeof(unclear) / sizeof(*unclear); i++) {
        talk = established(way);
        exchange(&talk, unclear[i].request, unclear[i].response, unclear[i].class);
        exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 0);
    }
    test_end();
}

static void interim(const struct way *way)
{
    static const char *const lines_of[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                           "HTTP/1.1 102 Processing\r\n\r\n",
                                           "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"};
    struct talk talk = established(way);

    way_test(way, "an interim response is counted, and the final one behind it answers");
    for (int i = 0; i < 3; i++) {
        asks(&talk, GET);
        tells(&talk, lines_of[i]);
        tells(&talk, lines_of[i]);
        SEEN(.http[1] = 2);
        tells(&talk, "HTTP/1.1 500 " EMPTY);
        seen_class(5);
    }
    asks(&talk, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    tells(&talk, lines_of[0]);
    SEEN(.http[1] = 1);
    asks(&talk, "body");
    tells(&talk, "HTTP/1.1 200 OK" EMPTY);
    seen_class(2);
    test_end();
}

/* --- bodies that say what a response says --- */

static void in_a_length(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "what a body says is no status, whatever the client says meanwhile");
    exchange(&talk, GET, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", 2);
    tells_bytes(&talk, FAKE, 100);
    SEEN(.response_times = 0);
    exchange(&talk, GET, FAKE, 0);
    talk = established(way);
    exchange(&talk, GET, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", 2);
    exchange(&talk, "\n", FAKE, 0);
    exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 0);
    test_end();

    way_test(way, "and behind it, the next response is one");
    talk = established(way);
    exchange(&talk, GET, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", 2);
    for (int i = 0; i < 3; i++)
        tells_bytes(&talk, FAKE, 100);
    exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 5);
    test_end();
}

static void in_chunks(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "nor is what a chunk says, which may look like the last one");
    exchange(&talk, GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n", 2);
    tells_bytes(&talk, "0\r\n\r\n", 5);
    exchange(&talk, GET, FAKE, 0);
    test_end();

    way_test(way, "and behind the last one, the next response is one");
    talk = established(way);
    exchange(&talk, GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n", 2);
    tells_bytes(&talk, "0\r\n\r\n", 100);
    tells_bytes(&talk, FAKE, 100);
    tells(&talk, "\r\n3\r\nabc\r\n");
    tells(&talk, "0\r\n\r\n");
    exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 5);
    test_end();
}

static void said_twice(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "of a request that came twice, nobody knows which the backend got");
    asks(&talk, "HEAD / HTTP/1.1\r\n\r\n");
    talk.isn -= 19;
    asks(&talk, "GET  / HTTP/1.1\r\n\r\n");
    tells(&talk, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    seen_class(0);
    exchange(&talk, GET, FAKE, 0);
    test_end();

    way_test(way, "nor where its bytes don't follow what came before");
    talk = established(way);
    talk.isn += 10;
    exchange(&talk, GET, "HTTP/1.1 500 " EMPTY, 0);
    test_end();
}

static void in_pieces(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "a body may come in pieces, and the answer before its end");
    asks(&talk, "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n");
    asks_bytes(&talk, "HEAD / HTTP/1.1\r\n\r\n", 100);
    asks_bytes(&talk, "HEAD / HTTP/1.1\r\n\r\n", 100);
    tells(&talk, "HTTP/1.1 500 " EMPTY);
    seen_class(5);
    exchange(&talk, GET, "HTTP/1.1 200 OK" EMPTY, 2);
    asks_bytes(&talk, "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", 100);
    tells(&talk, "HTTP/1.1 413 " EMPTY);
    seen_class(4);
    asks_bytes(&talk, "HEAD / HTTP/1.1\r\n\r\n", 200);
    tells(&talk, FAKE);
    seen_class(0);
    test_end();
}

static void no_http(const struct way *way)
{
    struct talk talk = established(way);

    way_test(way, "without http: true no status line is read");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        exchange(&talk, GET, lines[i].text, 0);
    test_end();
}

int main(void)
{
    host_start(ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++) {
        classes(&ways[i]);
        next_ones(&ways[i]);
        interim(&ways[i]);
        in_a_length(&ways[i]);
        in_chunks(&ways[i]);
        said_twice(&ways[i]);
        in_pieces(&ways[i]);
    }
    flowsplit_apply(ways_declare("sample: 1/1, " SEEN_GUARD_NO_HTTP, "0%", "100%"));
    for (int i = 0; i < WAYS; i++)
        no_http(&ways[i]);
    return tests_done();
}
