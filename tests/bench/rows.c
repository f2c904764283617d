// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rows of the table: which program runs over which packet, and what it is compared with. */
#include "bench.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#define CLIENT4 "10.64.0.1:40000"
#define CLIENT6 "[2001:db8:3::1]:40000"

/* VIPs and backends, see object.c. */
#define NEAR4      "198.51.100.1:80"
#define NEAR6      "[2001:db8::1]:80"
#define FAR4       "198.51.100.2:80"
#define FAR6       "[2001:db8::2]:80"
#define MOVING4    "198.51.100.3:80"
#define UDP4       "198.51.100.4:53"
#define DNS4       "198.51.100.5:53"
#define ALL4       "198.51.100.6:80"
#define NEAR4_BACK "10.1.1.1:8080"
#define NEAR6_BACK "[fd00:1::1]:8080"
#define FAR4_BACK  "203.0.113.11:8080"
#define FAR6_BACK  "[2001:db8:1::11]:8080"
#define NOBODY4    "198.51.100.99:443"
#define NOBODY6    "[2001:db8::99]:443"

#define TCP        IPPROTO_TCP, TCP_ACK_FLAG
#define SYN        IPPROTO_TCP, TCP_SYN_FLAG
#define UDP        IPPROTO_UDP, 0

#define PASSES     XDP_PASS, NOTHING
#define SWAPPED    XDP_TX, NOTHING
#define ROUTED     XDP_REDIRECT, NOTHING
#define TO_LOCAL   XDP_PASS, FS_REASON_TO_LOCAL
#define FORWARDED  XDP_REDIRECT, FS_REASON_TO_INTERFACE
#define REPLIED    XDP_REDIRECT, FS_REASON_REPLY_INGRESS
#define NO_SERVICE XDP_PASS, FS_REASON_NO_SERVICE
#define TC_PASSES  TC_ACT_UNSPEC, NOTHING
#define TC(reason) TC_ACT_UNSPEC, FS_REASON_##reason

#define SAME            \
    {                   \
        .client = false \
    }
#define CLIENT         \
    {                  \
        .client = true \
    }
#define MACS         \
    {                \
        .macs = true \
    }

#define BASELINE(id, text, program, source, dest, fate, may, empty, floor)                  \
    {                                                                                       \
        id, text, ROW_BASELINE, program, {source, dest, TCP}, fate, may, empty, floor, NULL \
    }
#define WRAPPER(id, text, program, source, dest, what, fate, may, empty)                   \
    {                                                                                      \
        id, text, ROW_WRAPPER, program, {source, dest, what}, fate, may, empty, NULL, NULL \
    }
#define STEERED(id, text, program, source, dest, what, fate, may, empty, floor, wrapper)       \
    {                                                                                          \
        id, text, ROW_STEERED, program, {source, dest, what}, fate, may, empty, floor, wrapper \
    }

