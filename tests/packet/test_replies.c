// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A backend's replies get the VIP as source: at egress, or as they come in from elsewhere. */
#include <netinet/in.h>

#include "fixture.h"
#include "host.h"
#include "tap.h"

/* From a backend on this host, or through its stack: on the way out by cl0. */
#define EGRESS_REPLY(sentence, vip, ...)                                                     \
    {                                                                                        \
        .name = sentence, .programs = EGRESS, .reason = FS_REASON_REPLY_EGRESS, .from = vip, \
        .from_this_host = true, .in = {                                                      \
            __VA_ARGS__                                                                      \
        }                                                                                    \
    }
#define TCP4 .from = LOCAL4_BACKEND, .to = CLIENT4
#define TCP6 .from = LOCAL6_BACKEND, .to = CLIENT6
#define UDP4 .proto = IPPROTO_UDP, .from = LOCAL4_UDP_BACKEND, .to = CLIENT4
#define UDP6 .proto = IPPROTO_UDP, .from = LOCAL6_UDP_BACKEND, .to = CLIENT6

static const struct fixture egress[] = {
    EGRESS_REPLY("a SYN-ACK over IPv4 leaves with the VIP as source", LOCAL4_VIP, TCP4,
                 .tcp_flags = SYN | ACK, .tcp_options = 20),
    EGRESS_REPLY("data over IPv4 leaves with the VIP as source", LOCAL4_VIP, TCP4, .payload = 1447),
    EGRESS_REPLY("a RST over IPv4 leaves with the VIP as source", LOCAL4_VIP, TCP4,
                 .tcp_flags = RST | ACK),
    EGRESS_REPLY("a FIN over IPv6 leaves with the VIP as source", LOCAL6_VIP, TCP6,
                 .tcp_flags = FIN | ACK),
    EGRESS_REPLY("data over IPv6 leaves with the VIP as source", LOCAL6_VIP, TCP6, .payload = 1001),
    EGRESS_REPLY("a datagram over IPv4 leaves with the VIP as source", LOCAL4_UDP_VIP, UDP4,
                 .payload = 600),
    EGRESS_REPLY("a datagram over IPv6 leaves with the VIP as source", LOCAL6_UDP_VIP, UDP6,
                 .payload = 601),
    EGRESS_REPLY("a datagram without a checksum leaves without one", LOCAL4_UDP_VIP, UDP4,
                 .payload = 600, .no_check = true),
    EGRESS_REPLY("a datagram over IPv6 without a checksum leaves without one", LOCAL6_UDP_VIP, UDP6,
                 .payload = 600, .no_check = true),
    EGRESS_REPLY("a reply with IPv4 options leaves with the VIP as source", LOCAL4_VIP, TCP4,
                 .ip_options = 12, .payload = 3),
    EGRESS_REPLY("a reply with IPv6 extension headers leaves with the VIP as source", LOCAL6_VIP,
                 TCP6, .extension = "dh", .payload = 3),
    EGRESS_REPLY("a tagged reply leaves with the VIP as source", LOCAL4_VIP, TCP4, .tags = 2,
                 .payload = 3),
    EGRESS_REPLY("a padded reply leaves with the VIP as source", LOCAL6_VIP, TCP6, .padding = 11,
                 .payload = 3),
    {.name = "a GSO reply leaves with the VIP as source",
     .programs = EGRESS,
     .reason = FS_REASON_REPLY_EGRESS,
     .from = LOCAL4_VIP,
     .gso_size = 1000,
     .in = {TCP4, .payload = 3000}},
    {.name = "a reply of this host itself leaves with the VIP as source",
     .programs = EGRESS,
     .reason = FS_REASON_REPLY_EGRESS,
     .from = LOCAL4_VIP,
     .from_this_host = true,
     .in = {TCP4, .payload = 30}},
};

static const struct fixture egress_others[] = {
    {.name = "a packet from another port of a backend's address leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_NO_SERVICE,
     .in = {.from = "10.1.0.1:8081", .to = CLIENT4, .payload = 3}},
    {.name = "a packet from another address with a backend's port leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_NO_SERVICE,
     .in = {.from = "10.1.0.9:8080", .to = CLIENT4, .payload = 3}},
    {.name = "UDP from the endpoint of a TCP backend leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_NO_SERVICE,
     .in = {.proto = IPPROTO_UDP, .from = LOCAL4_BACKEND, .to = CLIENT4, .payload = 3}},
    {.name = "a backend's fragment whose first nobody has seen leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_FRAGMENT,
     .in = {UDP4, .payload = 3, .fragment = 0x2010}},
    {.name = "what is forwarded to a backend's address leaves untouched",
     .programs = EGRESS,
     .reason = FS_REASON_DIRECT_IN,
     .in = {.from = CLIENT4, .to = REMOTE4_BACKEND, .payload = 3}},
};

/* From a backend elsewhere, arriving by be0, on to the client. */
#define SENT_ON(sentence, vip, ...)                                                          \
    {                                                                                        \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_REPLY_INGRESS,            \
        .verdict = FORWARD, .from = vip, .by = "be0", .via = "cl0", .neighbour = 10, .in = { \
            __VA_ARGS__                                                                      \
        }                                                                                    \
    }
