// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mutates packets into the data path for FUZZ_SECONDS and checks what must hold for any packet: a
 * known verdict, the same length, no byte changed that needn't be, checksums that were right still
 * right, and what is for no service untouched. FS_SEED repeats a run. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checksum.h"
#include "data_path.h"
#include "dissect.h"
#include "host.h"
#include "mutate.h"
#include "tap.h"

#define POOLS(a, b, c)                                                                             \
    "mode: nat, baseline: v1, versions: [{name: v1, weight: 100%, backends: ['" a "', '" b "']}, " \
    "{name: v2, weight: 0%, backends: ['" c "']}]}\n"

/* A service is a line. */
/* clang-format off */
static const char fuzz_services[] =
    "services:\n"
    "  - {name: a4, vip: '10.0.0.1:80/tcp', affinity: flow, "
    POOLS("10.1.0.1:8080", "198.51.100.11:8080", "10.1.0.2:8080")
    "  - {name: a6, vip: '[fd00::1]:80/tcp', affinity: flow, "
    POOLS("[fd00:1::1]:8080", "[2001:db8:b::11]:8080", "[fd00:1::2]:8080")
    "  - {name: u4, vip: '10.0.0.1:53/udp', affinity: flow, "
    POOLS("10.1.0.1:5353", "198.51.100.11:5353", "10.1.0.2:5353")
    "  - {name: u6, vip: '[fd00::1]:53/udp', affinity: none, "
    POOLS("[fd00:1::1]:5353", "[2001:db8:b::11]:5353", "[fd00:1::2]:5353");
/* clang-format on */

/* The same for the checks: a VIP and its backends. */
#define BACKENDS 3
static const struct {
    uint8_t proto;
    const char *vip, *backends[BACKENDS];
} declared[] = {
    {IPPROTO_TCP, "10.0.0.1:80", {"10.1.0.1:8080", "198.51.100.11:8080", "10.1.0.2:8080"}},
    {IPPROTO_TCP,
     "[fd00::1]:80",
     {"[fd00:1::1]:8080", "[2001:db8:b::11]:8080", "[fd00:1::2]:8080"}},
    {IPPROTO_UDP, "10.0.0.1:53", {"10.1.0.1:5353", "198.51.100.11:5353", "10.1.0.2:5353"}},
    {IPPROTO_UDP,
     "[fd00::1]:53",
     {"[fd00:1::1]:5353", "[2001:db8:b::11]:5353", "[fd00:1::2]:5353"}},
};

#define SERVICES (sizeof(declared) / sizeof(*declared))

static unsigned cl0;
static struct end vips[SERVICES], backends[SERVICES][BACKENDS], ends[SERVICES * (BACKENDS + 1)];

static bool same(const struct end *a, const struct end *b)
{
    return a->family == b->family && a->port == b->port && !memcmp(a->addr, b->addr, 16);
}

static bool has_proto(size_t service, const struct packet_parts *parts)
{
    return (declared[service].proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP) == parts->kind;
}

/* The service whose VIP this is, or -1. */
static int vip_of(const struct packet_parts *parts, const struct end *end)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (has_proto(i, parts) && same(end, &vips[i]))
            return (int)i;
    return -1;
}

/* The service one of whose backends this is, or -1. */
static int pool_of(const struct packet_parts *parts, const struct end *end)
{
    for (size_t i = 0; i < SERVICES; i++)
        for (size_t k = 0; k < BACKENDS; k++)
            if (has_proto(i, parts) && same(end, &backends[i][k]))
                return (int)i;
    return -1;
}

/* One run, and all that is known of the packet. */
struct attempt {
    enum program program;
    enum verdict verdict;
    struct frame in, out;
    struct packet_parts parts, quote;
};

static bool is_for_host(const struct attempt *at)
{
    return host_shows_itself() ? !memcmp(at->in.data, MAC_HOST, sizeof(MAC_HOST))
                               : !(at->in.data[0] & 1);
}

/* May the data path change this packet? */
static bool concerned(const struct attempt *at)
{
    bool out = at->program == TC_EGRESS;
    int service;

    if (at->program == XDP_LEARN || at->program == TC_LEARN)
        return false;
    if (!out && !is_for_host(at))
        return false;
    if (at->parts.kind == KIND_ICMP_ERROR) {
        if (out)
            return pool_of(&at->quote, &at->quote.to) >= 0;
        service = vip_of(&at->quote, &at->quote.from);
        return service >= 0 && !memcmp(at->parts.to.addr, vips[service].addr, 16);
    }
    return (!out && vip_of(&at->parts, &at->parts.to) >= 0) ||
           pool_of(&at->parts, &at->parts.from) >= 0;
}

