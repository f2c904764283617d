// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each answer that the kernel's routes can give for a packet to a remote backend. */
#include "fixture.h"
#include "host.h"
#include "tap.h"

#define REMOTE4 .from = CLIENT4, .to = REMOTE4_VIP
#define REMOTE6 .from = CLIENT6, .to = REMOTE6_VIP

/* Left to the stack, which routes it: the destination is already the backend's. */
#define STACK(sentence, why, backend, ...)                                                       \
    {                                                                                            \
        .name = sentence, .programs = INGRESS, .reason = FS_REASON_##why, .to = backend, .in = { \
            __VA_ARGS__                                                                          \
        }                                                                                        \
    }

static const struct fixture answers[] = {
    STACK("without a neighbour entry IPv4 goes up the stack", STACK_NEIGHBOUR, "198.51.100.99:8080",
          .from = CLIENT4, .to = "10.0.0.8:80", .payload = 9),
    STACK("without a neighbour entry IPv6 goes up the stack", STACK_NEIGHBOUR,
          "[2001:db8:b::99]:8080", .from = CLIENT6, .to = "[fd00::8]:80", .payload = 9),
    STACK("a prohibited IPv4 route is left to the stack", STACK_UNREACHABLE, "10.66.0.2:8080",
          .from = CLIENT4, .to = "10.0.0.6:80"),
    STACK("a prohibited IPv6 route is left to the stack", STACK_UNREACHABLE, "[fd00:66::2]:8080",
          .from = CLIENT6, .to = "[fd00::6]:80"),
    STACK("an unreachable IPv4 route is left to the stack", STACK_UNREACHABLE, "10.66.0.3:8080",
          .from = CLIENT4, .to = "10.0.0.7:80"),
    STACK("an unreachable IPv6 route is left to the stack", STACK_UNREACHABLE, "[fd00:66::3]:8080",
          .from = CLIENT6, .to = "[fd00::7]:80"),
    {.name = "an IPv4 packet into a black hole is dropped",
     .programs = INGRESS,
     .verdict = DROP,
     .reason = FS_REASON_BLACKHOLE,
     .in = {.from = CLIENT4, .to = "10.0.0.5:80"}},
    {.name = "an IPv6 packet into a black hole is dropped",
     .programs = INGRESS,
     .verdict = DROP,
     .reason = FS_REASON_BLACKHOLE,
     .in = {.from = CLIENT6, .to = "[fd00::5]:80"}},
    STACK("a packet too big for the IPv4 route goes up the stack, which answers", STACK_MTU,
          "203.0.113.11:8080", .from = CLIENT4, .to = "10.0.0.4:80", .payload = 1300,
          .fragment = 0x4000),
    STACK("a packet too big for the IPv6 route goes up the stack, which answers", STACK_MTU,
          "[2001:db8:d::11]:8080", .from = CLIENT6, .to = "[fd00::4]:80", .payload = 1300),
    {.name = "an IPv4 packet that just fits is sent on",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "mt0",
     .neighbour = 11,
     .to = "203.0.113.11:8080",
     .in = {.from = CLIENT4, .to = "10.0.0.4:80", .payload = 1240}},
    {.name = "an IPv6 packet that just fits is sent on",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "mt0",
     .neighbour = 11,
     .to = "[2001:db8:d::11]:8080",
     .in = {.from = CLIENT6, .to = "[fd00::4]:80", .payload = 1220}},
    {.name = "a short packet in a long padded frame still fits",
     .programs = XDP,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "mt0",
     .neighbour = 11,
     .to = "203.0.113.11:8080",
     .in = {.from = CLIENT4, .to = "10.0.0.4:80", .payload = 1240, .padding = 100}},
    {.name = "an IPv4 packet goes back out of the interface it came by",
     .programs = INGRESS,
     .verdict = BACK,
     .reason = FS_REASON_TO_SAME_INTERFACE,
     .via = "cl0",
     .neighbour = 77,
     .to = "192.0.2.77:8080",
     .in = {.from = CLIENT4, .to = "10.0.0.3:80", .payload = 7}},
    {.name = "an IPv6 packet goes back out of the interface it came by",
     .programs = INGRESS,
     .verdict = BACK,
     .reason = FS_REASON_TO_SAME_INTERFACE,
     .via = "cl0",
     .neighbour = 77,
     .to = "[2001:db8:c::77]:8080",
     .in = {.from = CLIENT6, .to = "[fd00::3]:80", .payload = 7}},
};

static const struct fixture time_to_live[] = {
    STACK("a TTL of one goes up the stack, which answers", STACK_TTL, REMOTE4_BACKEND, REMOTE4,
          .ttl = 1),
    STACK("a hop limit of one goes up the stack, which answers", STACK_TTL, REMOTE6_BACKEND,
          REMOTE6, .ttl = 1),
    {.name = "a TTL of two is sent on as one",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "be0",
     .neighbour = 11,
     .to = REMOTE4_BACKEND,
     .in = {REMOTE4, .ttl = 2}},
    {.name = "a hop limit of two is sent on as one",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "be0",
     .neighbour = 11,
     .to = REMOTE6_BACKEND,
     .in = {REMOTE6, .ttl = 2}},
    {.name = "a TTL of 255 is sent on as 254",
     .programs = INGRESS,
     .verdict = FORWARD,
     .reason = FS_REASON_TO_INTERFACE,
     .via = "be0",
     .neighbour = 11,
     .to = REMOTE4_BACKEND,
     .in = {REMOTE4, .ttl = 255}},
};