#define REMOTE_TCP4 .from = REMOTE4_BACKEND, .to = CLIENT4
#define REMOTE_TCP6 .from = REMOTE6_BACKEND, .to = CLIENT6
#define REMOTE_UDP4 .proto = IPPROTO_UDP, .from = REMOTE4_UDP_BACKEND, .to = CLIENT4
#define REMOTE_UDP6 .proto = IPPROTO_UDP, .from = REMOTE6_UDP_BACKEND, .to = CLIENT6

static const struct fixture sent_on[] = {
    SENT_ON("a remote backend's SYN-ACK over IPv4 is sent on from the VIP", REMOTE4_VIP,
            REMOTE_TCP4, .tcp_flags = SYN | ACK),
    SENT_ON("a remote backend's data over IPv4 is sent on from the VIP", REMOTE4_VIP, REMOTE_TCP4,
            .payload = 1447),
    SENT_ON("a remote backend's data over IPv6 is sent on from the VIP", REMOTE6_VIP, REMOTE_TCP6,
            .payload = 1001),
    SENT_ON("a remote backend's datagram over IPv4 is sent on from the VIP", REMOTE4_UDP_VIP,
            REMOTE_UDP4, .payload = 77),
    SENT_ON("a remote backend's datagram over IPv6 is sent on from the VIP", REMOTE6_UDP_VIP,
            REMOTE_UDP6, .payload = 77),
    SENT_ON("a remote backend's datagram without a checksum is sent on without one",
            REMOTE4_UDP_VIP, REMOTE_UDP4, .payload = 77, .no_check = true),
    SENT_ON("a remote backend's datagram over IPv6 without a checksum is sent on without one",
            REMOTE6_UDP_VIP, REMOTE_UDP6, .payload = 77, .no_check = true),
    SENT_ON("a remote backend's padded reply is sent on from the VIP", REMOTE4_VIP, REMOTE_TCP4,
            .padding = 6),
    SENT_ON("a remote backend's reply to a client behind a router is sent on", REMOTE4_VIP,
            .from = REMOTE4_BACKEND, .to = "100.64.1.2:3333", .payload = 9),
    SENT_ON("a remote backend's reply to an IPv6 client behind a router is sent on", REMOTE6_VIP,
            .from = REMOTE6_BACKEND, .to = "[2001:db8:f::2]:3333", .payload = 9),
    {.name = "a reply goes back out of the interface it came by",
     .programs = INGRESS,
     .verdict = BACK,
     .reason = FS_REASON_REPLY_INGRESS,
     .from = "10.0.0.3:80",
     .via = "cl0",
     .neighbour = 10,
     .in = {.from = "192.0.2.77:8080", .to = CLIENT4, .payload = 9}},
    {.name = "a remote backend's reply to a client on this host gets the VIP as source",
     .programs = INGRESS,
     .reason = FS_REASON_REPLY_INGRESS,
     .from = REMOTE4_VIP,
     .by = "be0",
     .in = {.from = REMOTE4_BACKEND, .to = "192.0.2.1:40000", .payload = 9}},
    {.name = "a remote backend's reply to an IPv6 client on this host gets the VIP as source",
     .programs = INGRESS,
     .reason = FS_REASON_REPLY_INGRESS,
     .from = REMOTE6_VIP,
     .by = "be0",
     .in = {.from = REMOTE6_BACKEND, .to = "[2001:db8:c::1]:40000", .payload = 9}},
};

/* What can't be sent on goes up the stack as it is, and is restored when that sends it. */
#define TO_STACK(sentence, ...)                                                              \
    {                                                                                        \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_REPLY_STACK, .by = "be0", \
        .in = {                                                                              \
            __VA_ARGS__                                                                      \
        }                                                                                    \
    }

static const struct fixture to_stack[] = {
    TO_STACK("a reply to a client without a neighbour entry goes up the stack untouched",
             .from = REMOTE4_BACKEND, .to = "192.0.2.55:3333", .payload = 9),
    TO_STACK("a reply to an IPv6 client without a neighbour entry goes up the stack untouched",
             .from = REMOTE6_BACKEND, .to = "[2001:db8:c::55]:3333", .payload = 9),
    TO_STACK("a reply whose TTL ends here goes up the stack untouched", REMOTE_TCP4, .ttl = 1),
    TO_STACK("a tagged reply goes up the stack untouched", REMOTE_TCP6, .tags = 1),
    TO_STACK("a reply too big for the way to the client goes up the stack untouched", REMOTE_TCP4,
             .payload = 2000),
    {.name = "a reply that the stack has forwarded leaves with the VIP as source",
     .programs = EGRESS,
     .reason = FS_REASON_REPLY_EGRESS,
     .from = REMOTE4_VIP,
     .in = {.from = REMOTE4_BACKEND, .to = "192.0.2.55:3333", .payload = 9, .ttl = 63}},
    {.name = "an IPv6 reply that the stack has forwarded leaves with the VIP as source",
     .programs = EGRESS,
     .reason = FS_REASON_REPLY_EGRESS,
     .from = REMOTE6_VIP,
     .in = {.from = REMOTE6_BACKEND, .to = "[2001:db8:c::55]:3333", .payload = 9, .ttl = 63}},
};

int main(void)
{
    host_start(services);
    FIXTURES_RUN(egress);
    FIXTURES_RUN(egress_others);
    FIXTURES_RUN(sent_on);
    FIXTURES_RUN(to_stack);
    test_begin("replies leave no entry");
    check_entries(0, 0, 0);
    test_end();
    return tests_done();
}
