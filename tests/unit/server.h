/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small HTTP server on loopback, in a thread, that answers as badly as a test wants it to. */
#ifndef FLOWSPLIT_TEST_SERVER_H
#define FLOWSPLIT_TEST_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* In place of an answer. */
#define SERVER_HANGS  "hang"
#define SERVER_CLOSES "close"
#define SERVER_FLOODS "flood" /* a body without end */

#define SERVER_OK     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

enum { SERVER_CONNECTIONS = 64, SERVER_REQUEST_MAX = 4096 };

struct server {
    int listener, stop[2];
    pthread_t thread;
    char url[40];
    const char *const *answers; /* by connection, ended by NULL; the last one is repeated */
    char requests[SERVER_CONNECTIONS][SERVER_REQUEST_MAX];
    int hanging[SERVER_CONNECTIONS];
    atomic_uint count; /* connections whose request is read */
    atomic_uint open;  /* those that hang */
};

/* Until the header and the length it tells of are there; as much as fits. */
static inline void server_read(int fd, char request[SERVER_REQUEST_MAX])
{
    size_t used = 0, wanted = SERVER_REQUEST_MAX - 1;

    while (used < wanted) {
        ssize_t length = read(fd, request + used, SERVER_REQUEST_MAX - 1 - used);
        char *end, *header;

        if (length <= 0)
            return;
        used += (size_t)length;
        request[used] = '\0';
        end = strstr(request, "\r\n\r\n");
        header = strstr(request, "Content-Length: ");
        if (end)
            wanted = (size_t)(end + 4 - request) + (header ? strtoul(header + 16, NULL, 10) : 0);
    }
}

static inline void server_flood(int fd)
{
    static const char zeros[65536];

    if (send(fd, SERVER_OK, strlen(SERVER_OK), MSG_NOSIGNAL) < 0)
        return;
    while (send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL) > 0)
        ;
}

static inline void server_answer(struct server *server, int fd)
{
    unsigned index = atomic_load(&server->count);
    const char *answer = server->answers[0];

    assert_true(index < SERVER_CONNECTIONS);
    for (unsigned i = 1; i <= index && server->answers[i]; i++)
        answer = server->answers[i];
    server_read(fd, server->requests[index]);
    atomic_fetch_add(&server->count, 1);
    if (strcmp(answer, SERVER_HANGS) == 0) {
        server->hanging[atomic_fetch_add(&server->open, 1)] = fd;
        return;
    }
    if (strcmp(answer, SERVER_FLOODS) == 0)
        server_flood(fd);
    else if (strcmp(answer, SERVER_CLOSES) != 0)
        (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    close(fd);
}

static inline void *server_main(void *context)
{
    struct server *server = context;
    struct pollfd fds[2] = {{.fd = server->listener, .events = POLLIN},
                            {.fd = server->stop[0], .events = POLLIN}};

    while (poll(fds, 2, -1) > 0 && !fds[1].revents)
        server_answer(server, accept4(server->listener, NULL, NULL, SOCK_CLOEXEC));
    return NULL;
}

/* Once a program: nothing comes between a test and its server. */
static inline void server_prepare(void)
{
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    signal(SIGPIPE, SIG_IGN);
}

/* A socket that listens, or doesn't: connections to it are refused then. Sets the url. */
static inline int server_bind(char url[40], bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    if (listens)
        assert_int_equal(listen(fd, SERVER_CONNECTIONS), 0);
    snprintf(url, 40, "http://127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

/* Answers with what the array says, which must stay. */
static inline struct server *server_start(const char *const *answers)
{
    struct server *server = calloc(1, sizeof(*server));

    assert_non_null(server);
    server->answers = answers;
    server->listener = server_bind(server->url, true);
    assert_int_equal(pipe(server->stop), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
    return server;
}

static inline void server_stop(struct server *server)
{
    assert_int_equal(write(server->stop[1], "", 1), 1);
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->open; i++)
        close(server->hanging[i]);
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
    free(server);
}

#endif
