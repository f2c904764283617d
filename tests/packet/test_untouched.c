// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is for no service passes as it is, however odd; so do odd packets for a service. */
#include <netinet/in.h>

#include "checksum.h"
#include "fixture.h"
#include "host.h"
#include "tap.h"

#define TCP4 .from = CLIENT4, .to = LOCAL4_VIP
#define TCP6 .from = CLIENT6, .to = LOCAL6_VIP
#define UDP4 .proto = IPPROTO_UDP, .from = CLIENT4, .to = LOCAL4_UDP_VIP
#define UDP6 .proto = IPPROTO_UDP, .from = CLIENT6, .to = LOCAL6_UDP_VIP

#define UNTOUCHED(sentence, why, ...)                                                       \
    {                                                                                       \
        .name = sentence, .programs = ALL, .reason = FS_REASON_##why, .in = { __VA_ARGS__ } \
    }

static const struct fixture no_service[] = {
    UNTOUCHED("TCP to another port of a VIP passes untouched", NO_SERVICE, .from = CLIENT4,
              .to = "10.0.0.1:81", .payload = 9),
    UNTOUCHED("TCP from a service's port passes untouched", NO_SERVICE, .from = "192.0.2.10:80",
              .to = "192.0.2.1:40000", .payload = 9),
    UNTOUCHED("TCP to another address with a service's port passes untouched", NO_SERVICE,
              .from = CLIENT4, .to = "10.0.0.77:80", .tcp_flags = SYN),
    UNTOUCHED("UDP to the endpoint of a TCP service passes untouched", NO_SERVICE,
              .proto = IPPROTO_UDP, .from = CLIENT4, .to = LOCAL4_VIP, .payload = 33),
    UNTOUCHED("TCP to the endpoint of a UDP service passes untouched", NO_SERVICE, .from = CLIENT4,
              .to = LOCAL4_UDP_VIP, .payload = 33),
    UNTOUCHED("IPv6 to an address that differs from a VIP in the last bits passes untouched",
              NO_SERVICE, .from = CLIENT6, .to = "[fd00::ffff]:80", .payload = 33),
    UNTOUCHED("IPv6 that begins with the bytes of an IPv4 VIP passes untouched", NO_SERVICE,
              .from = CLIENT6, .to = "[a00:1::]:80", .payload = 33),
    UNTOUCHED("a tagged packet for no service passes untouched", NO_SERVICE, .from = CLIENT4,
              .to = "10.0.0.77:80", .tags = 2, .outer_type = VLAN_AD),
    UNTOUCHED("a packet with three tags passes untouched", NOT_IP, TCP4, .tags = 3),
    UNTOUCHED("a frame that isn't IP passes untouched", NOT_IP, TCP4, .ether_type = 0x0806),
    UNTOUCHED("an echo request to a VIP passes untouched", NO_PORTS, .proto = IPPROTO_ICMP,
              .from = "192.0.2.10", .to = "10.0.0.1", .icmp_type = 8, .payload = 56),
    UNTOUCHED("an ICMPv6 echo request to a VIP passes untouched", NO_PORTS, .proto = IPPROTO_ICMPV6,
              .from = "2001:db8:c::10", .to = "fd00::1", .icmp_type = 128, .payload = 56),
    UNTOUCHED("a neighbour solicitation for a VIP passes untouched", NO_PORTS,
              .proto = IPPROTO_ICMPV6, .from = "2001:db8:c::10", .to = "ff02::1:ff00:1",
              .icmp_type = 135, .payload = 24),
    UNTOUCHED("GRE to a VIP passes untouched", NO_PORTS, .proto = IPPROTO_GRE, .from = "192.0.2.10",
              .to = "10.0.0.1", .payload = 40),
    UNTOUCHED("IPv6 without a next header passes untouched", NO_PORTS, .proto = IPPROTO_NONE,
              .from = "2001:db8:c::10", .to = "fd00::1"),
    UNTOUCHED("more extension headers than anyone sends pass untouched", NO_PORTS, TCP6,
              .extension = "hdddddddddr"),
};