static void allow(uint8_t *may, size_t at, size_t bytes)
{
    memset(may + at, 1, bytes);
}

/* Marks the addresses, ports and checksums of a packet. */
static void allow_packet(uint8_t *may, const struct packet_parts *parts, bool ttl)
{
    bool v4 = parts->from.family == 4;

    allow(may, parts->ip_at + (v4 ? 12 : 8), v4 ? 8 : 32);
    if (v4)
        allow(may, parts->ip_at + 10, 2);
    if (ttl)
        allow(may, parts->ip_at + (v4 ? 8 : 7), 1);
    if (parts->kind == KIND_ICMP_ERROR) {
        allow(may, parts->transport_at + 2, 2);
        return;
    }
    allow(may, parts->transport_at, 4);
    allow(may, parts->transport_at + (parts->kind == KIND_TCP ? 16 : 6), 2);
}

static void check_changes(const struct attempt *at)
{
    bool sent = at->verdict == FORWARD || at->verdict == BACK;
    uint8_t may[MUTATE_MAX + 256] = {0};

    if (sent)
        allow(may, 0, 12);
    allow_packet(may, &at->parts, sent);
    if (at->parts.kind == KIND_ICMP_ERROR)
        allow_packet(may, &at->quote, false);
    /* What is behind the packet's end isn't its own, even where a quoted checksum would be. */
    if (at->parts.ip_end < sizeof(may))
        memset(may + at->parts.ip_end, 0, sizeof(may) - at->parts.ip_end);
    for (size_t i = 0; i < at->in.bytes; i++)
        if (!may[i] &&
            !check(at->in.data[i] == at->out.data[i], "byte %zu was changed from %02x to %02x", i,
                   at->in.data[i], at->out.data[i]))
            return;
}

/* What was for a service has to be for one of its backends now. */
static bool steered(const struct attempt *at)
{
    int service = vip_of(&at->parts, &at->parts.to);
    struct packet_parts now;

    if (at->program == TC_EGRESS || service < 0 || !is_for_host(at))
        return true;
    dissect(at->out.data, at->out.bytes, &now);
    return pool_of(&now, &now.to) == service && same(&now.from, &at->parts.from);
}

/* Either as it was, or from a VIP instead of its backend. */
static bool restored(const struct attempt *at)
{
    int service = pool_of(&at->parts, &at->parts.from);
    struct packet_parts now;

    if (service < 0 || (at->program != TC_EGRESS && vip_of(&at->parts, &at->parts.to) >= 0))
        return true;
    dissect(at->out.data, at->out.bytes, &now);
    return same(&now.to, &at->parts.to) &&
           (same(&now.from, &at->parts.from) || vip_of(&now, &now.from) == service);
}

static void check_attempt(const struct attempt *at)
{
    unsigned wrong;

    if (at->verdict == DROP && at->parts.proto == IPPROTO_TCP &&
        (at->in.data[at->parts.transport_at + 13] & (RST | ACK)) == RST)
        return; /* of a bucket's former owner: see bpf/flows.bpf.h, flow_note_stray() */
    check(at->verdict == PASS ||
              (at->program != TC_EGRESS && (at->verdict == FORWARD || at->verdict == BACK)),
          "the verdict is %s", verdict_names[at->verdict]);
    if (!check(at->out.bytes == at->in.bytes, "the length changed from %zu to %zu", at->in.bytes,
               at->out.bytes))
        return;
    if (!concerned(at)) {
        check(at->verdict == PASS, "a packet for no service didn't pass");
        check(!memcmp(at->in.data, at->out.data, at->in.bytes),
              "a packet for no service was changed");
        return;
    }
    check_changes(at);
    check(steered(at), "it didn't go to a backend of its service");
    check(restored(at), "its source is neither a VIP nor what it was");
    wrong =
        wrong_checksums(at->out.data, at->out.bytes) & ~wrong_checksums(at->in.data, at->in.bytes);
    check(!wrong, "checksums have become wrong: %x", wrong);
}

static const char *const clients[] = {"192.0.2.10:40000", "[2001:db8:c::10]:40000",
                                      "100.64.3.4:999", "[2001:db8:f::9]:999"};

