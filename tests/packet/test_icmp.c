// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP errors about a service's packets are translated outside and inside, in both directions. */
#include <netinet/in.h>

#include "fixture.h"
#include "host.h"
#include "tap.h"

/* What the service sent, as it went over the wire. */
static const struct spec tcp4 = {.from = LOCAL4_VIP, .to = CLIENT4, .payload = 500};
static const struct spec tcp6 = {.from = LOCAL6_VIP, .to = CLIENT6, .payload = 500};
static const struct spec udp4 = {
    .proto = IPPROTO_UDP, .from = LOCAL4_UDP_VIP, .to = CLIENT4, .payload = 301};
static const struct spec udp6 = {
    .proto = IPPROTO_UDP, .from = LOCAL6_UDP_VIP, .to = CLIENT6, .payload = 301};
static const struct spec no_check = {
    .proto = IPPROTO_UDP, .from = LOCAL4_UDP_VIP, .to = CLIENT4, .payload = 301, .no_check = true};
static const struct spec options4 = {
    .from = LOCAL4_VIP, .to = CLIENT4, .payload = 50, .ip_options = 16};
static const struct spec headers6 = {
    .from = LOCAL6_VIP, .to = CLIENT6, .payload = 50, .extension = "hd"};
static const struct spec first4 = {.proto = IPPROTO_UDP,
                                   .from = LOCAL4_UDP_VIP,
                                   .to = CLIENT4,
                                   .payload = 100,
                                   .fragment = 0x2000};
static const struct spec first6 = {.proto = IPPROTO_UDP,
                                   .from = LOCAL6_UDP_VIP,
                                   .to = CLIENT6,
                                   .payload = 100,
                                   .extension = "f",
                                   .fragment = 0x0001};
static const struct spec remote_tcp4 = {.from = REMOTE4_VIP, .to = CLIENT4, .payload = 500};
static const struct spec remote_tcp6 = {.from = REMOTE6_VIP, .to = CLIENT6, .payload = 500};

#define UNREACHABLE4 .proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 1
#define TOO_BIG4     .proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = 1400
#define TIME4        .proto = IPPROTO_ICMP, .icmp_type = 11
#define UNREACHABLE6 .proto = IPPROTO_ICMPV6, .icmp_type = 1, .icmp_code = 4
#define TOO_BIG6     .proto = IPPROTO_ICMPV6, .icmp_type = 2, .icmp_rest = 1280

/* From a router or the client, to the VIP. */
#define FROM_ROUTER4 .from = "192.0.2.10", .to = "10.0.0.1"
#define FROM_ROUTER6 .from = "2001:db8:c::10", .to = "fd00::1"
#define IN4(sentence, backend, ...)                                                 \
    {                                                                               \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_TO_LOCAL,        \
        .also = FS_REASON_ICMP_IN, .to = "10.1.0.1", .quote_from = backend, .in = { \
            FROM_ROUTER4,                                                           \
            __VA_ARGS__                                                             \
        }                                                                           \
    }
#define IN6(sentence, backend, ...)                                                  \
    {                                                                                \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_TO_LOCAL,         \
        .also = FS_REASON_ICMP_IN, .to = "fd00:1::1", .quote_from = backend, .in = { \
            FROM_ROUTER6,                                                            \
            __VA_ARGS__                                                              \
        }                                                                            \
    }