/* Fragments whose first nobody has seen; test_fragments.c has the others. */
static const struct fixture fragments[] = {
    UNTOUCHED("a middle fragment whose payload looks like a service's ports passes untouched",
              FRAGMENT, UDP4, .payload = 1400, .fragment = 0x2010),
    UNTOUCHED("a last fragment passes untouched", FRAGMENT, TCP4, .payload = 9, .fragment = 0x0100),
    UNTOUCHED("a first fragment for no service passes untouched", NO_SERVICE, .from = CLIENT4,
              .to = "10.0.0.77:9", .payload = 100, .fragment = 0x2000),
    UNTOUCHED("a first fragment of GRE passes untouched", FRAGMENT, .proto = IPPROTO_GRE,
              .from = "192.0.2.10", .to = "10.0.0.1", .payload = 40, .fragment = 0x2000),
    UNTOUCHED("a first fragment of an echo request passes untouched", FRAGMENT,
              .proto = IPPROTO_ICMPV6, .from = "2001:db8:c::10", .to = "fd00::1", .icmp_type = 128,
              .payload = 56, .extension = "f", .fragment = 0x0001),
    UNTOUCHED("a last IPv6 fragment behind other headers passes untouched", FRAGMENT, TCP6,
              .payload = 9, .extension = "hdf", .fragment = 0x0580),
    UNTOUCHED("a tagged fragment passes untouched", FRAGMENT, UDP4, .payload = 32,
              .fragment = 0x0003, .tags = 1),
};

#define LSRR_LEFT "\x83\x07\x04\x0a\x00\x00\x4d"
#define SSRR_LEFT "\x89\x0b\x08\x0a\x00\x00\x4d\x0a\x00\x00\x4e"

/* What leads on to another address, or vouches for this one. */
static const struct fixture routed[] = {
    UNTOUCHED("IPv4 with a loose source route ahead passes untouched", SOURCE_ROUTE, TCP4,
              .ip_options = 8, .ip_option = LSRR_LEFT),
    UNTOUCHED("IPv4 with a strict source route half done passes untouched", SOURCE_ROUTE, UDP4,
              .ip_options = 12, .ip_option = SSRR_LEFT),
    UNTOUCHED("a fragment with a source route ahead passes untouched", SOURCE_ROUTE, UDP4,
              .ip_options = 8, .ip_option = LSRR_LEFT, .payload = 64, .fragment = 0x2000),
    UNTOUCHED("IPv6 with a segment left passes untouched", SOURCE_ROUTE, TCP6, .extension = "s"),
    UNTOUCHED("IPv6 with a segment left behind other headers passes untouched", SOURCE_ROUTE, UDP6,
              .extension = "hds", .payload = 5),
    UNTOUCHED("a fragment with a segment left passes untouched", SOURCE_ROUTE, UDP6,
              .extension = "sf", .payload = 64, .fragment = 0x0001),
    UNTOUCHED("authenticated IPv4 passes untouched", AUTHENTICATED, .proto = IPPROTO_AH,
              .from = "192.0.2.10", .to = "10.0.0.1", .payload = 44),
    UNTOUCHED("authenticated IPv6 passes untouched", AUTHENTICATED, TCP6, .extension = "a",
              .payload = 5),
    UNTOUCHED("authenticated IPv6 behind other headers passes untouched", AUTHENTICATED, UDP6,
              .extension = "hda", .payload = 5),
};

