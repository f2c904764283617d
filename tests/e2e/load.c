// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer load` and `peer ask`: a new connection for each exchange, many at a time or one by one.
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct {
    struct targets to;
    struct sources from;
    uint64_t rate, seconds, count, concurrency, timeout_s, size;
    bool max, log, reset;
    struct client *slots;
    int epoll_fd;
    uint64_t started, ended, failed, complaints;
    struct tally by_name;
} l = {.concurrency = 32, .timeout_s = 60};

static void finish(struct client *c, enum progress p)
{
    char local[80];
    address_format(&c->local, local, sizeof(local));
    client_close(c, l.reset);
    l.ended++;
    if (p != STEP_DONE) {
        l.failed++;
        if (l.complaints++ < 20)
            fprintf(stderr, "peer load: %s: %s\n", local, c->why);
        return;
    }
    tally_add(&l.by_name, c->name);
    if (l.log)
        printf("%llu %llu %s %s\n", (unsigned long long)c->started_ns,
               (unsigned long long)c->ended_ns, c->name, local);
}

static void start(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    const struct target *to = &l.to.list[l.started % l.to.count];
    const union address *from =
        sources_pick(&l.from, to->addr.any.sa_family, l.started / l.to.count);
    l.started++;
    if (client_open(c, to, from) < 0) {
        finish(c, STEP_FAILED);
        return;
    }
    client_begin(c, (uint32_t)random_below(400), (uint32_t)random_below(1000));
    c->deadline_ns = c->started_ns + l.timeout_s * NS_PER_S;
    if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll: %s", strerror(errno));
}

// How many connections should have begun by now.
static uint64_t quota(uint64_t elapsed_ns)
{
    uint64_t q = l.count ? l.count : UINT64_MAX;
    if (l.rate && elapsed_ns / NS_PER_MS * l.rate / 1000 + 1 < q)
        q = elapsed_ns / NS_PER_MS * l.rate / 1000 + 1;
    return q;
}

static bool more_to_start(uint64_t elapsed_ns)
{
    if (stop_requested() || (l.seconds && elapsed_ns >= l.seconds * NS_PER_S))
        return false;
    return !l.count || l.started < l.count;
}

static void tick(uint64_t begin_ns)
{
    uint64_t now = now_ns();
    bool more = more_to_start(now - begin_ns);
    uint64_t limit = quota(now - begin_ns);
    for (uint64_t i = 0; i < l.concurrency; i++) {
        struct client *c = &l.slots[i];
        if (c->fd >= 0 && now >= c->deadline_ns) {
            snprintf(c->why, sizeof(c->why), "no answer in time");
            finish(c, STEP_FAILED);
        }
        if (c->fd < 0 && more && l.started < limit)
            start(c);
    }
}

static int summary(uint64_t begin_ns)
{
    if (!l.log) {
        printf("{\"opened\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"by_name\":",
               (unsigned long long)(l.ended - l.failed), (unsigned long long)l.failed,
               (double)(now_ns() - begin_ns) / NS_PER_S);
        tally_print(&l.by_name);
        printf("}\n");
    }
    return l.failed || l.ended == 0;
}

int cmd_load(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &l.to},      {"--bind", OPT_SOURCES, &l.from},
        {"--rate", OPT_NUMBER, &l.rate},   {"--seconds", OPT_NUMBER, &l.seconds},
        {"--count", OPT_NUMBER, &l.count}, {"--concurrency", OPT_NUMBER, &l.concurrency},
        {"--max", OPT_FLAG, &l.max},       {"--timeout", OPT_NUMBER, &l.timeout_s},
        {"--reset", OPT_FLAG, &l.reset},   {"--log", OPT_FLAG, &l.log},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (l.to.count == 0)
        misuse("load: --to is missing");
    if (l.max && l.rate)
        misuse("load: --max and --rate");
    raise_file_limit();
    stop_on_signals();
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l.slots = calloc(l.concurrency, sizeof(*l.slots));
    for (uint64_t i = 0; i < l.concurrency; i++)
        l.slots[i].fd = -1;
    uint64_t begin_ns = now_ns();
    while (l.ended < l.started || more_to_start(now_ns() - begin_ns)) {
        struct epoll_event events[256];
        tick(begin_ns);
        int n = epoll_wait(l.epoll_fd, events, ARRAY_LEN(events), l.rate ? 1 : 5);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            enum progress p = c->fd < 0 ? STEP_AGAIN : client_step(c);
            if (p != STEP_AGAIN)
                finish(c, p);
        }
    }
    return summary(begin_ns);
}

// ---- ask ----

static enum progress ask_one(struct client *c, int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    client_begin(c, (uint32_t)l.size, (uint32_t)l.size);
    c->deadline_ns = c->started_ns + l.timeout_s * NS_PER_S;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll: %s", strerror(errno));
    for (;;) {
        enum progress p = client_step(c);
        if (p != STEP_AGAIN)
            return p;
        uint64_t now = now_ns();
        if (now >= c->deadline_ns) {
            snprintf(c->why, sizeof(c->why), "no answer in time");
            return STEP_FAILED;
        }
        epoll_wait(epoll_fd, &event, 1, (int)((c->deadline_ns - now) / NS_PER_MS) + 1);
    }
}

int cmd_ask(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &l.to},    {"--bind", OPT_SOURCES, &l.from},
        {"--size", OPT_NUMBER, &l.size}, {"--timeout", OPT_NUMBER, &l.timeout_s},
        {"--reset", OPT_FLAG, &l.reset},
    };
    int failed = 0;
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (l.to.count != 1)
        misuse("ask: one --to");
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < (l.from.count ? l.from.count : 1); i++) {
        struct client c;
        const union address *from = l.from.count ? &l.from.list[i] : NULL;
        if (client_open(&c, l.to.list, from) == 0 && ask_one(&c, epoll_fd) == STEP_DONE) {
            printf("%s\n", c.name);
        } else {
            fprintf(stderr, "peer ask: %s\n", c.why);
            printf("-\n");
            failed = 1;
        }
        if (c.fd >= 0)
            client_close(&c, l.reset);
    }
    return failed;
}
