// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fragments follow their first, which is steered and restored like any packet. What a fragment must
 * have become is cut from the whole packet that the backend or the client must get. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "checksum.h"
#include "fixture.h"
#include "host.h"
#include "pieces.h"
#include "pinned.h"
#include "tap.h"

#include <bpf/bpf.h>

static int fragments;
static uint32_t last_id = 0x4200;

/* A way of a packet that is too big. */
struct way {
    const char *name;
    unsigned programs;
    const char *from, *to;           /* as it comes */
    const char *from_then, *to_then; /* as it must go; NULL: the same */
    uint8_t proto;
    const char *by, *via; /* interfaces; via NULL: up the stack, or on its way out */
    unsigned neighbour;
    enum fs_reason reason;
    const char *extension;
    uint8_t ip_options, tags;
};

#define TO_LOCAL(name, from, vip, backend, ...)                                             \
    {                                                                                       \
        name, INGRESS, from, vip, NULL, backend, .by = "cl0", .reason = FS_REASON_TO_LOCAL, \
                                                 __VA_ARGS__                                \
    }
#define TO_REMOTE(name, from, vip, backend, ...)                                               \
    {                                                                                          \
        name, INGRESS, from, vip, NULL, backend, .by = "cl0", .via = "be0", .neighbour = 11,   \
                                                 .reason = FS_REASON_TO_INTERFACE, __VA_ARGS__ \
    }
#define FROM_LOCAL(name, backend, to, vip, ...)                                              \
    {                                                                                        \
        name, EGRESS, backend, to, vip, NULL, .by = "cl0", .reason = FS_REASON_REPLY_EGRESS, \
                                              __VA_ARGS__                                    \
    }
#define FROM_REMOTE(name, backend, to, vip, ...)                                              \
    {                                                                                         \
        name, INGRESS, backend, to, vip, NULL, .by = "be0", .via = "cl0", .neighbour = 10,    \
                                               .reason = FS_REASON_REPLY_INGRESS, __VA_ARGS__ \
    }
#define TCP .proto = 0
#define UDP .proto = IPPROTO_UDP

static const struct way ways[] = {
    TO_LOCAL("TCP over IPv4 to a local backend", CLIENT4, LOCAL4_VIP, LOCAL4_BACKEND, TCP),
    TO_LOCAL("TCP over IPv6 to a local backend", CLIENT6, LOCAL6_VIP, LOCAL6_BACKEND, TCP),
    TO_LOCAL("UDP over IPv4 to a local backend", CLIENT4, LOCAL4_UDP_VIP, LOCAL4_UDP_BACKEND, UDP),
    TO_LOCAL("UDP over IPv6 to a local backend", CLIENT6, LOCAL6_UDP_VIP, LOCAL6_UDP_BACKEND, UDP),
    TO_LOCAL("TCP over IPv6 with headers", CLIENT6, LOCAL6_VIP, LOCAL6_BACKEND, TCP,
             .extension = "hd"),
    TO_LOCAL("UDP over IPv4 with options", CLIENT4, LOCAL4_UDP_VIP, LOCAL4_UDP_BACKEND, UDP,
             .ip_options = 12),
    TO_LOCAL("tagged UDP over IPv6", CLIENT6, LOCAL6_UDP_VIP, LOCAL6_UDP_BACKEND, UDP, .tags = 2),
    TO_REMOTE("TCP over IPv4 to a remote backend", CLIENT4, REMOTE4_VIP, REMOTE4_BACKEND, TCP),
    TO_REMOTE("TCP over IPv6 to a remote backend", CLIENT6, REMOTE6_VIP, REMOTE6_BACKEND, TCP),
    TO_REMOTE("UDP over IPv4 to a remote backend", CLIENT4, REMOTE4_UDP_VIP, REMOTE4_UDP_BACKEND,
              UDP),
    TO_REMOTE("UDP over IPv6 to a remote backend", CLIENT6, REMOTE6_UDP_VIP, REMOTE6_UDP_BACKEND,
              UDP),
    FROM_LOCAL("TCP over IPv4 from a local backend", LOCAL4_BACKEND, CLIENT4, LOCAL4_VIP, TCP),
    FROM_LOCAL("TCP over IPv6 from a local backend", LOCAL6_BACKEND, CLIENT6, LOCAL6_VIP, TCP),
    FROM_LOCAL("UDP over IPv4 from a local backend", LOCAL4_UDP_BACKEND, CLIENT4, LOCAL4_UDP_VIP,
               UDP),
    FROM_LOCAL("UDP over IPv6 from a local backend", LOCAL6_UDP_BACKEND, CLIENT6, LOCAL6_UDP_VIP,
               UDP),
    FROM_REMOTE("TCP over IPv4 from a remote backend", REMOTE4_BACKEND, CLIENT4, REMOTE4_VIP, TCP),
    FROM_REMOTE("TCP over IPv6 from a remote backend", REMOTE6_BACKEND, CLIENT6, REMOTE6_VIP, TCP),
    FROM_REMOTE("UDP over IPv4 from a remote backend", REMOTE4_UDP_BACKEND, CLIENT4,
                REMOTE4_UDP_VIP, UDP),
    FROM_REMOTE("UDP over IPv6 from a remote backend", REMOTE6_UDP_BACKEND, CLIENT6,
                REMOTE6_UDP_VIP, UDP),
};

