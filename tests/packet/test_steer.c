// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets for a service go to its backend, in every form that packets come in. */
#include <netinet/in.h>

#include "dissect.h"
#include "fixture.h"
#include "host.h"
#include "tap.h"

#define TCP4 .from = CLIENT4, .to = LOCAL4_VIP
#define TCP6 .from = CLIENT6, .to = LOCAL6_VIP
#define UDP4 .proto = IPPROTO_UDP, .from = CLIENT4, .to = LOCAL4_UDP_VIP
#define UDP6 .proto = IPPROTO_UDP, .from = CLIENT6, .to = LOCAL6_UDP_VIP

/* To a backend on this host: only the destination changes. */
#define LOCAL(sentence, backend, ...)                                                       \
    {                                                                                       \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_TO_LOCAL, .to = backend, \
        .in = {                                                                             \
            __VA_ARGS__                                                                     \
        }                                                                                   \
    }
#define LOCAL_TCP4(sentence, ...) LOCAL(sentence, LOCAL4_BACKEND, TCP4, __VA_ARGS__)
#define LOCAL_TCP6(sentence, ...) LOCAL(sentence, LOCAL6_BACKEND, TCP6, __VA_ARGS__)
#define LOCAL_UDP4(sentence, ...) LOCAL(sentence, LOCAL4_UDP_BACKEND, UDP4, __VA_ARGS__)
#define LOCAL_UDP6(sentence, ...) LOCAL(sentence, LOCAL6_UDP_BACKEND, UDP6, __VA_ARGS__)

/* To a backend elsewhere: the frame is the next hop's, too. */
#define REMOTE(sentence, backend, ...)                                                          \
    {                                                                                           \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_TO_INTERFACE, .to = backend, \
        .verdict = FORWARD, .via = "be0", .neighbour = 11, .in = {                              \
            __VA_ARGS__                                                                         \
        }                                                                                       \
    }

static const struct fixture local[] = {
    LOCAL_TCP4("a SYN over IPv4 goes to a local backend", .tcp_flags = SYN, .tcp_options = 20),
    LOCAL_TCP4("data over IPv4 goes to a local backend", .tcp_flags = ACK | PSH, .payload = 1400),
    LOCAL_TCP4("an odd number of bytes over IPv4 goes to a local backend", .payload = 777),
    LOCAL_TCP4("a FIN over IPv4 goes to a local backend", .tcp_flags = FIN | ACK),
    LOCAL_TCP4("a RST over IPv4 goes to a local backend", .tcp_flags = RST),
    LOCAL_TCP6("a SYN over IPv6 goes to a local backend", .tcp_flags = SYN, .tcp_options = 20),
    LOCAL_TCP6("data over IPv6 goes to a local backend", .tcp_flags = ACK | PSH, .payload = 1400),
    LOCAL_TCP6("an odd number of bytes over IPv6 goes to a local backend", .payload = 777),
    LOCAL_UDP4("a datagram over IPv4 goes to a local backend", .payload = 512),
    LOCAL_UDP4("an empty datagram over IPv4 goes to a local backend", .payload = 0),
    LOCAL_UDP6("a datagram over IPv6 goes to a local backend", .payload = 512),
    LOCAL_UDP4("UDP without a checksum keeps none", .payload = 100, .no_check = true),
    LOCAL_UDP6("UDP over IPv6 without a checksum keeps none", .payload = 100, .no_check = true),
    LOCAL_TCP4("a packet whose TTL ends here goes to a local backend", .ttl = 1),
    LOCAL_TCP4("the type of service stays as it is", .tos = 0xb8),
    LOCAL_TCP6("the traffic class stays as it is", .tos = 0xb8),
};

