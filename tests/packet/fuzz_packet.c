// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mutates packets into the data path and compares what becomes of them, byte for byte, with what
 * the model says. FS_SEED repeats a run. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checksum.h"
#include "data_path.h"
#include "host.h"
#include "model.h"
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

/* The same for the model, in the same order: a VIP and its backends. */
static const struct {
    uint8_t proto;
    const char *vip, *backends[MODEL_BACKENDS];
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
#define ENDS     (SERVICES * (MODEL_BACKENDS + 1))

static struct model_service services[SERVICES];
static struct end ends[ENDS];
static unsigned cl0;

static void declare(void)
{
    struct end *end = ends;

    for (size_t i = 0; i < SERVICES; i++) {
        services[i].proto = declared[i].proto;
        services[i].vip = *end++ = end_of(declared[i].vip);
        for (size_t k = 0; k < MODEL_BACKENDS; k++)
            services[i].backends[k] = *end++ = end_of(declared[i].backends[k]);
    }
    model_begin(services, SERVICES);
}

/* One run, and all that is known of the packet. */
struct attempt {
    struct model_case is;
    enum verdict verdict;
    struct frame in, out;
    bool changed;
};

static bool is_for_host(const struct frame *in)
{
    return host_shows_itself() ? !memcmp(in->data, MAC_HOST, sizeof(MAC_HOST)) : !(in->data[0] & 1);
}

static void check_attempt(struct attempt *at)
{
    unsigned wrong;

    check(model_allows(&at->is, at->verdict, &at->out, &at->changed),
          "that is none of its lawful fates");
    wrong =
        wrong_checksums(at->out.data, at->out.bytes) & ~wrong_checksums(at->in.data, at->in.bytes);
    check(!wrong, "checksums have become wrong: %x", wrong);
}

static const char *const clients[] = {"192.0.2.10:40000", "[2001:db8:c::10]:40000",
                                      "100.64.3.4:999", "[2001:db8:f::9]:999"};

/* A right packet: to a VIP, from or to a backend, or an error about one of these. */
static void random_packet(struct frame *frame)
{
    static const char *const headers[] = {NULL, "f", "f", "h", "hd", "f", "a", "rdh"};
    static const uint16_t parts4[] = {0, 0, 0x2000, 0x2004, 0x0004}, parts6[] = {0, 0, 1, 33, 32};
    static const uint8_t flags[] = {SYN, SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK};
    size_t number = host_random() % SERVICES;
    const char *client = clients[(number & 1) + 2 * (host_random() % 2)];
    const char *ours = host_random() % 2
                           ? declared[number].vip
                           : declared[number].backends[host_random() % MODEL_BACKENDS];
    bool reply = host_random() % 2, v6 = number & 1;
    struct spec spec = {.from = reply ? ours : client,
                        .to = reply ? client : ours,
                        .proto = declared[number].proto,
                        .tcp_flags = flags[host_random() % sizeof(flags)],
                        .payload = (uint16_t)(host_random() % 200),
                        .no_check = !v6 && host_random() % 8 == 0,
                        .ip_options = v6 || host_random() % 4 ? 0 : 4 * (host_random() % 10),
                        .extension = headers[host_random() % 8],
                        .fragment = (v6 ? parts6 : parts4)[host_random() % 5],
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
    enum program program = at->is.program;
    struct run run = {.program = program, .ifindex = cl0, .came_in_by = host_random() % 2};
    int err = data_path_try(&run, &at->in, &at->out, &at->verdict, NULL);
    unsigned before = test_wrong();

    if (err == -EINVAL && at->in.bytes < 14 + 40)
        return false;
    check(!err, "it can't be run: %s", strerror(-err));
    check_attempt(at);
    *right = test_wrong() == before;
    if (!*right) {
        note("program %s, verdict %s", program_names[program], verdict_names[at->verdict]);
        frame_note("before", at->in.data, at->in.bytes);
        frame_note("after", at->out.data, at->out.bytes);
    }
    return true;
}

static void next_packet(struct attempt *at)
{
    random_packet(&at->in);
    if (host_random() % 8)
        mutate(&at->in, ends, ENDS);
    if (host_random() % 2)
        mend_checksums(at->in.data, at->in.bytes);
    at->is = (struct model_case){
        .program = host_random() % PROGRAM_COUNT, .in = &at->in, .for_host = is_for_host(&at->in)};
    dissect(at->in.data, at->in.bytes, &at->is.parts);
    if (at->is.parts.kind == KIND_ICMP_ERROR)
        dissect_quote(at->in.data, at->in.bytes, &at->is.parts, &at->is.quote);
}

/* For FUZZ_SECONDS, or as many packets as FUZZ_PACKETS says. */
static bool go_on(uint64_t packets, uint64_t begun)
{
    const char *seconds = getenv("FUZZ_SECONDS"), *wished = getenv("FUZZ_PACKETS");

    if (seconds)
        return now_ns() - begun < strtoull(seconds, NULL, 10) * 1000000000;
    return packets < (wished ? strtoull(wished, NULL, 10) : host_is_slow() ? 20000 : 1000000);
}

int main(void)
{
    uint64_t begun, packets = 0, changed = 0;
    static struct attempt at;
    bool right = true;

    declare();
    host_start(fuzz_services);
    cl0 = host_interface("cl0");
    for (size_t i = 0; i < SERVICES; i++) /* buckets that move: the flow tables have a say */
        flowsplit("set %s v2=50%%", (const char *[]){"a4", "a6", "u4", "u6"}[i]);
    test_begin("whatever packet comes, it becomes what the model says, byte for byte");
    for (begun = now_ns(); right && go_on(packets, begun); packets++) {
        next_packet(&at);
        if (attempt(&at, &right))
            changed += at.changed;
    }
    note("%llu packets, of which %llu were changed", (unsigned long long)packets,
         (unsigned long long)changed);
    check(changed > packets / 100, "hardly any packet was changed");
    test_end();
    return tests_done();
}
