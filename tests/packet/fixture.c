// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests as data. */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"
#include "host.h"
#include "tap.h"

#define SERVICE(name, vip, affinity, backend)                             \
    "  - {name: " name ", vip: '" vip "', mode: nat, affinity: " affinity \
    ", baseline: v1, versions: [{name: v1, weight: 100%, backends: ['" backend "']}]}\n"

/* A service is a line. */
/* clang-format off */
const char services[] =
    "services:\n"
    SERVICE("local4", LOCAL4_VIP "/tcp", "flow", LOCAL4_BACKEND)
    SERVICE("local6", LOCAL6_VIP "/tcp", "flow", LOCAL6_BACKEND)
    SERVICE("local4-udp", LOCAL4_UDP_VIP "/udp", "none", LOCAL4_UDP_BACKEND)
    SERVICE("local6-udp", LOCAL6_UDP_VIP "/udp", "none", LOCAL6_UDP_BACKEND)
    SERVICE("remote4", REMOTE4_VIP "/tcp", "flow", REMOTE4_BACKEND)
    SERVICE("remote6", REMOTE6_VIP "/tcp", "flow", REMOTE6_BACKEND)
    SERVICE("remote4-udp", REMOTE4_UDP_VIP "/udp", "none", REMOTE4_UDP_BACKEND)
    SERVICE("remote6-udp", REMOTE6_UDP_VIP "/udp", "none", REMOTE6_UDP_BACKEND)
    SERVICE("back4", "10.0.0.3:80/tcp", "flow", "192.0.2.77:8080")
    SERVICE("back6", "[fd00::3]:80/tcp", "flow", "[2001:db8:c::77]:8080")
    SERVICE("small4", "10.0.0.4:80/tcp", "flow", "203.0.113.11:8080")
    SERVICE("small6", "[fd00::4]:80/tcp", "flow", "[2001:db8:d::11]:8080")
    SERVICE("hole4", "10.0.0.5:80/tcp", "flow", "10.66.0.1:8080")
    SERVICE("hole6", "[fd00::5]:80/tcp", "flow", "[fd00:66::1]:8080")
    SERVICE("prohibited4", "10.0.0.6:80/tcp", "flow", "10.66.0.2:8080")
    SERVICE("prohibited6", "[fd00::6]:80/tcp", "flow", "[fd00:66::2]:8080")
    SERVICE("unreachable4", "10.0.0.7:80/tcp", "flow", "10.66.0.3:8080")
    SERVICE("unreachable6", "[fd00::7]:80/tcp", "flow", "[fd00:66::3]:8080")
    SERVICE("unknown4", "10.0.0.8:80/tcp", "flow", "198.51.100.99:8080")
    SERVICE("unknown6", "[fd00::8]:80/tcp", "flow", "[2001:db8:b::99]:8080")
    SERVICE("nowhere4", "10.0.0.9:80/tcp", "flow", "172.16.0.1:8080")
    SERVICE("nowhere6", "[fd00::9]:80/tcp", "flow", "[2001:db8:eeee::1]:8080");
/* clang-format on */

static const char *interface_of(const struct fixture *fixture)
{
    return fixture->by ? fixture->by : "cl0";
}

/* What comes in; `at` gets the MAC that it is sent to, where nothing else is said. */
static struct spec incoming(const struct fixture *fixture, struct hop *at)
{
    struct spec spec = fixture->in;

    *at = host_hop(interface_of(fixture), 11);
    spec.to_mac = spec.to_mac ? spec.to_mac : at->from;
    return spec;
}

static void build_wished(const struct fixture *fixture, struct frame *frame)
{
    struct hop hop, at;
    struct spec spec = incoming(fixture, &at), quote;

    spec.from = fixture->from ? fixture->from : spec.from;
    spec.to = fixture->to ? fixture->to : spec.to;
    if (fixture->via) {
        hop = host_hop(fixture->via, fixture->neighbour);
        spec.to_mac = hop.to;
        spec.from_mac = hop.from;
        spec.ttl = (uint8_t)((spec.ttl ? spec.ttl : 64) - 1);
    }
    if (spec.quote) {
        quote = *spec.quote;
        quote.from = fixture->quote_from ? fixture->quote_from : quote.from;
        quote.to = fixture->quote_to ? fixture->quote_to : quote.to;
        spec.quote = &quote;
    }
    frame_build(&spec, frame);
}

/* Again, as if the card had summed the packet up (CHECKSUM_COMPLETE): the kernel checks that its
 * sum still fits afterwards. */
static void check_complete(struct run run, const struct frame *in)
{
    static bool unknown;
    static struct frame out;
    enum verdict verdict;
    int err;

    if (unknown || program_is_xdp(run.program))
        return;
    run.complete = true;
    err = data_path_try(&run, in, &out, &verdict, NULL);
    unknown = err == -EINVAL;
    check(!err || unknown, "%s the card's sum of the packet: %s",
          err == -EBADMSG ? "lost track of" : "cannot run with", strerror(-err));
}

void fixture_check(const struct fixture *fixture, enum program program)
{
    struct hop at;
    struct spec spec = incoming(fixture, &at);
    struct run run = {.program = program,
                      .ifindex = host_interface(interface_of(fixture)),
                      .gso_size = fixture->gso_size};
    static struct frame in, out, wished;
    uint64_t before[FS_REASON_COUNT];
    enum verdict verdict, wanted = fixture->verdict;

    if (program_is_egress(program) && !fixture->from_this_host)
        run.came_in_by = host_interface("cl0");
    if (!program_is_xdp(program) && wanted == BACK)
        wanted = FORWARD;
    frame_build(&spec, &in);
    build_wished(fixture, &wished);
    reasons_read(before);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == wanted, "the verdict is %s instead of %s", verdict_names[verdict],
          verdict_names[wanted]);
    check_reasons(before, fixture->reason, 1, fixture->also ? (int)fixture->also : -1, 1, -1);
    if (wanted != DROP)
        check_frame(&out, &wished);
    check(!(wrong_checksums(out.data, out.bytes) & ~wrong_checksums(in.data, in.bytes)) ||
              wanted == DROP,
          "a checksum has become wrong");
    check_complete(run, &in);
}

void fixtures_run(const struct fixture *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int program = 0; program < PROGRAM_COUNT; program++) {
            if (!(list[i].programs & 1u << program))
                continue;
            if (program_is_xdp((enum program)program) && list[i].gso_size)
                continue;
            test_begin("%s (%s)", list[i].name, program_names[program]);
            fixture_check(&list[i], program);
            test_end();
        }
    }
}
