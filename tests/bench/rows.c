// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rows of the table: which program runs over which packet, and what it is compared with. */
#include "bench.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#define CLIENT4 "10.64.0.1:40000"
#define CLIENT6 "[2001:db8:3::1]:40000"

/* VIPs, see object.c. Whatever replies for a mirror has its VIP as source. */
#define NEAR4   "198.51.100.3:80"
#define NEAR6   "[2001:db8::3]:80"
#define FAR4    "198.51.100.4:80"
#define FAR6    "[2001:db8::4]:80"
#define MOVING4 "198.51.100.5:80"
#define UDP4    "198.51.100.6:53"
#define DNS4    "198.51.100.7:53"
#define REAL4   "198.51.100.1:80"

#define TCP_ESTABLISHED IPPROTO_TCP, TCP_ACK_FLAG
#define TCP_FIRST       IPPROTO_TCP, TCP_SYN_FLAG
#define UDP_ANY         IPPROTO_UDP, 0

#define CLIENT {.client = true}
#define MACS   {.macs = true}
#define SAME   {.client = false}

#define PASSES     XDP_PASS, NOTHING
#define TO_LOCAL   XDP_PASS, FS_REASON_TO_LOCAL
#define FORWARDED  XDP_REDIRECT, FS_REASON_TO_INTERFACE
#define NO_SERVICE XDP_PASS, FS_REASON_NO_SERVICE
#define TC(reason) TC_ACT_UNSPEC, FS_REASON_##reason