/* A right packet: to a VIP, from or to a backend, or an error about one of these. */
static void random_packet(struct frame *frame)
{
    static const char *const headers[] = {NULL, NULL, NULL, "h", "hd", "f", "a", "rdh"};
    static const uint8_t flags[] = {SYN, SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK};
    size_t number = host_random() % SERVICES;
    const char *client = clients[(number & 1) + 2 * (host_random() % 2)];
    const char *ours = host_random() % 2 ? declared[number].vip
                                         : declared[number].backends[host_random() % BACKENDS];
    bool reply = host_random() % 2, v6 = number & 1;
    struct spec spec = {.from = reply ? ours : client,
                        .to = reply ? client : ours,
                        .proto = declared[number].proto,
                        .tcp_flags = flags[host_random() % sizeof(flags)],
                        .payload = (uint16_t)(host_random() % 200),
                        .no_check = !v6 && host_random() % 8 == 0,
                        .ip_options = v6 || host_random() % 4 ? 0 : 4 * (host_random() % 10),
                        .extension = headers[host_random() % 8],
                        .padding = host_random() % 4 ? 0 : host_random() % 40,
                        .tags = host_random() % 4 ? 0 : 1 + host_random() % 2};
    struct spec error = {.from = spec.to,
                         .to = spec.from,
                         .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
                         .icmp_type = v6 ? 1 + host_random() % 4 : 3,
                         .quote = &spec,
                         .quote_bytes = host_random() % 2 ? 8 : 0,
                         .padding = host_random() % 4 ? 0 : host_random() % 40};

    frame_build(host_random() % 4 ? &spec : &error, frame);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Runs a frame through a program. Returns false if the kernel takes no such frame. */
static bool attempt(struct attempt *at, bool *right)
{
    struct run run = {.program = at->program, .ifindex = cl0, .came_in_by = host_random() % 2};
    int err = data_path_try(&run, &at->in, &at->out, &at->verdict, NULL);
    unsigned before = test_wrong();

    if (err == -EINVAL && at->in.bytes < 14 + 40)
        return false;
    check(!err, "it can't be run: %s", strerror(-err));
    check_attempt(at);
    *right = test_wrong() == before;
    if (!*right) {
        note("program %s, verdict %s", program_names[at->program], verdict_names[at->verdict]);
        frame_note("before", at->in.data, at->in.bytes);
        frame_note("after", at->out.data, at->out.bytes);
    }
    return true;
}

int main(void)
{
    const char *given = getenv("FUZZ_SECONDS");
    uint64_t until, count = 0, touched = 0;
    static struct attempt at;
    bool right = true;

    for (size_t i = 0; i < SERVICES; i++) {
        ends[i] = vips[i] = end_of(declared[i].vip);
        for (size_t k = 0; k < BACKENDS; k++)
            ends[SERVICES + i * BACKENDS + k] = backends[i][k] = end_of(declared[i].backends[k]);
    }
    host_start(fuzz_services);
    cl0 = host_interface("cl0");
    for (size_t i = 0; i < 4; i++) /* buckets that move: the flow tables have a say */
        flowsplit("set %s v2=50%%", (const char *[]){"a4", "a6", "u4", "u6"}[i]);
    test_begin("whatever packet comes, its fate is lawful");
    until = now_ns() + (given ? strtoull(given, NULL, 10) : 20) * 1000000000;
    while (right && now_ns() < until) {
        random_packet(&at.in);
        if (host_random() % 8)
            mutate(&at.in, ends, SERVICES * (BACKENDS + 1));
        if (host_random() % 2)
            mend_checksums(at.in.data, at.in.bytes);
        dissect(at.in.data, at.in.bytes, &at.parts);
        memset(&at.quote, 0, sizeof(at.quote));
        if (at.parts.kind == KIND_ICMP_ERROR)
            dissect_quote(at.in.data, at.in.bytes, &at.parts, &at.quote);
        for (at.program = 0; right && at.program < PROGRAM_COUNT; at.program++) {
            if (!attempt(&at, &right))
                continue;
            count++;
            touched += memcmp(at.in.data, at.out.data, at.in.bytes) != 0;
        }
    }
    note("%llu packets, of which %llu were rewritten", (unsigned long long)count,
         (unsigned long long)touched);
    check(touched > 100, "hardly any packet was rewritten");
    test_end();
    return tests_done();
}
