// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP beside the event loop, against servers that answer well, badly and never. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "http.h"
#include "loop.h"
#include "server.h"

/* A request's end. */
struct reply {
    struct http_call *call;
    unsigned ended;
    long status;
    size_t length;
    char body[256], error[256];
    struct http **free_this; /* from within the callback */
};

static void on_done(void *context, const struct http_answer *answer)
{
    struct reply *reply = context;

    reply->call = NULL;
    reply->ended++;
    reply->status = answer->status;
    reply->length = answer->length;
    snprintf(reply->error, sizeof(reply->error), "%s", answer->error ? answer->error : "");
    if (!answer->error) {
        assert_int_equal(answer->body[answer->length], '\0');
        snprintf(reply->body, sizeof(reply->body), "%s", answer->body);
    }
    if (reply->free_this) {
        http_free(*reply->free_this);
        *reply->free_this = NULL;
    }
}

static struct http *client(sd_event *event)
{
    struct error err = {{0}};
    struct http *http = http_new(event, &err);

    assert_non_null(http);
    return http;
}

static void start(struct http *http, const struct http_request *request, struct reply *reply)
{
    struct error err = {{0}};

    memset(reply, 0, sizeof(*reply));
    if (http_start(http, request, on_done, reply, &reply->call, &err))
        fail_msg("%s", err.text);
    assert_int_equal(reply->ended, 0);
}

/* With a client of its own. */
static struct reply ask(const struct http_request *request)
{
    sd_event *event = loop_new();
    struct http *http = client(event);
    struct reply reply;

    start(http, request, &reply);
    loop_until(event, &reply.ended, 1);
    http_free(http);
    sd_event_unref(event);
    return reply;
}

static struct reply get(const char *url, unsigned timeout_ms)
{
    struct http_request request = {.url = url, .timeout_ns = timeout_ms * MS_NS};

    return ask(&request);
}

/* The reply of a server that has but one answer. Of both nothing is left. */
static struct reply get_of(const char *answer, unsigned timeout_ms)
{
    unsigned before = open_descriptors();
    const char *answers[] = {answer, NULL};
    struct server *server = server_start(answers);
    struct reply reply = get(server->url, timeout_ms);

    server_stop(server);
    assert_int_equal(open_descriptors(), before);
    return reply;
}

static void test_get(void **state)
{
    const char *answers[] = {SERVER_OK "hello", NULL};
    struct server *server = server_start(answers);
    struct reply reply;
    char url[100];

    (void)state;
    snprintf(url, sizeof(url), "%s/a?b=%%20", server->url);
    reply = get(url, 5000);
    assert_string_equal(reply.error, "");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_memory_equal(server->requests[0], "GET /a?b=%20 HTTP/1.1\r\n", 23);
    assert_contains(server->requests[0], "User-Agent: flowsplit/");
    server_stop(server);
}

static void test_post(void **state)
{
    const char *answers[] = {"HTTP/1.1 204 No Content\r\n\r\n", NULL};
    struct server *server = server_start(answers);
    char *json = malloc(2001);
    struct http_request request = {.url = server->url, .json = json, .timeout_ns = PATIENCE_NS};
    struct reply reply;

    (void)state;
    memset(json, 'j', 2000);
    json[2000] = '\0';
    reply = ask(&request);
    assert_int_equal(reply.status, 204);
    assert_string_equal(reply.body, "");
    assert_memory_equal(server->requests[0], "POST / HTTP/1.1\r\n", 17);
    assert_contains(server->requests[0], "Content-Type: application/json\r\n");
    assert_null(strstr(server->requests[0], "Expect:"));
    assert_string_equal(assert_contains(server->requests[0], "\r\n\r\n") + 4, json);
    free(json);
    server_stop(server);
}

static void test_statuses(void **state)
{
    struct reply reply = get_of("HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops", 5000);

    (void)state;
    assert_int_equal(reply.status, 500);
    assert_string_equal(reply.body, "oops");
    assert_string_equal(reply.error, "");
}

static void test_no_answer(void **state)
{
    struct reply reply;
    char url[40];
    int fd = server_bind(url, false);

    (void)state;
    reply = get(url, 5000);
    close(fd);
    assert_int_equal(reply.status, 0);
    assert_contains(reply.error, "Failed to connect to 127.0.0.1 port ");
    assert_string_equal(get_of(SERVER_CLOSES, 5000).error, "Empty reply from server");
    reply = get_of("\x01\x02garbage\xff\n\n", 5000);
    assert_string_equal(reply.error, "Received HTTP/0.9 when not allowed");
    reply = get_of("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 5000);
    assert_contains(reply.error, "transfer closed with 95 bytes remaining to read");
    assert_int_equal(reply.status, 0);
}

static void test_time_out(void **state)
{
    uint64_t start_ns = clock_now_ns();
    struct reply reply = get_of(SERVER_HANGS, 60);

    (void)state;
    assert_contains(reply.error, "Operation timed out after");
    assert_in_range((clock_now_ns() - start_ns) / MS_NS, 60, 4000);
}

/* None is forgotten when several end at once. */
static void test_time_out_together(void **state)
{
    const char *answers[] = {SERVER_HANGS, NULL};
    struct server *server = server_start(answers);
    struct http_request request = {.url = server->url, .timeout_ns = 60 * MS_NS};
    sd_event *event = loop_new();
    struct http *http = client(event);
    struct reply replies[8];

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++)
        start(http, &request, &replies[i]);
    for (size_t i = 0; i < COUNT(replies); i++)
        loop_until(event, &replies[i].ended, 1);
    http_free(http);
    sd_event_unref(event);
    server_stop(server);
}