static const struct fixture malformed[] = {
    UNTOUCHED("IPv4 whose header length is too small passes untouched", MALFORMED, TCP4, .ihl = 4),
    UNTOUCHED("IPv4 whose header is longer than the packet passes untouched", MALFORMED, TCP4,
              .ihl = 15),
    UNTOUCHED("IPv4 of another version passes untouched", MALFORMED, TCP4, .version = 5),
    UNTOUCHED("IPv4 whose length ends within the TCP header passes untouched", MALFORMED, TCP4,
              .length_error = -1),
    UNTOUCHED("IPv4 whose length ends within its own header passes untouched", MALFORMED, TCP4,
              .length_error = -21),
    UNTOUCHED("an IPv4 option without a length passes untouched", MALFORMED, TCP4, .ip_options = 4,
              .ip_option = "\x07\x01"),
    UNTOUCHED("an IPv4 option that is longer than the header passes untouched", MALFORMED, TCP4,
              .ip_options = 4, .ip_option = "\x07\x05\x04"),
    UNTOUCHED("TCP whose header ends within its fixed part passes untouched", MALFORMED, TCP4,
              .data_offset = 4, .payload = 9),
    UNTOUCHED("TCP without a header length passes untouched", MALFORMED, TCP6, .data_offset = 16,
              .payload = 9),
    UNTOUCHED("TCP whose header is longer than the segment passes untouched", MALFORMED, TCP4,
              .data_offset = 8, .payload = 11),
    UNTOUCHED("IPv6 TCP whose header is longer than the segment passes untouched", MALFORMED, TCP6,
              .data_offset = 15, .padding = 40),
    UNTOUCHED("TCP that is cut short passes untouched", MALFORMED, TCP4, .cut = 1),
    UNTOUCHED("UDP that is cut short passes untouched", MALFORMED, UDP4, .cut = 1),
    UNTOUCHED("IPv6 of another version passes untouched", MALFORMED, TCP6, .version = 4),
    UNTOUCHED("IPv6 whose length ends within the TCP header passes untouched", MALFORMED, TCP6,
              .length_error = -1),
    UNTOUCHED("IPv6 whose length ends within the extension headers passes untouched", MALFORMED,
              TCP6, .extension = "dd", .length_error = -40),
    UNTOUCHED("IPv6 TCP that is cut short passes untouched", MALFORMED, TCP6, .cut = 5),
    UNTOUCHED("an extension header that is cut short passes untouched", MALFORMED, TCP6,
              .extension = "d", .cut = 29),
    UNTOUCHED("a VLAN tag that is cut short passes untouched", MALFORMED, TCP4, .tags = 1,
              .cut = 42),
    /* At TC the kernel runs no test with less than an IP header. */
    {.name = "an IPv4 header that is cut short passes untouched",
     .programs = XDP,
     .in = {TCP4, .cut = 25},
     .reason = FS_REASON_MALFORMED},
    {.name = "an IPv6 header that is cut short passes untouched",
     .programs = XDP,
     .in = {TCP6, .cut = 21},
     .reason = FS_REASON_MALFORMED},
};

/* ICMP errors about something else. */
static const struct spec other4 = {.from = "192.0.2.1:9", .to = CLIENT4, .payload = 20};
static const struct spec other6 = {.from = "[2001:db8:c::1]:9", .to = CLIENT6, .payload = 20};
static const struct spec reply4 = {.from = LOCAL4_VIP, .to = CLIENT4, .payload = 20};
static const struct spec reply6 = {.from = LOCAL6_VIP, .to = CLIENT6, .payload = 20};
static const struct spec later4 = {.from = LOCAL4_VIP, .to = CLIENT4, .fragment = 0x0010};
static const struct spec gre4 = {
    .proto = IPPROTO_GRE, .from = "10.0.0.1", .to = "192.0.2.10", .payload = 20};

#define ERROR4 .proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 1, .from = "192.0.2.10"
#define ERROR6 .proto = IPPROTO_ICMPV6, .icmp_type = 1, .from = "2001:db8:c::10"