static const struct fixture in[] = {
    IN4("\"unreachable\" with eight bytes of TCP reaches the backend", LOCAL4_BACKEND, UNREACHABLE4,
        .quote = &tcp4, .quote_bytes = 8),
    IN4("\"too big\" with all of a TCP packet reaches the backend", LOCAL4_BACKEND, TOO_BIG4,
        .quote = &tcp4),
    IN4("\"time exceeded\" with a TCP header reaches the backend", LOCAL4_BACKEND, TIME4,
        .quote = &tcp4, .quote_bytes = 20),
    IN4("an error whose quote ends with the TCP checksum reaches the backend", LOCAL4_BACKEND,
        TIME4, .quote = &tcp4, .quote_bytes = 18),
    IN4("\"unreachable\" with eight bytes of UDP reaches the backend", LOCAL4_UDP_BACKEND,
        UNREACHABLE4, .quote = &udp4, .quote_bytes = 8),
    IN4("\"too big\" with all of a datagram reaches the backend", LOCAL4_UDP_BACKEND, TOO_BIG4,
        .quote = &udp4),
    IN4("an error about a datagram without a checksum reaches the backend", LOCAL4_UDP_BACKEND,
        TOO_BIG4, .quote = &no_check),
    IN4("an error that quotes IPv4 options reaches the backend", LOCAL4_BACKEND, TIME4,
        .quote = &options4, .quote_bytes = 28),
    IN4("an error with IPv4 options of its own reaches the backend", LOCAL4_BACKEND, TIME4,
        .ip_options = 8, .quote = &tcp4, .quote_bytes = 28),
    IN4("an error about a first fragment reaches the backend", LOCAL4_UDP_BACKEND, TIME4,
        .quote = &first4, .quote_bytes = 8),
    IN6("\"too big\" about a first IPv6 fragment reaches the backend", LOCAL6_UDP_BACKEND, TOO_BIG6,
        .quote = &first6),
    IN4("an error with an odd number of bytes reaches the backend", LOCAL4_BACKEND, TIME4,
        .quote = &tcp4, .quote_bytes = 101),
    IN4("an error behind two tags reaches the local backend", LOCAL4_BACKEND, TIME4, .tags = 2,
        .quote = &tcp4, .quote_bytes = 40),
    IN4("padding behind an error isn't taken for the quoted checksum", LOCAL4_BACKEND, UNREACHABLE4,
        .quote = &tcp4, .quote_bytes = 8, .padding = 20),
    IN6("ICMPv6 \"unreachable\" with eight bytes of TCP reaches the backend", LOCAL6_BACKEND,
        UNREACHABLE6, .quote = &tcp6, .quote_bytes = 8),
    IN6("ICMPv6 \"too big\" with all of a TCP packet reaches the backend", LOCAL6_BACKEND, TOO_BIG6,
        .quote = &tcp6),
    IN6("ICMPv6 \"unreachable\" with eight bytes of UDP reaches the backend", LOCAL6_UDP_BACKEND,
        UNREACHABLE6, .quote = &udp6, .quote_bytes = 8),
    IN6("ICMPv6 \"too big\" with all of a datagram reaches the backend", LOCAL6_UDP_BACKEND,
        TOO_BIG6, .quote = &udp6),
    IN6("an ICMPv6 error that quotes extension headers reaches the backend", LOCAL6_BACKEND,
        TOO_BIG6, .quote = &headers6),
    IN6("an ICMPv6 error with extension headers of its own reaches the backend", LOCAL6_BACKEND,
        TOO_BIG6, .extension = "d", .quote = &tcp6),
    IN6("padding behind an ICMPv6 error isn't taken for the quoted checksum", LOCAL6_BACKEND,
        UNREACHABLE6, .quote = &tcp6, .quote_bytes = 8, .padding = 20),
};

static const struct fixture in_remote[] = {
    {.name = "an ICMP error about a remote backend's packet is sent to it",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .also = FS_REASON_ICMP_IN,
     .via = "be0",
     .neighbour = 11,
     .to = "198.51.100.11",
     .quote_from = REMOTE4_BACKEND,
     .in = {.from = "192.0.2.10",
            .to = "10.0.0.2",
            TOO_BIG4,
            .quote = &remote_tcp4,
            .quote_bytes = 8}},
    {.name = "an ICMPv6 error about a remote backend's packet is sent to it",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .also = FS_REASON_ICMP_IN,
     .via = "be0",
     .neighbour = 11,
     .to = "2001:db8:b::11",
     .quote_from = REMOTE6_BACKEND,
     .in = {.from = "2001:db8:c::10", .to = "fd00::2", TOO_BIG6, .quote = &remote_tcp6}},
    {.name = "an ICMP error whose TTL ends here is left to the stack",
     .programs = INGRESS,
     .reason = FS_REASON_STACK_TTL,
     .also = FS_REASON_ICMP_IN,
     .to = "198.51.100.11",
     .quote_from = REMOTE4_BACKEND,
     .in = {.from = "192.0.2.10", .to = "10.0.0.2", TOO_BIG4, .quote = &remote_tcp4, .ttl = 1}},
};

/* What a backend got, and complains of. */
static const struct spec got_tcp4 = {.from = CLIENT4, .to = LOCAL4_BACKEND, .payload = 500};
static const struct spec got_tcp6 = {.from = CLIENT6, .to = LOCAL6_BACKEND, .payload = 500};
static const struct spec got_udp4 = {
    .proto = IPPROTO_UDP, .from = CLIENT4, .to = LOCAL4_UDP_BACKEND, .payload = 301};
static const struct spec got_udp6 = {
    .proto = IPPROTO_UDP, .from = CLIENT6, .to = LOCAL6_UDP_BACKEND, .payload = 301};
static const struct spec got_no_check = {.proto = IPPROTO_UDP,
                                         .from = CLIENT4,
                                         .to = LOCAL4_UDP_BACKEND,
                                         .payload = 301,
                                         .no_check = true};
static const struct spec got_remote4 = {.from = CLIENT4, .to = REMOTE4_BACKEND, .payload = 500};
static const struct spec got_remote6 = {.from = CLIENT6, .to = REMOTE6_BACKEND, .payload = 500};
static const struct spec got_other4 = {.from = CLIENT4, .to = "10.1.0.1:9", .payload = 500};