static void test_sizes(void **state)
{
    static const char header[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    size_t length = sizeof(header) - 1 + HTTP_BODY_MAX;
    char *answer = malloc(length + 2);
    struct reply reply;

    (void)state;
    memset(answer, 'x', length + 1);
    memcpy(answer, header, sizeof(header) - 1);
    answer[length + 1] = '\0';
    reply = get_of(answer, 8000);
    assert_string_equal(reply.error, "the answer is longer than 1 MiB");
    answer[length] = '\0';
    reply = get_of(answer, 8000);
    assert_string_equal(reply.error, "");
    assert_int_equal(reply.length, HTTP_BODY_MAX);
    free(answer);
    reply = get_of(SERVER_FLOODS, 8000);
    assert_string_equal(reply.error, "the answer is longer than 1 MiB");
}

static void test_redirects(void **state)
{
    const char *answers[] = {"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /there\r\n\r\n",
                             SERVER_OK "arrived", NULL};
    struct server *server = server_start(answers);
    struct http_request post = {.url = server->url, .json = "{}", .timeout_ns = PATIENCE_NS};
    struct reply reply = get(server->url, 5000);

    (void)state;
    assert_string_equal(reply.body, "arrived");
    assert_memory_equal(server->requests[1], "GET /there ", 11);
    server_stop(server);
    server = server_start(answers);
    post.url = server->url;
    reply = ask(&post);
    assert_int_equal(reply.status, 302);
    assert_int_equal(atomic_load(&server->count), 1);
    server_stop(server);
    reply = get_of(answers[0], 5000);
    assert_contains(reply.error, "Maximum (3) redirects followed");
    reply = get_of("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", 5000);
    assert_contains(reply.error, "Protocol \"file\" ");
    reply = get_of("HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1:1/_x\r\n\r\n", 5000);
    assert_contains(reply.error, "Protocol \"gopher\" ");
}

static void test_protocols(void **state)
{
    (void)state;
    assert_contains(get("file:///etc/passwd", 5000).error, "Protocol \"file\" ");
    assert_contains(get("ftp://127.0.0.1/", 5000).error, "Protocol \"ftp\" ");
    assert_contains(get("nothing://h", 5000).error, "Protocol \"nothing\" ");
    assert_true(strlen(get("http://", 5000).error) > 0);
    assert_true(strlen(get("", 5000).error) > 0);
}

static void test_cancel(void **state)
{
    const char *answers[] = {SERVER_HANGS, SERVER_HANGS, SERVER_OK "last", NULL};
    struct server *server = server_start(answers);
    struct http_request request = {.url = server->url, .timeout_ns = PATIENCE_NS};
    unsigned before = open_descriptors();
    sd_event *event = loop_new();
    struct http *http = client(event);
    struct reply cancelled, never, last;

    (void)state;
    start(http, &request, &cancelled);
    while (atomic_load(&server->count) < 1)
        loop_for(event, MS_NS);
    http_cancel(cancelled.call);
    http_cancel(NULL);
    start(http, &request, &never);
    while (atomic_load(&server->count) < 2)
        loop_for(event, MS_NS);
    start(http, &request, &last);
    loop_until(event, &last.ended, 1);
    assert_string_equal(last.body, "last");
    http_free(http);
    http_free(NULL);
    loop_for(event, 5 * MS_NS);
    sd_event_unref(event);
    assert_int_equal(cancelled.ended + never.ended, 0);
    assert_int_equal(open_descriptors() - server->open - 1, before - 1);
    server_stop(server);
}

static void test_free_within(void **state)
{
    const char *answers[] = {SERVER_OK "x", NULL};
    struct server *server = server_start(answers);
    struct http_request request = {.url = server->url, .timeout_ns = PATIENCE_NS};
    sd_event *event = loop_new();
    struct http *http = client(event);
    struct reply replies[8];
    unsigned ended = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        start(http, &request, &replies[i]);
        replies[i].free_this = &http;
    }
    while (http)
        loop_for(event, MS_NS);
    loop_for(event, 5 * MS_NS);
    for (size_t i = 0; i < COUNT(replies); i++)
        ended += replies[i].ended;
    assert_int_equal(ended, 1);
    sd_event_unref(event);
    server_stop(server);
}

/* One that hangs doesn't keep others waiting. */
static void test_many(void **state)
{
    const char *answers[] = {SERVER_HANGS, SERVER_OK "y", NULL};
    struct server *server = server_start(answers);
    struct http_request request = {.url = server->url, .timeout_ns = PATIENCE_NS};
    sd_event *event = loop_new();
    struct http *http = client(event);
    struct reply hangs, replies[16];

    (void)state;
    start(http, &request, &hangs);
    while (atomic_load(&server->count) < 1)
        loop_for(event, MS_NS);
    for (size_t i = 0; i < COUNT(replies); i++)
        start(http, &request, &replies[i]);
    for (size_t i = 0; i < COUNT(replies); i++) {
        loop_until(event, &replies[i].ended, 1);
        assert_string_equal(replies[i].body, "y");
    }
    assert_int_equal(hangs.ended, 0);
    http_free(http);
    sd_event_unref(event);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("GET brings status and body", test_get),
        TEST("POST sends JSON", test_post),
        TEST("an error of the server is an answer", test_statuses),
        TEST("refused, closed, cut short or garbage: no answer, with the reason", test_no_answer),
        TEST("a server that hangs is given up in time", test_time_out),
        TEST("requests that end at once are each told", test_time_out_together),
        TEST("1 MiB is read, and no more", test_sizes),
        TEST("a GET is redirected three times at most, within http; a POST isn't", test_redirects),
        TEST("nothing but http and https is spoken", test_protocols),
        TEST("a request can be cancelled, and freed with its client", test_cancel),
        TEST("a client can be freed from within a callback", test_free_within),
        TEST("requests run side by side", test_many),
    };

    server_prepare();
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
