// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer serve`: answers framed requests and plain HTTP with the server's name, by state that lives
// with each connection (TCP) or source (UDP).
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum endpoint_kind { LISTENER, DATAGRAMS, CONNECTION };

struct endpoint {
    enum endpoint_kind kind;
    int fd;
    char name[NAME_LEN + 1];
    uint64_t id;
    uint32_t served;
    bool ending; // close once all is sent
    struct buffer in, out;
};

// One UDP source's state, kept until the server ends.
struct flow {
    struct flow *next;
    union address source;
    const struct endpoint *at;
    uint64_t id;
    uint32_t served;
};

static int epoll_fd;
static bool http_500;             // all HTTP is answered so; framed requests are not
static const char *priority_name; // the server whose connections have `priority`
static int priority;              // SO_PRIORITY: a class of the interface's qdisc
static struct flow *flows[65536];

static struct endpoint *endpoint_new(enum endpoint_kind kind, int fd, const char *name)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    struct endpoint *e = calloc(1, sizeof(*e));
    if (!e)
        die("out of memory");
    e->kind = kind;
    e->fd = fd;
    e->id = random_u64();
    snprintf(e->name, sizeof(e->name), "%s", name);
    event.data.ptr = e;
    if (kind == CONNECTION)
        event.events |= EPOLLOUT | EPOLLRDHUP;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll: %s", strerror(errno));
    return e;
}

static void endpoint_free(struct endpoint *e)
{
    close(e->fd);
    buffer_free(&e->in);
    buffer_free(&e->out);
    free(e);
}

static void listen_at(const char *name, const char *text)
{
    struct target t = target_parse(text);
    int on = 1;
    int size = 4 << 20;
    int fd = socket(t.addr.any.sa_family,
                    (t.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    if (!t.udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    else
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (t.addr.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &t.addr.any, address_len(&t.addr)) < 0)
        die("bind %s: %s", text, strerror(errno));
    if (!t.udp && listen(fd, 4096) < 0)
        die("listen %s: %s", text, strerror(errno));
    endpoint_new(t.udp ? DATAGRAMS : LISTENER, fd, name);
}

static void accept_all(const struct endpoint *listener)
{
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && priority_name && strcmp(priority_name, listener->name) == 0)
            setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
        if (fd >= 0)
            endpoint_new(CONNECTION, fd, listener->name);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

// ---- TCP ----

// False when the connection is over.
static bool flush_out(struct endpoint *e)
{
    while (e->out.done < e->out.len) {
        ssize_t n = send(e->fd, e->out.data + e->out.done, e->out.len - e->out.done, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        e->out.done += (size_t)n;
    }
    return !e->ending;
}

static void respond_http(struct endpoint *e)
{
    buffer_reserve(&e->out, 256);
    e->out.done = 0;
    e->out.len = (size_t)snprintf(
        (char *)e->out.data, 256,
        "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\n%s\n",
        http_500 ? "500 Internal Server Error" : "200 OK", strlen(e->name) + 1, e->name);
    e->ending = true;
}

// How many bytes the request in ->in has at least; 0 when it is nonsense.
static size_t request_size(const struct endpoint *e)
{
    struct request req;
    if (e->in.len > 0 && e->in.data[0] == 'G') {
        bool whole = memmem(e->in.data, e->in.len, "\r\n\r\n", 4) != NULL;
        return whole ? e->in.len : e->in.len < 4096 ? e->in.len + 1 : 0;
    }
    if (e->in.len < sizeof(req))
        return sizeof(req);
    memcpy(&req, e->in.data, sizeof(req));
    return request_valid(&req) ? sizeof(req) + req.payload_len : 0;
}

static void request_answer(struct endpoint *e)
{
    struct request req;
    if (e->in.data[0] == 'G') {
        respond_http(e);
    } else {
        memcpy(&req, e->in.data, sizeof(req));
        bool ok = payload_matches(e->in.data + sizeof(req), req.payload_len, &req, TO_SERVER);
        respond(&e->out, &req, e->name, e->id, ++e->served, ok);
    }
    e->in.len = 0;
}

// Reads and answers until it would block; false when the connection is over.
static bool connection_go_on(struct endpoint *e)
{
    for (;;) {
        if (!flush_out(e))
            return false;
        if (e->out.done < e->out.len)
            return true;
        size_t want = request_size(e);
        if (want == 0)
            return false;
        if (e->in.len == want) {
            request_answer(e);
            continue;
        }
        buffer_reserve(&e->in, want);
        ssize_t n = recv(e->fd, e->in.data + e->in.len, want - e->in.len, 0);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0)
            return false;
        e->in.len += (size_t)n;
    }
}

// ---- UDP ----

static struct flow *flow_of(const struct endpoint *at, const union address *source)
{
    uint64_t hash = source->v4.sin_port;
    if (source->any.sa_family == AF_INET)
        hash = mix64(hash << 32 | source->v4.sin_addr.s_addr);
    else
        for (int i = 0; i < 4; i++)
            hash = mix64(hash ^ source->v6.sin6_addr.s6_addr32[i]);
    struct flow **head = &flows[hash % ARRAY_LEN(flows)];
    for (struct flow *f = *head; f; f = f->next) {
        if (f->at == at && memcmp(&f->source, source, sizeof(*source)) == 0)
            return f;
    }
    struct flow *f = calloc(1, sizeof(*f));
    if (!f)
        die("out of memory");
    *f = (struct flow){.next = *head, .source = *source, .at = at, .id = random_u64()};
    return *head = f;
}

static void datagrams_answer(struct endpoint *e)
{
    buffer_reserve(&e->in, 65536);
    for (;;) {
        union address source = {0};
        socklen_t len = sizeof(source);
        struct request req;
        ssize_t n = recvfrom(e->fd, e->in.data, e->in.cap, 0, &source.any, &len);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < (ssize_t)sizeof(req))
            continue;
        memcpy(&req, e->in.data, sizeof(req));
        if (!request_valid(&req) || req.reply_len > 60000)
            continue;
        bool ok = (size_t)n == sizeof(req) + req.payload_len &&
                  payload_matches(e->in.data + sizeof(req), req.payload_len, &req, TO_SERVER);
        struct flow *f = flow_of(e, &source);
        respond(&e->out, &req, e->name, f->id, ++f->served, ok);
        sendto(e->fd, e->out.data, e->out.len, 0, &source.any, len);
    }
}

static void endpoint_handle(struct endpoint *e)
{
    if (e->kind == LISTENER)
        accept_all(e);
    else if (e->kind == DATAGRAMS)
        datagrams_answer(e);
    else if (!connection_go_on(e))
        endpoint_free(e);
}

int cmd_serve(char **argv)
{
    const char *name = NULL;
    raise_file_limit();
    stop_on_signals();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (; *argv; argv++) {
        if (strcmp(*argv, "--http-500") == 0)
            http_500 = true;
        else if (strcmp(*argv, "--priority") == 0 && argv[1] && argv[2]) {
            priority_name = *++argv;
            priority = (int)strtol(*++argv, NULL, 0);
        } else if (!strchr(*argv, ':'))
            name = *argv;
        else if (name)
            listen_at(name, *argv);
        else
            misuse("serve: no NAME before %s", *argv);
    }
    printf("ready\n");
    fflush(stdout);
    while (!stop_requested()) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, ARRAY_LEN(events), 1000);
        for (int i = 0; i < n; i++)
            endpoint_handle(events[i].data.ptr);
    }
    return 0;
}