static const struct fixture remote[] = {
    REMOTE("a SYN over IPv4 is sent to a remote backend", REMOTE4_BACKEND, .from = CLIENT4,
           .to = REMOTE4_VIP, .tcp_flags = SYN),
    REMOTE("data over IPv4 is sent to a remote backend", REMOTE4_BACKEND, .from = CLIENT4,
           .to = REMOTE4_VIP, .payload = 1400),
    REMOTE("a SYN over IPv6 is sent to a remote backend", REMOTE6_BACKEND, .from = CLIENT6,
           .to = REMOTE6_VIP, .tcp_flags = SYN),
    REMOTE("data over IPv6 is sent to a remote backend", REMOTE6_BACKEND, .from = CLIENT6,
           .to = REMOTE6_VIP, .payload = 1400),
    REMOTE("a datagram over IPv4 is sent to a remote backend", REMOTE4_UDP_BACKEND,
           .proto = IPPROTO_UDP, .from = CLIENT4, .to = REMOTE4_UDP_VIP, .payload = 31),
    REMOTE("a datagram over IPv6 is sent to a remote backend", REMOTE6_UDP_BACKEND,
           .proto = IPPROTO_UDP, .from = CLIENT6, .to = REMOTE6_UDP_VIP, .payload = 31),
    REMOTE("UDP without a checksum is sent to a remote backend without one", REMOTE4_UDP_BACKEND,
           .proto = IPPROTO_UDP, .from = CLIENT4, .to = REMOTE4_UDP_VIP, .payload = 31,
           .no_check = true),
    REMOTE("UDP over IPv6 without a checksum is sent to a remote backend without one",
           REMOTE6_UDP_BACKEND, .proto = IPPROTO_UDP, .from = CLIENT6, .to = REMOTE6_UDP_VIP,
           .payload = 31, .no_check = true),
    REMOTE("a padded packet with IPv4 options is sent to a remote backend", REMOTE4_BACKEND,
           .from = CLIENT4, .to = REMOTE4_VIP, .ip_options = 8, .padding = 6),
    REMOTE("a packet with IPv6 extension headers is sent to a remote backend", REMOTE6_BACKEND,
           .from = CLIENT6, .to = REMOTE6_VIP, .extension = "hdf", .payload = 9),
};

static const struct fixture forms[] = {
    LOCAL_TCP4("a short frame's padding isn't taken for payload", .padding = 6),
    LOCAL_UDP4("a padded datagram is steered by its own length", .payload = 1, .padding = 17),
    LOCAL_UDP6("a padded IPv6 datagram is steered by its own length", .payload = 1, .padding = 31),
    LOCAL_TCP4("IPv4 options are stepped over", .ip_options = 4, .payload = 11),
    LOCAL_TCP4("as many IPv4 options as there can be are stepped over", .ip_options = 40),
    LOCAL_UDP4("IPv4 options in front of UDP are stepped over", .ip_options = 24, .payload = 5),
    LOCAL_TCP4("a source route that has come to its end is stepped over", .ip_options = 8,
               .ip_option = "\x83\x07\x08\x0a\x00\x00\x4d"),
    LOCAL_TCP4("a record of the route is stepped over", .ip_options = 40,
               .ip_option = "\x07\x27\x04"),
    LOCAL_TCP4("what is behind the end of IPv4 options is no option", .ip_options = 12,
               .ip_option = "\x00\x0b\x00\x00\x83\x07\x04\x0a\x00\x00\x4d"),
    LOCAL_TCP6("hop-by-hop options are stepped over", .extension = "h"),
    LOCAL_TCP6("a routing header is stepped over", .extension = "r"),
    LOCAL_TCP6("destination options are stepped over", .extension = "d"),
    LOCAL_TCP6("the header of a fragment that is the whole packet is stepped over",
               .extension = "f", .payload = 5),
    LOCAL_UDP6("several extension headers are stepped over", .extension = "hdrfd", .payload = 5),
    LOCAL_TCP4("IPv4 behind one VLAN tag is steered", .tags = 1, .payload = 3),
    LOCAL_TCP4("IPv4 behind two VLAN tags is steered", .tags = 2, .payload = 3),
    LOCAL_UDP4("UDP behind a service tag and a customer tag is steered", .tags = 2,
               .outer_type = VLAN_AD, .payload = 3),
    LOCAL_TCP6("IPv6 behind one VLAN tag is steered", .tags = 1, .payload = 3),
    LOCAL_UDP6("IPv6 with extension headers behind two VLAN tags is steered", .tags = 2,
               .outer_type = VLAN_AD, .extension = "hd", .payload = 3),
    LOCAL_TCP4("a packet that must not be fragmented isn't taken for a fragment",
               .fragment = 0x4000, .payload = 3),
};

static unsigned checksum_of(const struct spec *spec)
{
    struct packet_parts parts;
    static struct frame frame;
    const uint8_t *at;

    frame_build(spec, &frame);
    dissect(frame.data, frame.bytes, &parts);
    at = frame.data + parts.transport_at + (parts.kind == KIND_UDP ? 6 : 16);
    return (unsigned)(at[0] << 8 | at[1]);
}

