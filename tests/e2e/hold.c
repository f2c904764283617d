// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer hold`: keeps many connections talking and checks every answer, until told to end.
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 64 // connections opening at one time, so that a slow machine's backlog holds

enum phase { WAITING, OPENING, TALKING, CLOSING, OVER };

struct held {
    struct client client;
    enum phase phase;
    uint64_t rounds;
};

static struct {
    struct targets to;
    struct sources from;
    uint64_t count, interval_ms, rounds, max_payload, timeout_s;
    const char *until_file, *ready_file;
    struct held *all;
    int epoll_fd;
    bool ending;
    uint64_t next_open, opening, over;
    uint64_t opened, broken, misrouted, lost, exchanges, bytes, complaints;
    struct tally by_name;
} h = {.count = 1, .interval_ms = 1000, .max_payload = 20000, .timeout_s = 60};

static void complain(const struct held *c)
{
    char local[80];
    address_format(&c->client.local, local, sizeof(local));
    uint64_t now = now_ns();
    if (h.complaints++ < 50)
        fprintf(stderr, "peer hold: %s (%s) after %.3f s, at %.3f s: %s\n", local, c->client.name,
                (double)(now - c->client.started_ns) / NS_PER_S, (double)now / NS_PER_S,
                c->client.why);
}

static void over(struct held *c, bool reset)
{
    if (c->phase == OPENING)
        h.opening--;
    if (c->client.name[0])
        tally_add(&h.by_name, c->client.name);
    c->phase = OVER;
    h.over++;
    client_close(&c->client, reset);
}

// Mostly small records, now and then many segments.
static uint32_t payload_size(const struct held *c)
{
    if (c->client.target.udp)
        return (uint32_t)random_below(1000);
    return (uint32_t)(random_below(8) == 0 ? random_below(h.max_payload + 1) : random_below(200));
}

static void schedule(struct held *c, uint64_t now)
{
    uint64_t interval_ns = h.interval_ms * NS_PER_MS;
    c->client.due_ns = now + interval_ns / 2 + random_below(interval_ns / 2 + 1);
    c->client.deadline_ns = 0;
}

static void start_exchange(struct held *c, uint64_t now)
{
    // A lost datagram is given up early: only its successor shows whether the flow lives on.
    uint64_t patience_ns = c->client.target.udp ? NS_PER_S : h.timeout_s * NS_PER_S;
    client_begin(&c->client, payload_size(c), payload_size(c));
    c->client.deadline_ns = now + patience_ns;
}

static void lose(struct held *c)
{
    h.lost++;
    c->client.busy = false;
    complain(c);
    schedule(c, now_ns());
}

static void finish_exchange(struct held *c)
{
    h.exchanges++;
    h.bytes += c->client.out.len + c->client.in.len;
    if (c->phase == OPENING) {
        h.opening--;
        h.opened++;
        c->phase = TALKING;
    }
    c->rounds++;
    schedule(c, now_ns());
}

static void judge(struct held *c, enum progress p)
{
    if (p == STEP_AGAIN)
        return;
    if (p == STEP_DONE) {
        finish_exchange(c);
    } else if (p == STEP_MISROUTED) {
        h.misrouted++;
        complain(c);
        over(c, true);
    } else if (c->client.target.udp) {
        lose(c);
    } else {
        h.broken++;
        complain(c);
        over(c, true);
    }
}

// Waits for the server's end of the connection after ours.
static void drain_close(struct held *c)
{
    char byte;
    ssize_t n = recv(c->client.fd, &byte, 1, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n != 0) {
        snprintf(c->client.why, sizeof(c->client.why), "at the close: %s",
                 n < 0 ? strerror(errno) : "data nobody asked for");
        h.broken++;
        complain(c);
    }
    over(c, n != 0);
}

static void on_event(struct held *c)
{
    if (c->phase == CLOSING)
        drain_close(c);
    else if (c->client.busy || !c->client.connected)
        judge(c, client_step(&c->client));
    else if (c->phase == TALKING)
        judge(c, client_check_idle(&c->client));
}