/* Those of which more is asked: one of each family and protocol. */
static const struct way *const local[] = {&ways[0], &ways[1], &ways[2], &ways[3]};

static void build(const struct way *way, bool then, struct frame *whole)
{
    struct hop at = host_hop(way->by, 11);
    struct spec spec = {.from = then && way->from_then ? way->from_then : way->from,
                        .to = then && way->to_then ? way->to_then : way->to,
                        .proto = way->proto,
                        .payload = 901,
                        .tcp_options = way->proto ? 0 : 12,
                        .extension = way->extension,
                        .ip_options = way->ip_options,
                        .tags = way->tags,
                        .to_mac = at.from};

    if (then && way->via) {
        at = host_hop(way->via, way->neighbour);
        spec.to_mac = at.to;
        spec.from_mac = at.from;
        spec.ttl = 63;
    }
    frame_build(&spec, whole);
}

/* Runs a fragment, which must be as it was or (`goes`) where the packet is to go. */
static void fragment_run(const struct way *way, enum program program, const struct piece *piece,
                         bool goes, enum fs_reason reason, bool follows)
{
    struct run run = {.program = program, .ifindex = host_interface(way->by)};
    static struct frame whole, in, out, wished;
    enum verdict verdict, wanted = goes && way->via ? FORWARD : PASS;
    uint64_t before[FS_REASON_COUNT];
    int err;

    build(way, false, &whole);
    piece_cut(&whole, piece, &in);
    build(way, goes, &whole);
    piece_cut(&whole, piece, &wished);
    reasons_read(before);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == wanted, "the verdict is %s instead of %s", verdict_names[verdict],
          verdict_names[wanted]);
    check_frame(&out, &wished);
    check_reasons(before, reason, 1, follows ? (int)FS_REASON_FRAGMENT_FOLLOWED : -1, 1, -1);
    if (program_is_xdp(program))
        return;
    run.complete = true;
    err = data_path_try(&run, &in, &out, &verdict, NULL);
    check(!err || err == -EINVAL, "lost track of the card's sum of the packet");
}

static void first(const struct way *way, enum program program, uint32_t id)
{
    fragment_run(way, program, &(struct piece){0, 64, id}, true, way->reason, false);
}

static void later(const struct way *way, enum program program, uint32_t id)
{
    fragment_run(way, program, &(struct piece){64, 400, id}, true, way->reason, true);
    fragment_run(way, program, &(struct piece){464, 0, id}, true, way->reason, true);
}

/* What isn't to be touched. */
static void left(const struct way *way, enum program program, unsigned at, unsigned bytes,
                 uint32_t id, enum fs_reason reason)
{
    fragment_run(way, program, &(struct piece){at, bytes, id}, false, reason, false);
}

static void follow(const struct way *way, enum program program)
{
    uint32_t id = ++last_id;

    test_begin("fragments follow their first: %s (%s)", way->name, program_names[program]);
    first(way, program, id);
    later(way, program, id);
    test_end();

    test_begin("one that comes before the first is left to the stack: %s (%s)", way->name,
               program_names[program]);
    id = ++last_id;
    left(way, program, 464, 0, id, FS_REASON_FRAGMENT);
    first(way, program, id);
    left(way, program, 464, 0, id + 0x1000, FS_REASON_FRAGMENT);
    test_end();
}

static void change(uint32_t id, unsigned seconds)
{
    struct fs_fragment_key key, *from = NULL, next;
    struct fs_fragment value;

    for (; !bpf_map_get_next_key(fragments, from, &next); from = &key) {
        key = next;
        if (__builtin_bswap32(key.id_be) != id && __builtin_bswap16((uint16_t)key.id_be) != id)
            continue;
        if (bpf_map_lookup_elem(fragments, &key, &value))
            give_up("cannot read an entry");
        value.seen -= seconds * 15;
        bpf_map_update_elem(fragments, &key, &value, BPF_ANY);
        return;
    }
    check(false, "no entry for fragments %x", id);
}