/* The payload's first word is chosen so that the checksum comes to zero, before or after. */
static void zero_checksum(struct fixture fixture, bool before)
{
    struct spec zero = fixture.in;

    if (!before)
        zero.to = fixture.to;
    /* What the sum lacks to 0xffff is its complement, the checksum. */
    zero.payload_word = 0x0100;
    zero.payload_word = (uint16_t)((checksum_of(&zero) + 0x0100) % 0xffff);
    fixture.in.payload_word = zero.payload_word;
    test_begin("%s", fixture.name);
    check_number(checksum_of(&zero), zero.proto ? 0xffff : 0, "the checksum that was looked for");
    fixture_check(&fixture, XDP_INGRESS);
    fixture_check(&fixture, TC_INGRESS);
    test_end();
}

static void zero_checksums(void)
{
    zero_checksum((struct fixture)LOCAL_UDP4("a UDP checksum that comes to zero is sent as 0xffff",
                                             .payload = 10),
                  false);
    zero_checksum(
        (struct fixture)LOCAL_UDP6("a UDP checksum over IPv6 that comes to zero is sent as 0xffff",
                                   .payload = 10),
        false);
    zero_checksum((struct fixture)LOCAL_UDP4("a UDP checksum of 0xffff is mended like any other",
                                             .payload = 10),
                  true);
    zero_checksum((struct fixture)LOCAL_UDP6(
                      "a UDP checksum of 0xffff over IPv6 is mended like any other", .payload = 10),
                  true);
    zero_checksum((struct fixture)LOCAL_TCP4("a TCP checksum may come to zero", .payload = 10),
                  false);
    zero_checksum((struct fixture)LOCAL_TCP6("a TCP checksum of zero is mended like any other",
                                             .payload = 10),
                  true);
}

/* Frames of more than a page are of several buffers; TC's test run knows none. */
static void big_frames(void)
{
    static const struct fixture big[] = {
        {.name = "an IPv4 frame of several buffers goes to a local backend",
         .programs = XDP,
         .in = {TCP4, .payload = 8900},
         .to = LOCAL4_BACKEND,
         .reason = FS_REASON_TO_LOCAL},
        {.name = "an IPv6 frame of several buffers goes to a local backend",
         .programs = XDP,
         .in = {TCP6, .payload = 8900, .extension = "hd"},
         .to = LOCAL6_BACKEND,
         .reason = FS_REASON_TO_LOCAL},
        {.name = "a frame of several buffers is sent to a remote backend",
         .programs = XDP,
         .in = {.from = CLIENT4, .to = REMOTE4_VIP, .payload = 8900},
         .to = REMOTE4_BACKEND,
         .verdict = FORWARD,
         .via = "be0",
         .neighbour = 11,
         .reason = FS_REASON_TO_INTERFACE},
        {.name = "a frame of several buffers for no service passes untouched",
         .programs = XDP,
         .in = {.from = CLIENT4, .to = "10.0.0.77:80", .payload = 11000},
         .reason = FS_REASON_NO_SERVICE},
    };

    FIXTURES_RUN(big);
}

/* Lengths that only a GSO packet has. */
static void gso_packets(void)
{
    static const struct fixture gso[] = {
        {.name = "a GSO packet goes to a local backend",
         .programs = TC,
         .gso_size = 1000,
         .in = {TCP4, .payload = 3000},
         .to = LOCAL4_BACKEND,
         .reason = FS_REASON_TO_LOCAL},
        {.name = "a GSO packet is sent where its segments fit",
         .programs = TC,
         .gso_size = 1000,
         .in = {.from = CLIENT4, .to = "10.0.0.4:80", .payload = 3000},
         .to = "203.0.113.11:8080",
         .verdict = FORWARD,
         .via = "mt0",
         .neighbour = 11,
         .reason = FS_REASON_TO_INTERFACE},
        {.name = "an IPv6 GSO packet is sent where its segments fit",
         .programs = TC,
         .gso_size = 1000,
         .in = {.from = CLIENT6, .to = "[fd00::4]:80", .payload = 3000},
         .to = "[2001:db8:d::11]:8080",
         .verdict = FORWARD,
         .via = "mt0",
         .neighbour = 11,
         .reason = FS_REASON_TO_INTERFACE},
    };

    FIXTURES_RUN(gso);
}

int main(void)
{
    host_start(services);
    FIXTURES_RUN(local);
    FIXTURES_RUN(remote);
    FIXTURES_RUN(forms);
    zero_checksums();
    big_frames();
    gso_packets();
    test_begin("nothing is written down while nothing moves");
    check_entries(0, 0, 0);
    test_end();
    return tests_done();
}