static void open_one(struct held *c, uint64_t k)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    const struct target *to = &h.to.list[k % h.to.count];
    const union address *from = sources_pick(&h.from, to->addr.any.sa_family, k / h.to.count);
    c->phase = OPENING;
    h.opening++;
    if (client_open(&c->client, to, from) < 0) {
        h.broken++;
        complain(c);
        over(c, true);
        return;
    }
    start_exchange(c, c->client.started_ns);
    if (epoll_ctl(h.epoll_fd, EPOLL_CTL_ADD, c->client.fd, &event) < 0)
        die("epoll: %s", strerror(errno));
}

static void begin_close(struct held *c, uint64_t now)
{
    if (c->client.target.udp) {
        over(c, false);
        return;
    }
    shutdown(c->client.fd, SHUT_WR);
    c->phase = CLOSING;
    c->client.deadline_ns = now + h.timeout_s * NS_PER_S;
    drain_close(c);
}

static void on_deadline(struct held *c)
{
    snprintf(c->client.why, sizeof(c->client.why), "%s %u: no answer in time",
             c->phase == CLOSING ? "close after exchange" : "exchange", c->client.seq);
    judge(c, STEP_FAILED);
}

static void on_time(struct held *c, uint64_t now)
{
    if (c->phase == WAITING || c->phase == OVER)
        return;
    if (c->client.deadline_ns && now >= c->client.deadline_ns) {
        on_deadline(c);
    } else if (c->phase == TALKING && !c->client.busy) {
        if (h.ending || (h.rounds && c->rounds >= h.rounds)) {
            begin_close(c, now);
        } else if (now >= c->client.due_ns) {
            start_exchange(c, now);
            judge(c, client_step(&c->client));
        }
    }
}

// Written whole, then given its name: who sees the file sees all of it.
static void write_ready_file(void)
{
    char temp[512], local[80];
    snprintf(temp, sizeof(temp), "%s.new", h.ready_file);
    FILE *f = fopen(temp, "w");
    if (!f)
        die("%s: %s", temp, strerror(errno));
    for (uint64_t i = 0; i < h.count; i++) {
        address_format(&h.all[i].client.local, local, sizeof(local));
        fprintf(f, "%s %s\n", local, h.all[i].client.name);
    }
    if (fclose(f) != 0 || rename(temp, h.ready_file) < 0)
        die("%s: %s", h.ready_file, strerror(errno));
    h.ready_file = NULL;
}

static void tick(uint64_t now)
{
    h.ending |= stop_requested() || (h.until_file && access(h.until_file, F_OK) == 0);
    while (h.next_open < h.count && h.opening < AT_ONCE && !h.ending) {
        open_one(&h.all[h.next_open], h.next_open);
        h.next_open++;
    }
    for (uint64_t i = 0; i < h.next_open; i++)
        on_time(&h.all[i], now);
    if (h.ready_file && h.next_open == h.count && h.opening == 0)
        write_ready_file();
}

static int summary(void)
{
    printf("{\"opened\":%llu,\"broken\":%llu,\"misrouted\":%llu,\"lost\":%llu,"
           "\"exchanges\":%llu,\"bytes\":%llu,\"by_name\":",
           (unsigned long long)h.opened, (unsigned long long)h.broken,
           (unsigned long long)h.misrouted, (unsigned long long)h.lost,
           (unsigned long long)h.exchanges, (unsigned long long)h.bytes);
    tally_print(&h.by_name);
    printf("}\n");
    return h.broken || h.misrouted || h.opened == 0;
}

int cmd_hold(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &h.to},
        {"--bind", OPT_SOURCES, &h.from},
        {"--count", OPT_NUMBER, &h.count},
        {"--interval", OPT_NUMBER, &h.interval_ms},
        {"--rounds", OPT_NUMBER, &h.rounds},
        {"--max-payload", OPT_NUMBER, &h.max_payload},
        {"--timeout", OPT_NUMBER, &h.timeout_s},
        {"--until-file", OPT_TEXT, &h.until_file},
        {"--ready-file", OPT_TEXT, &h.ready_file},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (h.to.count == 0)
        misuse("hold: --to is missing");
    raise_file_limit();
    stop_on_signals();
    h.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    h.all = calloc(h.count, sizeof(*h.all));
    while (h.over < (h.ending ? h.next_open : h.count)) {
        struct epoll_event events[256];
        tick(now_ns());
        int n = epoll_wait(h.epoll_fd, events, ARRAY_LEN(events), 5);
        for (int i = 0; i < n; i++)
            on_event(events[i].data.ptr);
    }
    return summary();
}