/* From the backend itself: its address becomes the VIP's outside, too. */
#define OUT4(sentence, vip, ...)                                                                \
    {                                                                                           \
        .name = sentence, .programs = EGRESS, .reason = FS_REASON_ICMP_OUT, .from = "10.0.0.1", \
        .quote_to = vip, .from_this_host = true, .in = {                                        \
            .from = "10.1.0.1",                                                                 \
            .to = "192.0.2.10",                                                                 \
            __VA_ARGS__                                                                         \
        }                                                                                       \
    }
#define OUT6(sentence, vip, ...)                                                               \
    {                                                                                          \
        .name = sentence, .programs = EGRESS, .reason = FS_REASON_ICMP_OUT, .from = "fd00::1", \
        .quote_to = vip, .from_this_host = true, .in = {                                       \
            .from = "fd00:1::1",                                                               \
            .to = "2001:db8:c::10",                                                            \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }

static const struct fixture out[] = {
    OUT4("a backend's \"unreachable\" with eight bytes of TCP names the VIP", LOCAL4_VIP,
         UNREACHABLE4, .quote = &got_tcp4, .quote_bytes = 8),
    OUT4("a backend's \"unreachable\" with all of a TCP packet names the VIP", LOCAL4_VIP,
         UNREACHABLE4, .quote = &got_tcp4),
    OUT4("a backend's \"unreachable\" with eight bytes of UDP names the VIP", LOCAL4_UDP_VIP,
         UNREACHABLE4, .quote = &got_udp4, .quote_bytes = 8),
    OUT4("a backend's \"unreachable\" about a datagram without a checksum names the VIP",
         LOCAL4_UDP_VIP, UNREACHABLE4, .quote = &got_no_check),
    OUT4("padding behind a backend's error isn't taken for the quoted checksum", LOCAL4_VIP,
         UNREACHABLE4, .quote = &got_tcp4, .quote_bytes = 8, .padding = 20),
    OUT6("a backend's ICMPv6 \"unreachable\" with eight bytes of TCP names the VIP", LOCAL6_VIP,
         UNREACHABLE6, .quote = &got_tcp6, .quote_bytes = 8),
    OUT6("a backend's ICMPv6 \"unreachable\" with all of a datagram names the VIP", LOCAL6_UDP_VIP,
         UNREACHABLE6, .quote = &got_udp6),
};

static const struct fixture out_routers[] = {
    {.name = "a router's \"too big\" keeps its source and quotes the VIP",
     .programs = EGRESS,
     .reason = FS_REASON_ICMP_OUT,
     .quote_to = REMOTE4_VIP,
     .in = {.from = "198.51.100.1",
            .to = "192.0.2.10",
            TOO_BIG4,
            .quote = &got_remote4,
            .quote_bytes = 8}},
    {.name = "a router's ICMPv6 \"too big\" keeps its source and quotes the VIP",
     .programs = EGRESS,
     .reason = FS_REASON_ICMP_OUT,
     .quote_to = REMOTE6_VIP,
     .in = {.from = "2001:db8:b::1", .to = "2001:db8:c::10", TOO_BIG6, .quote = &got_remote6}},
    {.name = "an ICMPv6 error of a backend's neighbour keeps its source",
     .programs = EGRESS,
     .reason = FS_REASON_ICMP_OUT,
     .quote_to = REMOTE6_VIP,
     .in = {.from = "2001:db8:b::12", .to = "2001:db8:c::10", TOO_BIG6, .quote = &got_remote6}},
    {.name = "a remote backend's error passes ingress untouched",
     .programs = INGRESS,
     .reason = FS_REASON_NO_PORTS,
     .by = "be0",
     .in = {.from = "198.51.100.11", .to = "192.0.2.10", UNREACHABLE4, .quote = &got_remote4}},
    {.name = "a remote backend's error leaves with the VIP inside and outside",
     .programs = EGRESS,
     .reason = FS_REASON_ICMP_OUT,
     .from = "10.0.0.2",
     .quote_to = REMOTE4_VIP,
     .in = {.from = "198.51.100.11", .to = "192.0.2.10", UNREACHABLE4, .quote = &got_remote4}},
    {.name = "an error about another port of a backend leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_NO_PORTS,
     .in = {.from = "10.1.0.1", .to = "192.0.2.10", UNREACHABLE4, .quote = &got_other4}},
};

int main(void)
{
    host_start(services);
    FIXTURES_RUN(in);
    FIXTURES_RUN(in_remote);
    FIXTURES_RUN(out);
    FIXTURES_RUN(out_routers);
    test_begin("ICMP errors leave no entry");
    check_entries(0, 0, 0);
    test_end();
    return tests_done();
}
