// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Serves the metrics of an instance over HTTP, by libmicrohttpd. */
#include "metrics_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "metrics.h"

#define CONNECTIONS 32
#define TIMEOUT_S   10

struct metrics_server {
    struct MHD_Daemon *daemon;
    char *pin_dir, *state_dir;
    char url[LISTEN_TEXT_MAX + 32];
};

/* --- answers --- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *content_type, struct MHD_Response *response)
{
    enum MHD_Result queued;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status,
                                    const char *content_type, const char *words)
{
    return answer(
        connection, status, content_type,
        MHD_create_response_from_buffer(strlen(words), (void *)words, MHD_RESPMEM_PERSISTENT));
}

/* What could not be read is in the text, as flowsplit_up 0 and a comment. */
static enum MHD_Result answer_metrics(const struct metrics_server *server,
                                      struct MHD_Connection *connection)
{
    struct metrics_text text = {0};
    struct MHD_Response *response;
    struct error err;

    metrics_exposition(&text, server->pin_dir, server->state_dir, &err);
    if (text.failed) {
        metrics_text_free(&text);
        return answer_words(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain",
                            "out of memory\n");
    }
    response = MHD_create_response_from_buffer(text.length, text.bytes, MHD_RESPMEM_MUST_FREE);
    if (!response)
        metrics_text_free(&text);
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", response);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    bool metrics = strcmp(path, "/metrics") == 0;

    (void)version;
    (void)upload;
    (void)upload_bytes;
    (void)request;
    if (!metrics && strcmp(path, "/") != 0)
        return answer_words(connection, MHD_HTTP_NOT_FOUND, "text/plain",
                            "not found; there is /metrics\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                            "only GET and HEAD\n");
    if (metrics)
        return answer_metrics(context, connection);
    return answer_words(connection, MHD_HTTP_OK, "text/html; charset=utf-8",
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>flowsplit</title></head>\n"
                        "<body><h1>flowsplit</h1><p><a href=\"/metrics\">Metrics</a></p></body>"
                        "</html>\n");
}

/* --- the server --- */

/* The thread must not be the one that gets the program's signals. */
static struct MHD_Daemon *start(struct metrics_server *server, int fd)
{
    struct MHD_Daemon *daemon;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, server,
                              MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                              (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                              (unsigned)TIMEOUT_S, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

static int serve(struct metrics_server *server, const char *address, const char *pin_dir,
                 const char *state_dir, struct error *err)
{
    char at[LISTEN_TEXT_MAX];
    int fd;

    server->pin_dir = strdup(pin_dir);
    server->state_dir = strdup(state_dir);
    if (!server->pin_dir || !server->state_dir)
        return error_set(err, -ENOMEM, "out of memory");
    fd = listen_at(address, at, err);
    if (fd < 0)
        return fd;
    snprintf(server->url, sizeof(server->url), "http://%s/metrics", at);
    server->daemon = start(server, fd); /* which owns the socket from now on */
    return server->daemon
               ? 0
               : error_set(err, -EIO, "can't serve metrics at %s: %s", address, strerror(errno));
}

struct metrics_server *metrics_serve(const char *address, const char *pin_dir,
                                     const char *state_dir, struct error *err)
{
    struct metrics_server *server = calloc(1, sizeof(*server));

    if (!server) {
        error_set(err, -ENOMEM, "out of memory");
        return NULL;
    }
    if (serve(server, address, pin_dir, state_dir, err)) {
        metrics_stop(server);
        return NULL;
    }
    return server;
}

const char *metrics_url(const struct metrics_server *server)
{
    return server->url;
}

void metrics_stop(struct metrics_server *server)
{
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    free(server->pin_dir);
    free(server->state_dir);
    free(server);
}