const struct row rows[] = {
    BASELINE("xdp-empty", "XDP: empty program", "bench_xdp_empty", CLIENT4, NEAR4, PASSES, SAME,
             NULL, NULL),
    BASELINE("xdp-swap", "XDP: parse, swap MACs, transmit", "bench_xdp_swap", CLIENT4, NEAR4,
             SWAPPED, MACS, "xdp-empty", NULL),
    BASELINE("xdp-nat4", "XDP: floor v4: parse, rewrite", "bench_xdp_nat4", CLIENT4, NEAR4, PASSES,
             SAME, "xdp-empty", NULL),
    BASELINE("xdp-nat6", "XDP: floor v6: parse, rewrite", "bench_xdp_nat6", CLIENT6, NEAR6, PASSES,
             SAME, "xdp-empty", NULL),
    BASELINE("xdp-fib4", "XDP: floor v4: parse, FIB, rewrite", "bench_xdp_fib4", CLIENT4, NEAR4,
             ROUTED, MACS, "xdp-empty", NULL),
    BASELINE("xdp-parse", "XDP: the product's parser alone", "bench_xdp_parse", CLIENT4, NEAR4,
             PASSES, SAME, "xdp-empty", "xdp-nat4"),
    BASELINE("tc-empty", "TC: empty program", "bench_tc_empty", CLIENT4, NEAR4, TC_PASSES, SAME,
             NULL, NULL),
    BASELINE("tc-nat4", "TC: floor v4: parse, rewrite", "bench_tc_nat4", CLIENT4, NEAR4, TC_PASSES,
             SAME, "tc-empty", NULL),

    WRAPPER("xdp-undo-tcp4", "XDP: undo, TCP v4", "bench_xdp_tcp4_alone", CLIENT4, NEAR4, TCP,
            PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-tcp4-varied", "XDP: undo, next client, TCP v4", "bench_xdp_tcp4_varied_alone",
            CLIENT4, NEAR4, TCP, PASSES, CLIENT, "xdp-empty"),
    WRAPPER("xdp-undo-tcp6", "XDP: undo, TCP v6", "bench_xdp_tcp6_alone", CLIENT6, NEAR6, TCP,
            PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-tcp6-varied", "XDP: undo, next client, TCP v6", "bench_xdp_tcp6_varied_alone",
            CLIENT6, NEAR6, TCP, PASSES, CLIENT, "xdp-empty"),
    WRAPPER("xdp-undo-udp4", "XDP: undo, UDP v4", "bench_xdp_udp4_alone", CLIENT4, UDP4, UDP,
            PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-udp4-varied", "XDP: undo, next client, UDP v4", "bench_xdp_udp4_varied_alone",
            CLIENT4, UDP4, UDP, PASSES, CLIENT, "xdp-empty"),
    WRAPPER("xdp-undo-forward4", "XDP: undo, forwarded v4", "bench_xdp_forward4_alone", CLIENT4,
            FAR4, TCP, PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-forward6", "XDP: undo, forwarded v6", "bench_xdp_forward6_alone", CLIENT6,
            FAR6, TCP, PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-reply4", "XDP: undo, reply v4", "bench_xdp_reply4_alone", FAR4_BACK, CLIENT4,
            TCP, PASSES, SAME, "xdp-empty"),
    WRAPPER("xdp-undo-reply6", "XDP: undo, reply v6", "bench_xdp_reply6_alone", FAR6_BACK, CLIENT6,
            TCP, PASSES, SAME, "xdp-empty"),
    WRAPPER("tc-undo-tcp4", "TC: undo, TCP v4", "bench_tc_tcp4_alone", CLIENT4, NEAR4, TCP,
            TC_PASSES, SAME, "tc-empty"),
    WRAPPER("tc-undo-tcp4-varied", "TC: undo, next client, TCP v4", "bench_tc_tcp4_varied_alone",
            CLIENT4, NEAR4, TCP, TC_PASSES, CLIENT, "tc-empty"),
    WRAPPER("tc-undo-tcp6", "TC: undo, TCP v6", "bench_tc_tcp6_alone", CLIENT6, NEAR6, TCP,
            TC_PASSES, SAME, "tc-empty"),
    WRAPPER("tc-undo-reply4", "TC: undo, reply v4", "bench_tc_reply4_alone", NEAR4_BACK, CLIENT4,
            TCP, TC_PASSES, SAME, "tc-empty"),
    WRAPPER("tc-undo-reply6", "TC: undo, reply v6", "bench_tc_reply6_alone", NEAR6_BACK, CLIENT6,
            TCP, TC_PASSES, SAME, "tc-empty"),

    STEERED("tcp4", "established TCP v4", "bench_xdp_tcp4", CLIENT4, NEAR4, TCP, TO_LOCAL, SAME,
            "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("tcp4-million", "established TCP v4, a million flows", "bench_xdp_tcp4_varied", CLIENT4,
            NEAR4, TCP, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4-varied"),
    STEERED("tcp6", "established TCP v6", "bench_xdp_tcp6", CLIENT6, NEAR6, TCP, TO_LOCAL, SAME,
            "xdp-empty", "xdp-nat6", "xdp-undo-tcp6"),
    STEERED("tcp6-million", "established TCP v6, a million flows", "bench_xdp_tcp6_varied", CLIENT6,
            NEAR6, TCP, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat6", "xdp-undo-tcp6-varied"),
    STEERED("tcp4-unobserved", "... v4, if nothing were observed", "unobserved bench_xdp_tcp4",
            CLIENT4, NEAR4, TCP, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("tcp6-unobserved", "... v6, if nothing were observed", "unobserved bench_xdp_tcp6",
            CLIENT6, NEAR6, TCP, TO_LOCAL, SAME, "xdp-empty", "xdp-nat6", "xdp-undo-tcp6"),
    STEERED("tcp4-sampled", "... v4, in the sample", "bench_xdp_tcp4", CLIENT4, ALL4, TCP, TO_LOCAL,
            SAME, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("syn4", "SYN v4, settled bucket", "bench_xdp_tcp4", CLIENT4, NEAR4, SYN, TO_LOCAL, SAME,
            "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("syn4-million", "SYN v4, settled, a million sources", "bench_xdp_tcp4_varied", CLIENT4,
            NEAR4, SYN, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4-varied"),
    STEERED("syn4-million-unobserved", "... if nothing were observed",
            "unobserved bench_xdp_tcp4_varied", CLIENT4, NEAR4, SYN, TO_LOCAL, CLIENT, "xdp-empty",
            "xdp-nat4", "xdp-undo-tcp4-varied"),
    STEERED("syn4-moving", "SYN v4, moving bucket, repeated", "bench_xdp_tcp4", CLIENT4, MOVING4,
            SYN, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("syn4-moving-million", "SYN v4, moving, a million sources", "bench_xdp_tcp4_varied",
            CLIENT4, MOVING4, SYN, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4",
            "xdp-undo-tcp4-varied"),
    STEERED("tcp4-moving", "established TCP v4, moving bucket", "bench_xdp_tcp4", CLIENT4, MOVING4,
            TCP, TO_LOCAL, SAME, "xdp-empty", "xdp-nat4", "xdp-undo-tcp4"),
    STEERED("udp4", "UDP v4, affinity flow", "bench_xdp_udp4", CLIENT4, UDP4, UDP, TO_LOCAL, SAME,
            "xdp-empty", "xdp-nat4", "xdp-undo-udp4"),
    STEERED("udp4-million", "UDP v4, affinity flow, a million flows", "bench_xdp_udp4_varied",
            CLIENT4, UDP4, UDP, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-undo-udp4-varied"),
    STEERED("dns4", "UDP v4, affinity none", "bench_xdp_udp4", CLIENT4, DNS4, UDP, TO_LOCAL, SAME,
            "xdp-empty", "xdp-nat4", "xdp-undo-udp4"),
    STEERED("dns4-million", "UDP v4, affinity none, a million flows", "bench_xdp_udp4_varied",
            CLIENT4, DNS4, UDP, TO_LOCAL, CLIENT, "xdp-empty", "xdp-nat4", "xdp-undo-udp4-varied"),
    STEERED("remote4", "established TCP v4, remote backend", "bench_xdp_forward4", CLIENT4, FAR4,
            TCP, FORWARDED, MACS, "xdp-empty", "xdp-fib4", "xdp-undo-forward4"),
    STEERED("remote6", "established TCP v6, remote backend", "bench_xdp_forward6", CLIENT6, FAR6,
            TCP, FORWARDED, MACS, "xdp-empty", NULL, "xdp-undo-forward6"),
    STEERED("reply-remote4", "reply from a remote backend, v4", "bench_xdp_reply4", FAR4_BACK,
            CLIENT4, TCP, REPLIED, MACS, "xdp-empty", "xdp-fib4", "xdp-undo-reply4"),
    STEERED("reply-remote6", "reply from a remote backend, v6", "bench_xdp_reply6", FAR6_BACK,
            CLIENT6, TCP, REPLIED, MACS, "xdp-empty", NULL, "xdp-undo-reply6"),
    STEERED("none4", "for no service, v4", "xdp_ingress", CLIENT4, NOBODY4, TCP, NO_SERVICE, SAME,
            "xdp-empty", "xdp-swap", NULL),
    STEERED("none4-port", "for no service, but a service's port, v4", "xdp_ingress", CLIENT4,
            "198.51.100.99:80", TCP, NO_SERVICE, SAME, "xdp-empty", "xdp-swap", NULL),
    STEERED("none6", "for no service, v6", "xdp_ingress", CLIENT6, NOBODY6, TCP, NO_SERVICE, SAME,
            "xdp-empty", "xdp-swap", NULL),
    STEERED("tc-tcp4", "TC ingress: established TCP v4", "bench_tc_tcp4", CLIENT4, NEAR4, TCP,
            TC(TO_LOCAL), SAME, "tc-empty", "tc-nat4", "tc-undo-tcp4"),
    STEERED("tc-tcp4-million", "TC ingress: the same, a million flows", "bench_tc_tcp4_varied",
            CLIENT4, NEAR4, TCP, TC(TO_LOCAL), CLIENT, "tc-empty", "tc-nat4",
            "tc-undo-tcp4-varied"),
    STEERED("tc-tcp6", "TC ingress: established TCP v6", "bench_tc_tcp6", CLIENT6, NEAR6, TCP,
            TC(TO_LOCAL), SAME, "tc-empty", NULL, "tc-undo-tcp6"),
    STEERED("tc-none4", "TC ingress: for no service, v4", "tc_ingress", CLIENT4, NOBODY4, TCP,
            TC(NO_SERVICE), SAME, "tc-empty", NULL, NULL),
    STEERED("egress-tcp4", "TC egress: reply, established TCP v4", "bench_tc_reply4", NEAR4_BACK,
            CLIENT4, TCP, TC(REPLY_EGRESS), SAME, "tc-empty", "tc-nat4", "tc-undo-reply4"),
    STEERED("egress-tcp4-unobserved", "... v4, if nothing were observed",
            "unobserved bench_tc_reply4", NEAR4_BACK, CLIENT4, TCP, TC(REPLY_EGRESS), SAME,
            "tc-empty", "tc-nat4", "tc-undo-reply4"),
    STEERED("egress-tcp6", "TC egress: reply, established TCP v6", "bench_tc_reply6", NEAR6_BACK,
            CLIENT6, TCP, TC(REPLY_EGRESS), SAME, "tc-empty", NULL, "tc-undo-reply6"),
    STEERED("egress-none4", "TC egress: from no backend, v4", "tc_egress", NOBODY4, CLIENT4, TCP,
            TC(NO_SERVICE), SAME, "tc-empty", NULL, NULL),
};

const size_t row_count = sizeof(rows) / sizeof(rows[0]);

size_t row_find(const char *id)
{
    size_t i = 0;

    while (i < row_count && strcmp(rows[i].id, id) != 0)
        i++;
    return i;
}