#define ROW(id, text, kind, program, source, dest, what, ...)                                      \
    {id, text, ROW_##kind, program, {source, dest, what}, __VA_ARGS__}

const struct row rows[] = {
    /* XDP: what nothing can be faster than, and the work around the programs */
    ROW("xdp-empty", "XDP: empty program", BASELINE, "bench_xdp_empty", CLIENT4, NEAR4,
        TCP_ESTABLISHED, PASSES, SAME, NULL, NULL, NULL),
    ROW("xdp-swap", "XDP: parse, swap MACs, transmit", BASELINE, "bench_xdp_swap", CLIENT4, NEAR4,
        TCP_ESTABLISHED, XDP_TX, NOTHING, MACS, "xdp-empty", NULL, NULL),
    ROW("xdp-nat4", "XDP: floor: parse, rewrite, v4", BASELINE, "bench_xdp_nat4", CLIENT4, NEAR4,
        TCP_ESTABLISHED, PASSES, SAME, "xdp-empty", NULL, NULL),
    ROW("xdp-nat6", "XDP: floor: parse, rewrite, v6", BASELINE, "bench_xdp_nat6", CLIENT6, NEAR6,
        TCP_ESTABLISHED, PASSES, SAME, "xdp-empty", NULL, NULL),
    ROW("xdp-fib4", "XDP: floor: parse, FIB, rewrite, v4", BASELINE, "bench_xdp_fib4", CLIENT4,
        NEAR4, TCP_ESTABLISHED, XDP_REDIRECT, NOTHING, MACS, "xdp-empty", NULL, NULL),
    ROW("xdp-parse", "XDP: the product's parser alone", BASELINE, "bench_xdp_parse", CLIENT4, NEAR4,
        TCP_ESTABLISHED, PASSES, SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("xdp-vary4", "XDP: wrapper: next client, v4", WRAPPER, "bench_xdp_vary4_alone", CLIENT4,
        NEAR4, TCP_ESTABLISHED, PASSES, CLIENT, "xdp-empty", NULL, NULL),
    ROW("xdp-vary6", "XDP: wrapper: next client, v6", WRAPPER, "bench_xdp_vary6_alone", CLIENT6,
        NEAR6, TCP_ESTABLISHED, PASSES, CLIENT, "xdp-empty", NULL, NULL),
    ROW("xdp-undo4", "XDP: wrapper: undo a rewrite, v4", WRAPPER, "bench_xdp_undo4_alone", CLIENT4,
        REAL4, TCP_ESTABLISHED, PASSES, SAME, "xdp-empty", NULL, NULL),
    ROW("xdp-ttl4", "XDP: wrapper: undo a step of the TTL, v4", WRAPPER, "bench_xdp_ttl4_alone",
        CLIENT4, FAR4, TCP_ESTABLISHED, XDP_REDIRECT, NOTHING, SAME, "xdp-empty", NULL, NULL),
    ROW("xdp-ttl6", "XDP: wrapper: undo a step of the TTL, v6", WRAPPER, "bench_xdp_ttl6_alone",
        CLIENT6, FAR6, TCP_ESTABLISHED, XDP_REDIRECT, NOTHING, SAME, "xdp-empty", NULL, NULL),

    /* XDP: to local backends */
    ROW("tcp4", "established TCP v4", STEERED, "xdp_ingress", CLIENT4, NEAR4, TCP_ESTABLISHED,
        TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("tcp4-undone", "the same, really rewritten and undone", STEERED, "bench_xdp_undo4", CLIENT4,
        REAL4, TCP_ESTABLISHED, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", "xdp-undo4"),
    ROW("tcp4-million", "established TCP v4, a million flows", STEERED, "bench_xdp_vary4", CLIENT4,
        NEAR4, TCP_ESTABLISHED, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-vary4"),
    ROW("tcp6", "established TCP v6", STEERED, "xdp_ingress", CLIENT6, NEAR6, TCP_ESTABLISHED,
        TO_LOCAL, SAME, "xdp-empty", "xdp-nat6", NULL),
    ROW("tcp6-million", "established TCP v6, a million flows", STEERED, "bench_xdp_vary6", CLIENT6,
        NEAR6, TCP_ESTABLISHED, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat6", "xdp-vary6"),
    ROW("syn4", "SYN v4, settled bucket", STEERED, "xdp_ingress", CLIENT4, NEAR4, TCP_FIRST,
        TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("syn4-million", "SYN v4, settled, a million sources", STEERED, "bench_xdp_vary4", CLIENT4,
        NEAR4, TCP_FIRST, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-vary4"),
    ROW("syn4-moving", "SYN v4, moving bucket, repeated", STEERED, "xdp_ingress", CLIENT4, MOVING4,
        TCP_FIRST, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("syn4-moving-million", "SYN v4, moving, a million sources", STEERED, "bench_xdp_vary4",
        CLIENT4, MOVING4, TCP_FIRST, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-vary4"),
    ROW("tcp4-moving", "established TCP v4, moving bucket", STEERED, "xdp_ingress", CLIENT4,
        MOVING4, TCP_ESTABLISHED, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("udp4", "UDP v4, affinity flow", STEERED, "xdp_ingress", CLIENT4, UDP4, UDP_ANY, TO_LOCAL,
        SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("udp4-million", "UDP v4, affinity flow, a million flows", STEERED, "bench_xdp_vary4",
        CLIENT4, UDP4, UDP_ANY, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-vary4"),
    ROW("dns4", "UDP v4, affinity none", STEERED, "xdp_ingress", CLIENT4, DNS4, UDP_ANY, TO_LOCAL,
        SAME, "xdp-empty", "xdp-nat4", NULL),
    ROW("dns4-million", "UDP v4, affinity none, a million flows", STEERED, "bench_xdp_vary4",
        CLIENT4, DNS4, UDP_ANY, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-vary4"),

    /* XDP: to and from remote backends, by the FIB */
    ROW("remote4", "established TCP v4, remote backend", STEERED, "bench_xdp_ttl4", CLIENT4, FAR4,
        TCP_ESTABLISHED, FORWARDED, MACS, "xdp-empty", "xdp-fib4", "xdp-ttl4"),
    ROW("remote6", "established TCP v6, remote backend", STEERED, "bench_xdp_ttl6", CLIENT6, FAR6,
        TCP_ESTABLISHED, FORWARDED, MACS, "xdp-empty", NULL, "xdp-ttl6"),
    ROW("reply-remote4", "reply v4 from a remote backend", STEERED, "bench_xdp_ttl4", FAR4, CLIENT4,
        TCP_ESTABLISHED, XDP_REDIRECT, FS_REASON_REPLY_INGRESS, MACS, "xdp-empty", "xdp-fib4",
        "xdp-ttl4"),

    /* XDP: what is none of ours */
    ROW("none4", "for no service, port not in use, v4", STEERED, "xdp_ingress", CLIENT4,
        "198.51.100.99:443", TCP_ESTABLISHED, NO_SERVICE, SAME, "xdp-empty", "xdp-swap", NULL),
    ROW("none4-port", "for no service, a service's port, v4", STEERED, "xdp_ingress", CLIENT4,
        "198.51.100.99:80", TCP_ESTABLISHED, NO_SERVICE, SAME, "xdp-empty", "xdp-swap", NULL),
    ROW("none6", "for no service, port not in use, v6", STEERED, "xdp_ingress", CLIENT6,
        "[2001:db8::99]:443", TCP_ESTABLISHED, NO_SERVICE, SAME, "xdp-empty", "xdp-swap", NULL),

    /* TC */
    ROW("tc-empty", "TC: empty program", BASELINE, "bench_tc_empty", CLIENT4, NEAR4,
        TCP_ESTABLISHED, TC_ACT_UNSPEC, NOTHING, SAME, NULL, NULL, NULL),
    ROW("tc-nat4", "TC: floor: parse, rewrite, v4", BASELINE, "bench_tc_nat4", CLIENT4, NEAR4,
        TCP_ESTABLISHED, TC_ACT_UNSPEC, NOTHING, SAME, "tc-empty", NULL, NULL),
    ROW("tc-vary4", "TC: wrapper: next client, v4", WRAPPER, "bench_tc_vary4_alone", CLIENT4, NEAR4,
        TCP_ESTABLISHED, TC_ACT_UNSPEC, NOTHING, CLIENT, "tc-empty", NULL, NULL),
    ROW("tc-tcp4", "TC ingress: established TCP v4", STEERED, "tc_ingress", CLIENT4, NEAR4,
        TCP_ESTABLISHED, TC(TO_LOCAL), SAME, "tc-empty", "tc-nat4", NULL),
    ROW("tc-tcp4-million", "TC ingress: the same, a million flows", STEERED, "bench_tc_vary4",
        CLIENT4, NEAR4, TCP_ESTABLISHED, TC(TO_LOCAL), CLIENT, "tc-empty", "tc-nat4", "tc-vary4"),
    ROW("tc-none4", "TC ingress: for no service, v4", STEERED, "tc_ingress", CLIENT4,
        "198.51.100.99:443", TCP_ESTABLISHED, TC(NO_SERVICE), SAME, "tc-empty", "tc-empty", NULL),
    ROW("egress-tcp4", "TC egress: reply, established v4", STEERED, "tc_egress", NEAR4, CLIENT4,
        TCP_ESTABLISHED, TC(REPLY_EGRESS), SAME, "tc-empty", "tc-nat4", NULL),
    ROW("egress-tcp6", "TC egress: reply, established v6", STEERED, "tc_egress", NEAR6, CLIENT6,
        TCP_ESTABLISHED, TC(REPLY_EGRESS), SAME, "tc-empty", NULL, NULL),
    ROW("egress-none4", "TC egress: from no backend, v4", STEERED, "tc_egress", "198.51.100.99:443",
        CLIENT4, TCP_ESTABLISHED, TC(NO_SERVICE), SAME, "tc-empty", "tc-empty", NULL),
};

const size_t row_count = sizeof(rows) / sizeof(rows[0]);

size_t row_find(const char *id)
{
    size_t i = 0;

    while (i < row_count && strcmp(rows[i].id, id) != 0)
        i++;
    return i;
}