static const struct fixture tagged[] = {
    STACK("a tagged IPv4 packet for a remote backend goes up the stack", STACK_VLAN,
          REMOTE4_BACKEND, REMOTE4, .tags = 1),
    STACK("an IPv6 packet with two tags for a remote backend goes up the stack", STACK_VLAN,
          REMOTE6_BACKEND, REMOTE6, .tags = 2, .outer_type = VLAN_AD),
};

static const struct fixture nowhere[] = {
    STACK("an IPv4 packet that no route leads to the backend counts as unreachable",
          STACK_UNREACHABLE, "172.16.0.1:8080", .from = CLIENT4, .to = "10.0.0.9:80"),
    STACK("an IPv6 packet that no route leads to the backend counts as unreachable",
          STACK_UNREACHABLE, "[2001:db8:eeee::1]:8080", .from = CLIENT6, .to = "[fd00::9]:80"),
};

/* Is the header's checksum, before or after, one at which a sum carries over? */
static bool is_extreme(const struct fixture *fixture)
{
    static struct frame frame;
    struct spec spec = fixture->in;
    unsigned check;

    spec.to = fixture->to;
    frame_build(&spec, &frame);
    check = frame.data[14 + 10] << 8 | frame.data[14 + 11];
    return check <= 0x0100 || check >= 0xfe00;
}

/* Identifications that bring the header's checksum to its extremes. */
static void every_header(void)
{
    unsigned count = 0;

    test_begin("counting down the TTL keeps the header's checksum right at its extremes");
    for (unsigned id = 1; id < 0x10000; id++) {
        struct fixture fixture = {.verdict = FORWARD,
                                  .reason = FS_REASON_TO_INTERFACE,
                                  .via = "be0",
                                  .neighbour = 11,
                                  .to = REMOTE4_BACKEND,
                                  .in = {REMOTE4, .id = (uint16_t)id}};

        if (!is_extreme(&fixture))
            continue;
        count++;
        fixture_check(&fixture, XDP_INGRESS);
        fixture_check(&fixture, TC_INGRESS);
    }
    check_number(count, 0x300, "headers"); /* 0xffff is none */
    test_end();
}

static void forwarding_off(void)
{
    static const struct fixture off[] = {
        STACK("IPv4 goes up the stack where forwarding is off", STACK_FORWARDING, REMOTE4_BACKEND,
              REMOTE4, .payload = 3),
        STACK("IPv6 goes up the stack where forwarding is off", STACK_FORWARDING, REMOTE6_BACKEND,
              REMOTE6, .payload = 3),
    };

    host_run("echo 0 >/proc/sys/net/ipv4/conf/cl0/forwarding");
    host_run("echo 0 >/proc/sys/net/ipv6/conf/cl0/forwarding");
    FIXTURES_RUN(off);
    host_run("echo 1 >/proc/sys/net/ipv4/conf/cl0/forwarding");
    host_run("echo 1 >/proc/sys/net/ipv6/conf/cl0/forwarding");
}

static void redirect_banned(void)
{
    static const struct fixture banned =
        STACK("", STACK_REDIRECT, REMOTE4_BACKEND, REMOTE4, .payload = 3);
    static const struct fixture tried = {.verdict = FORWARD,
                                         .reason = FS_REASON_TO_INTERFACE,
                                         .via = "be0",
                                         .neighbour = 11,
                                         .to = REMOTE4_BACKEND,
                                         .in = {REMOTE4, .payload = 3}};
    unsigned be0 = host_interface("be0");

    test_begin("where redirecting has just failed, XDP leaves packets to the stack");
    ban_redirect(be0, FS_BAN_NOT_NOW, false);
    fixture_check(&banned, XDP_INGRESS);
    ban_redirect(be0, FS_BAN_UNABLE, false);
    fixture_check(&banned, XDP_INGRESS);
    test_end();
    test_begin("when the time is over, one packet tries again");
    ban_redirect(be0, FS_BAN_NOT_NOW, true);
    fixture_check(&tried, XDP_INGRESS);
    fixture_check(&banned, XDP_INGRESS);
    test_end();
    test_begin("but none where the device still can't take any: it is looked at");
    ban_redirect(be0, FS_BAN_UNABLE, true);
    fixture_check(&banned, XDP_INGRESS);
    test_end();
    ban_redirect(be0, FS_BAN_NONE, true);
}

int main(void)
{
    host_start(services);
    FIXTURES_RUN(answers);
    FIXTURES_RUN(time_to_live);
    FIXTURES_RUN(tagged);
    FIXTURES_RUN(nowhere);
    every_header();
    forwarding_off();
    redirect_banned();
    return tests_done();
}
