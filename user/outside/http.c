// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP requests beside the event loop: libcurl says which sockets and times it waits for, sd-event
 * waits. */
#include "http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include <flowsplit/version.h>

#include "curl_library.h"
#include "printable.h"
#include "timer.h"

enum { ERROR_MAX = 160 };

static const struct curl_library *curl;

struct http_call {
    LIST_ENTRY(http_call) others;
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    size_t length, room;
    bool too_long, no_memory;
    char error[CURL_ERROR_SIZE];
    http_done *done;
    void *context;
};

struct http {
    sd_event *event;
    CURLM *multi;
    sd_event_source *timer, *ended;
    LIST_HEAD(call_list, http_call) calls;
};

/* What has ended is told later and one by one, so that a callback may free anything. */
static void look_for_ended(struct http *http)
{
    sd_event_source_set_enabled(http->ended, SD_EVENT_ONESHOT);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct http *http = context;
    int running, mask = 0;

    (void)source;
    if (events & EPOLLIN)
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_ERR;
    curl->multi_socket_action(http->multi, fd, mask, &running);
    look_for_ended(http);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
    struct http *http = context;
    int running;

    (void)source;
    (void)usec;
    curl->multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_ended(http);
    return 0;
}

/* libcurl's wish for a socket; `assigned` is what we wait with, if we do. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct http *http = context;
    sd_event_source *source = assigned;
    uint32_t events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        sd_event_source_disable_unref(source);
        curl->multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    if (source)
        return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
    if (sd_event_add_io(http->event, &source, fd, events, on_socket, http) < 0)
        return -1;
    curl->multi_assign(http->multi, fd, source);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct http *http = context;

    (void)multi;
    if (timeout_ms < 0) {
        timer_stop(http->timer);
        return 0;
    }
    return timer_arm(http->event, &http->timer, (uint64_t)timeout_ms * 1000000, on_timer, http) < 0
               ? -1
               : 0;
}

/* Appends to the body; anything but `length` ends the transfer. */
static size_t take_body(char *bytes, size_t size, size_t length, void *context)
{
    struct http_call *call = context;

    (void)size;
    if (length > HTTP_BODY_MAX - call->length) {
        call->too_long = true;
        return 0;
    }
    if (call->length + length >= call->room) {
        size_t room = 2 * (call->length + length) + 1;
        char *body = realloc(call->body, room);

        if (!body) {
            call->no_memory = true;
            return 0;
        }
        call->body = body;
        call->room = room;
    }
    memcpy(call->body + call->length, bytes, length);
    call->length += length;
    call->body[call->length] = '\0';
    return length;
}

static void call_free(struct http_call *call)
{
    if (call->easy) {
        curl->multi_remove_handle(call->http->multi, call->easy);
        curl->easy_cleanup(call->easy);
    }
    LIST_REMOVE(call, others);
    curl->slist_free_all(call->headers);
    free(call->body);
    free(call);
}

static void describe(const struct http_call *call, CURLcode code, char error[ERROR_MAX])
{
    const char *why = call->error[0] ? call->error : curl->easy_strerror(code);

    if (call->too_long)
        why = "the answer is longer than 1 MiB";
    if (call->no_memory)
        why = "out of memory";
    printable(error, ERROR_MAX, why, strlen(why));
}

static void finish(struct http_call *call, CURLcode code)
{
    http_done *done = call->done;
    void *context = call->context;
    struct http_answer answer = {.body = ""};
    char error[ERROR_MAX], *body = NULL;

    if (code == CURLE_OK) {
        curl->easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        if (call->body)
            answer.body = body = call->body;
        answer.length = call->length;
        call->body = NULL;
    } else {
        describe(call, code, error);
        answer.error = error;
    }
    call_free(call);
    done(context, &answer);
    free(body);
}

static int on_ended(sd_event_source *source, void *context)
{
    struct http *http = context;
    struct http_call *call = NULL;
    CURLMsg *message;
    int more;

    (void)source;
    message = curl->multi_info_read(http->multi, &more);
    if (!message)
        return 0;
    if (more)
        look_for_ended(http);
    curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
    finish(call, message->data.result);
    return 0;
}

/* A POST is not repeated elsewhere on a server's word. A name that can't be resolved in time must
 * not keep us waiting for the thread that tries (QUICK_EXIT). */
static void set_options(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;

    curl->easy_setopt(easy, CURLOPT_URL, request->url);
    curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, request->json ? 0L : 1L);
    curl->easy_setopt(easy, CURLOPT_MAXREDIRS, 3L);
    curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / 1000000 + 1));
    curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl->easy_setopt(easy, CURLOPT_USERAGENT, "flowsplit/" FLOWSPLIT_VERSION);
    curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl->easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl->easy_setopt(easy, CURLOPT_PRIVATE, call);
}

static bool set_json(struct http_call *call, const char *json)
{
    struct curl_slist *more;

    call->headers = curl->slist_append(NULL, "Content-Type: application/json");
    more = call->headers ? curl->slist_append(call->headers, "Expect:") : NULL;
    return more && !curl->easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) &&
           !curl->easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, json);
}

int http_start(struct http *http, const struct http_request *request, http_done *done,
               void *context, struct http_call **call, struct error *err)
{
    struct http_call *new = calloc(1, sizeof(*new));

    if (!new)
        return error_set(err, -ENOMEM, "out of memory");
    LIST_INSERT_HEAD(&http->calls, new, others);
    new->http = http;
    new->done = done;
    new->context = context;
    new->easy = curl->easy_init();
    if (!new->easy || (request->json && !set_json(new, request->json))) {
        call_free(new);
        return error_set(err, -ENOMEM, "out of memory");
    }
    set_options(new, request);
    if (curl->multi_add_handle(http->multi, new->easy) != CURLM_OK) {
        call_free(new);
        return error_set(err, -ENOMEM, "can't start an HTTP request");
    }
    *call = new;
    return 0;
}

void http_cancel(struct http_call *call)
{
    if (call)
        call_free(call);
}

struct http *http_new(sd_event *event, struct error *err)
{
    struct http *http;

    curl = curl_library_load(err);
    if (!curl)
        return NULL;
    http = calloc(1, sizeof(*http));
    if (http && curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        http = NULL;
    }
    if (!http) {
        error_set(err, -ENOMEM, "can't use libcurl: out of memory");
        return NULL;
    }
    LIST_INIT(&http->calls);
    http->event = sd_event_ref(event);
    http->multi = curl->multi_init();
    if (!http->multi || sd_event_add_defer(event, &http->ended, on_ended, http) < 0) {
        http_free(http);
        error_set(err, -ENOMEM, "can't use libcurl: out of memory");
        return NULL;
    }
    curl->multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl->multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl->multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl->multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (!LIST_EMPTY(&http->calls))
        call_free(LIST_FIRST(&http->calls));
    curl->multi_cleanup(http->multi);
    sd_event_source_disable_unref(http->timer);
    sd_event_source_disable_unref(http->ended);
    sd_event_unref(http->event);
    free(http);
    curl->global_cleanup();
}
