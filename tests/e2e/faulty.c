// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer faulty`: an HTTP server that fails on purpose: answers 500, resets, answers late, never
// closes, or hangs without taking a SYN. A thread for each connection. Or one that doesn't fail,
// but is easily misunderstood: its bodies say that they are failures, or its queue is short.
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    struct targets at;
    uint64_t http_500, reset, leak, slow, delay_ms; // in percent, but for the delay
    uint64_t body;  // bytes of an answer's, if they are to look like answers
    uint64_t queue; // connections that may wait for one to end, if they are to be served in turn
    bool hang, log;
    uint64_t seed;
    atomic_ullong drawn;
} s;

// True in so many percent of all calls, by chance.
static bool chance(uint64_t percent)
{
    return percent && mix64(s.seed + atomic_fetch_add(&s.drawn, 1)) % 100 < percent;
}

// Reads what follows a request's head, and shows it in a line of its own.
static bool body_read(int fd, const char *head)
{
    const char *length = strcasestr(head, "\r\nContent-Length:");
    size_t size = length ? strtoul(length + 17, NULL, 10) : 0;
    char body[8192];
    if (size >= sizeof(body) || (size && recv(fd, body, size, MSG_WAITALL) != (ssize_t)size))
        return false;
    if (s.log && size) {
        printf("%.*s\n", (int)size, body);
        fflush(stdout);
    }
    return true;
}

// Reads a request; false at the connection's end.
static bool request_read(int fd)
{
    static const char end[] = "\r\n\r\n";
    char head[2048] = "";
    size_t matched = 0, len = 0;
    while (matched < sizeof(end) - 1) {
        char byte;
        if (recv(fd, &byte, 1, 0) != 1)
            return false;
        matched = byte == end[matched] ? matched + 1 : byte == '\r';
        if (len < sizeof(head) - 1)
            head[len++] = byte;
    }
    return body_read(fd, head);
}

// Head and body in pieces of this size, so that any of them may begin a packet.
#define PIECE 500

static bool body_answer(int fd)
{
    static const char like_head[] = "HTTP/1.1 500 Not at all\r\n\r\n";
    char piece[PIECE];
    int len = snprintf(piece, sizeof(piece), "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\nPadding: ",
                       (unsigned long long)s.body);
    memset(piece + len, 'x', sizeof(piece) - (size_t)len);
    memcpy(piece + sizeof(piece) - 4, "\r\n\r\n", 4);
    if (send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_MORE) != sizeof(piece))
        return false;
    memset(piece, 'x', sizeof(piece));
    memcpy(piece, like_head, sizeof(like_head) - 1);
    for (uint64_t sent = 0; sent < s.body; sent += sizeof(piece)) {
        size_t size = s.body - sent < sizeof(piece) ? s.body - sent : sizeof(piece);
        if (send(fd, piece, size, MSG_NOSIGNAL | MSG_MORE) != (ssize_t)size)
            return false;
    }
    return send(fd, "", 0, MSG_NOSIGNAL) == 0;
}

static bool request_answer(int fd)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: 3\r\n\r\nok\n",
                       chance(s.http_500) ? "500 Internal Server Error" : "200 OK");
    if (chance(s.slow))
        usleep((useconds_t)(s.delay_ms * 1000));
    if (s.body)
        return body_answer(fd);
    return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

static void *connection_run(void *arg)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int fd = (int)(intptr_t)arg;
    bool reset = chance(s.reset);
    bool leak = chance(s.leak);
    while (request_read(fd)) {
        if (reset) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
            break;
        }
        if (!request_answer(fd))
            break;
    }
    if (!leak || reset)
        close(fd);
    return NULL;
}

static void connection_start(int fd)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 << 10);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread, &attr, connection_run, (void *)(intptr_t)fd);
    if (error)
        die("thread: %s", strerror(error));
    pthread_attr_destroy(&attr);
}

static int listen_at(const union address *at)
{
    int on = 1;
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &at->any, address_len(at)) < 0 || listen(fd, s.hang    ? 0
                                                              : s.queue ? (int)s.queue
                                                                        : 4096) < 0)
        die("listen: %s", strerror(errno));
    return fd;
}

static void *accept_all(void *arg)
{
    int listener = (int)(intptr_t)arg;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && s.queue)
            connection_run((void *)(intptr_t)fd);
        else if (fd >= 0)
            connection_start(fd);
        else if (errno != ECONNABORTED && errno != EINTR)
            die("accept: %s", strerror(errno));
    }
    return NULL;
}

// A queue for none takes one; with that in it, further SYNs are dropped.
static void queue_fill(const union address *at)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, &at->any, address_len(at)) < 0)
        die("connect: %s", strerror(errno));
}

int cmd_faulty(char **argv)
{
    const struct option_spec specs[] = {
        {"--at", OPT_TARGETS, &s.at},      {"--http-500", OPT_NUMBER, &s.http_500},
        {"--reset", OPT_NUMBER, &s.reset}, {"--leak", OPT_NUMBER, &s.leak},
        {"--slow", OPT_NUMBER, &s.slow},   {"--delay", OPT_NUMBER, &s.delay_ms},
        {"--hang", OPT_FLAG, &s.hang},     {"--log", OPT_FLAG, &s.log},
        {"--body", OPT_NUMBER, &s.body},   {"--queue", OPT_NUMBER, &s.queue},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (s.at.count == 0)
        misuse("faulty: --at is missing");
    raise_file_limit();
    s.seed = random_u64();
    for (size_t i = 0; i < s.at.count; i++) {
        pthread_t thread;
        int fd = listen_at(&s.at.list[i].addr);
        if (s.hang)
            queue_fill(&s.at.list[i].addr);
        else if (pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd) != 0)
            die("no thread");
    }
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}
