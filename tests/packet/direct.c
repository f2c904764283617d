// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Clients who talk to the VIP or to a backend itself, with the same ends. */
#include "direct.h"

#include <netinet/in.h>
#include <sys/mman.h>

#include <flowsplit/arena.h>

#include "fixture.h"
#include "host.h"
#include "tap.h"

/* One backend each, so the hash would steer every client to it; "wide" has two, so that it is
 * known of some clients that they can't have come by the VIP. */
const char direct_services[] =
    "services:\n"
    "  - {name: t4, vip: '" LOCAL4_VIP "/tcp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['" LOCAL4_BACKEND "']}]}\n"
    "  - {name: t6, vip: '" LOCAL6_VIP "/tcp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['" LOCAL6_BACKEND "']}]}\n"
    "  - {name: u4, vip: '" LOCAL4_UDP_VIP "/udp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['" LOCAL4_UDP_BACKEND "']}]}\n"
    "  - {name: u6, vip: '" LOCAL6_UDP_VIP "/udp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['" LOCAL6_UDP_BACKEND "']}]}\n"
    "  - {name: r4, vip: '" REMOTE4_VIP "/tcp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['" REMOTE4_BACKEND "']}]}\n"
    "  - {name: wide, vip: '10.0.0.9:80/tcp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['10.1.0.8:8080', '10.1.0.9:8080']}]}\n";

const struct path tcp_paths[TCP_PATHS] = {
    {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP, "t4", LOCAL4_VIP, "192.0.2.10"},
    {"tc_ingress, IPv4", TC_INGRESS, IPPROTO_TCP, "t4", LOCAL4_VIP, "192.0.2.10"},
    {"xdp_ingress, IPv6", XDP_INGRESS, IPPROTO_TCP, "t6", LOCAL6_VIP, "[2001:db8:c::10]"},
    {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_TCP, "t6", LOCAL6_VIP, "[2001:db8:c::10]"},
};

const struct path *path;
const char *backend;
char client[END_TEXT];

void begin(const char *sentence)
{
    path_client(path, client);
    path_test(path, sentence);
}

void by_vip(unsigned flags)
{
    packet_check(path, path->in, client, path->vip, flags, client, backend);
}

void directly(unsigned flags)
{
    packet_check(path, path->in, client, backend, flags, client, backend);
}

void answered_from(const char *source, unsigned flags)
{
    packet_check(path, TC_EGRESS, backend, client, flags, source, client);
}

void learn_until(int ticks)
{
    struct fs_root *root = arena_map();

    fs_at(struct fs_directory, root, root->directory)->learn_until = tick_now() + (uint32_t)ticks;
    munmap(root, FS_ARENA_BYTES);
}