static const struct fixture errors[] = {
    UNTOUCHED("an ICMP error about no service passes untouched", NO_PORTS, ERROR4,
              .to = "192.0.2.1", .quote = &other4),
    UNTOUCHED("an ICMPv6 error about no service passes untouched", NO_PORTS, ERROR6,
              .to = "2001:db8:c::1", .quote = &other6),
    UNTOUCHED("an ICMP error to another address than the one it quotes passes untouched", NO_PORTS,
              ERROR4, .to = "192.0.2.1", .quote = &reply4),
    UNTOUCHED("an ICMPv6 error to a neighbour of the VIP that it quotes passes untouched", NO_PORTS,
              ERROR6, .to = "fd00::ffff", .quote = &reply6),
    UNTOUCHED("an ICMP error that quotes fewer than eight bytes passes untouched", NO_PORTS, ERROR4,
              .to = "10.0.0.1", .quote = &reply4, .quote_bytes = 7),
    UNTOUCHED("an ICMP error whose quote has its last bytes in the padding passes untouched",
              NO_PORTS, ERROR4, .to = "10.0.0.1", .quote = &reply4, .quote_bytes = 4,
              .padding = 30),
    UNTOUCHED("an ICMP error that quotes a later fragment passes untouched", NO_PORTS, ERROR4,
              .to = "10.0.0.1", .quote = &later4),
    UNTOUCHED("an ICMP error that quotes GRE passes untouched", NO_PORTS, ERROR4, .to = "10.0.0.1",
              .quote = &gre4),
    UNTOUCHED("an ICMP error without a quote passes untouched", NO_PORTS, ERROR4, .to = "10.0.0.1"),
    UNTOUCHED("an ICMPv6 error without a quote passes untouched", NO_PORTS, ERROR6,
              .to = "fd00::1"),
    UNTOUCHED("an ICMP error whose header is cut short passes untouched", MALFORMED, ERROR4,
              .to = "10.0.0.1", .cut = 4),
};

static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                     multicast4[] = {0x01, 0, 0x5e, 0, 0, 1},
                     multicast6[] = {0x33, 0x33, 0, 0, 0, 1}, another[] = {0x02, 0, 0, 0, 0, 0xc1},
                     nearly[] = {0x06, 0, 0, 0, 0, 0xc0};

#define OTHERS(sentence, ...)                                                          \
    {                                                                                  \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_OTHER_HOST, .in = { \
            __VA_ARGS__                                                                \
        }                                                                              \
    }

static const struct fixture in_others_frames[] = {
    OTHERS("TCP to a VIP in a broadcast frame passes untouched", TCP4, .to_mac = broadcast),
    OTHERS("a SYN to an IPv6 VIP in a broadcast frame passes untouched", TCP6, .tcp_flags = SYN,
           .to_mac = broadcast),
    OTHERS("UDP to a VIP in a multicast frame passes untouched", UDP4, .to_mac = multicast4),
    OTHERS("UDP to an IPv6 VIP in a multicast frame passes untouched", UDP6, .to_mac = multicast6),
};

/* A single address. */
static const struct fixture in_anothers_frames[] = {
    OTHERS("TCP to a VIP in another host's frame passes untouched", TCP4, .to_mac = another),
    OTHERS("TCP to an IPv6 VIP in another host's frame passes untouched", TCP6, .to_mac = nearly),
    OTHERS("TCP to a remote backend's VIP in another host's frame passes untouched",
           .from = CLIENT4, .to = REMOTE4_VIP, .to_mac = another),
    {.name = "a remote backend's reply in another host's frame passes untouched",
     .programs = INGRESS,
     .reason = FS_REASON_OTHER_HOST,
     .by = "be0",
     .in = {.from = REMOTE4_BACKEND, .to = CLIENT4, .to_mac = another}},
    OTHERS("an ICMP error about a reply in another host's frame passes untouched", ERROR4,
           .to = "10.0.0.1", .quote = &reply4, .to_mac = another),
};

/* RFC 1071, section 3. */
static void checksum_is_right(void)
{
    test_begin("the tests' own checksum is that of RFC 1071");
    check_number(checksum((const uint8_t *)"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8), 0x220d, "sum");
    test_end();
}

int main(void)
{
    host_start(services);
    checksum_is_right();
    FIXTURES_RUN(no_service);
    FIXTURES_RUN(fragments);
    FIXTURES_RUN(routed);
    FIXTURES_RUN(malformed);
    FIXTURES_RUN(errors);
    FIXTURES_RUN(in_others_frames);
    if (host_shows_itself())
        FIXTURES_RUN(in_anothers_frames);
    else
        test_skip("before Linux 6.2 no program sees an interface's address",
                  "what is in another host's frame passes untouched");
    test_begin("packets for no service leave no entry");
    check_entries(0, 0, 0);
    test_end();
    return tests_done();
}