static void in_time(const struct way *way, enum program program)
{
    uint32_t id = ++last_id;

    test_begin("fragments follow their first for 30 s: %s (%s)", way->name, program_names[program]);
    first(way, program, id);
    change(id, 28);
    later(way, program, id);
    change(id, 4);
    left(way, program, 464, 0, id, FS_REASON_FRAGMENT);
    test_end();
}

/* RFC 1858. */
static void attackers_fragments(const struct way *way, enum program program)
{
    uint32_t id = ++last_id;

    test_begin("a first TCP fragment without all of its header passes untouched: %s (%s)",
               way->name, program_names[program]);
    left(way, program, 0, 16, id, FS_REASON_MALFORMED);
    left(way, program, 0, 24, id, FS_REASON_MALFORMED); /* the options end behind it */
    left(way, program, 464, 0, id, FS_REASON_FRAGMENT);
    test_end();

    test_begin("a fragment that would overwrite the TCP header passes untouched: %s (%s)",
               way->name, program_names[program]);
    id = ++last_id;
    first(way, program, id);
    left(way, program, 8, 80, id, FS_REASON_MALFORMED);
    left(way, program, 16, 80, id, FS_REASON_MALFORMED);
    later(way, program, id);
    test_end();
}

/* In the name of a backend on this host, from outside. */
static void forged(const struct way *way, enum program program)
{
    struct way comes = *way;
    uint32_t id = ++last_id;

    comes.from = way->to_then;
    comes.to = way->from;
    comes.to_then = NULL;
    test_begin("fragments in a local backend's name leave nothing, and pass untouched: %s (%s)",
               way->name, program_names[program]);
    left(&comes, program, 0, 64, id, FS_REASON_FORGED_SOURCE);
    left(&comes, program, 464, 0, id, FS_REASON_FRAGMENT);
    left(&comes, TC_EGRESS, 464, 0, id, FS_REASON_FRAGMENT);
    comes.reason = FS_REASON_REPLY_EGRESS;
    comes.from_then = way->to;
    first(&comes, TC_EGRESS, id);
    left(&comes, program, 464, 0, id, FS_REASON_FORGED_SOURCE);
    later(&comes, TC_EGRESS, id);
    test_end();
}

static unsigned entries(void)
{
    struct fs_fragment_key key, *from = NULL;
    unsigned count = 0;

    for (; !bpf_map_get_next_key(fragments, from, &key); from = &key)
        count++;
    return count;
}

static void for_no_service(enum program program)
{
    static const struct way no_service = {"",   0,    CLIENT4,     "10.0.0.77:9",
                                          NULL, NULL, .by = "cl0", .proto = IPPROTO_UDP};
    unsigned before = entries();

    test_begin("fragments for no service pass untouched and leave nothing (%s)",
               program_names[program]);
    left(&no_service, program, 0, 64, 7, FS_REASON_NO_SERVICE);
    left(&no_service, program, 464, 0, 7, FS_REASON_FRAGMENT);
    check_number(entries(), before, "entries of fragments");
    test_end();
}

/* More first fragments, from clients that don't exist, than there is room for. */
static void flood(const struct way *way, enum program program)
{
    struct run run = {.program = program, .ifindex = host_interface("cl0")};
    unsigned count = host_is_slow() ? 70000 : 150000;
    static struct frame whole, in, out;
    uint32_t id = ++last_id;

    test_begin("a flood of first fragments takes no more than its room, and new ones are followed: "
               "%s (%s)",
               way->name, program_names[program]);
    for (unsigned i = 0; i < count; i++) {
        if (i % 1000 == 0) {
            build(way, false, &whole);
            piece_cut(&whole, &(struct piece){0, 64, i / 1000}, &in);
        }
        in.data[14 + 13] = (uint8_t)(i >> 8); /* the source; its checksum matters to nobody here */
        in.data[14 + 14] = (uint8_t)i;
        in.data[14 + 15] = (uint8_t)(i >> 16);
        data_path_run(&run, &in, &out);
    }
    check(entries() <= 1 << 16, "%u entries of fragments", entries());
    check_entries(0, 0, 0);
    first(way, program, id);
    later(way, program, id);
    test_end();
}

int main(void)
{
    host_start(services);
    fragments = pinned_open(host_pin_dir(), "maps", "fragments");
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        for (int program = 0; program < PROGRAM_COUNT; program++)
            if (ways[i].programs & 1u << program)
                follow(&ways[i], program);
    for (int i = 0; i < 4; i++) {
        for (int program = XDP_INGRESS; program <= TC_INGRESS; program++) {
            in_time(local[i], program);
            forged(local[i], program);
            if (!local[i]->proto)
                attackers_fragments(local[i], program);
        }
    }
    for (int program = XDP_INGRESS; program <= TC_EGRESS; program++)
        for_no_service(program);
    flood(local[0], XDP_INGRESS);
    return tests_done();
}
