// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What seldom happens: empty pools, full tables, floods, routes that only the stack can take. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <flowsplit/arena.h>

#include "fixture.h"
#include "flow.h"
#include "host.h"
#include "tap.h"

static const char rare_services[] =
    "services:\n"
    "  - {name: web, vip: '10.0.0.1:80/tcp', mode: nat, affinity: flow, baseline: stable,\n"
    "     versions: [{name: stable, weight: 100%, backends: ['10.1.0.1:8080']},\n"
    "     {name: canary, weight: 0%, backends: ['10.1.0.2:8080']}]}\n"
    "  - {name: tunnel, vip: '10.0.0.2:80/tcp', mode: nat, affinity: flow, baseline: v1,\n"
    "     versions: [{name: v1, weight: 100%, backends: ['10.77.0.1:8080']}]}\n";

static const struct path web[] = {
    {"xdp_ingress", XDP_INGRESS, IPPROTO_TCP, "web", "10.0.0.1:80", "192.0.2.10"},
    {"tc_ingress", TC_INGRESS, IPPROTO_TCP, "web", "10.0.0.1:80", "192.0.2.10"},
};

/* No command leaves a version with weight and no backend; the data path must still know what to do
 * when it meets one. */
static void no_backend(void)
{
    static const struct fixture fixture = {
        .name = "a packet for a version without backends passes untouched",
        .programs = INGRESS,
        .reason = FS_REASON_NO_BACKEND,
        .in = {.from = CLIENT4, .to = "10.0.0.1:80"}};
    struct fs_root *root = arena_map();
    struct fs_directory *dir = fs_at(struct fs_directory, root, root->directory);
    struct fs_service *service = fs_at(struct fs_service, root, dir->services);
    struct fs_table *table = fs_at(struct fs_table, root, service->table);
    struct fs_pool *pool = &table->pool[table->owner[0] & FS_OWNER_VERSION], kept = *pool;

    pool->slot_count = 0;
    fixtures_run(&fixture, 1);
    *pool = kept;
    munmap(root, FS_ARENA_BYTES);
}

/* Does the kernel know such routes? */
static bool add_tunnel_route(void)
{
    return !system("ip route add 10.77.0.1/32 encap ip id 7 dst 198.51.100.11 dev be0 2>/dev/null");
}

static void encapsulated(void)
{
    static const struct fixture fixture = {
        .name = "a packet that the route would wrap is left to the stack",
        .programs = INGRESS,
        .reason = FS_REASON_STACK_OTHER,
        .to = "10.77.0.1:8080",
        .in = {.from = CLIENT4, .to = "10.0.0.2:80"}};

    if (add_tunnel_route())
        fixtures_run(&fixture, 1);
    else
        test_skip("this kernel knows no routes that wrap packets", "%s", fixture.name);
}

static void flood(const struct path *path, const char *live)
{
    unsigned packets = host_is_slow() ? 5000 : 150000, flows = table_entries(FLOWS);
    struct run run = {.program = path->in, .ifindex = host_interface("cl0")};
    struct spec spec = {.from = CLIENT4, .to = path->vip, .tcp_flags = SYN};
    static struct frame in, out;

    path_test(path, "a flood of SYNs in moving buckets pushes no live flow out");
    frame_build(&spec, &in);
    for (unsigned i = 0; i < packets; i++) {
        uint32_t source = host_random();

        memcpy(in.data + 14 + 12, &source, sizeof(source));
        data_path_run(&run, &in, &out);
    }
    check_number(table_entries(FLOWS), flows, "entries of flows");
    check_number(table_entries(UNPROVEN), 0, "entries of unproven");
    packet_goes_counted(path, live, ACK, "10.1.0.1:8080", FS_REASON_FLOW_FOLLOWED, -1);
    test_end();
}

/* As many entries as fit, of a service that doesn't exist. */
static void fill_flows(void)
{
    struct fs_flow_key key = {.scope = 0x7fffffff};
    struct fs_flow flow = {.backend = 0};

    while (key.addr[0]++ < (1u << 20) + 1000 && table_try(FLOWS, &key, &flow))
        ;
}

static void full(const struct path *path, const char *live)
{
    char client[END_TEXT];

    uint64_t before[FS_REASON_COUNT];

    path_test(path, "where the flow table is full, flows go on by the former owner");
    packet_goes_counted(path, path_client(path, client), ACK, "10.1.0.1:8080", -1);
    reasons_read(before);
    packet_answered(path, client, "10.1.0.1:8080", ACK);
    check_reasons(before, FS_REASON_REPLY_EGRESS, 1, FS_REASON_FLOW_TABLE_FULL, 1, -1);
    packet_goes_counted(path, client, ACK, "10.1.0.1:8080", -1);
    packet_goes_counted(path, live, ACK, "10.1.0.1:8080", FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "there, new flows stay with the former owner, and so need no entry");
    packet_goes_counted(path, path_client(path, client), SYN, "10.1.0.1:8080", -1);
    test_end();
}

int main(void)
{
    char live[END_TEXT];

    host_start(rare_services);
    no_backend();
    encapsulated();
    flowsplit("set web canary=100%%");
    packet_answered(&web[0], path_client(&web[0], live), "10.1.0.1:8080", ACK);
    for (int i = 0; i < 2; i++)
        flood(&web[i], live);
    if (host_is_slow()) {
        test_skip("a million entries take long here",
                  "where the flow table is full, flows go on by the former owner");
        return tests_done();
    }
    fill_flows();
    for (int i = 0; i < 2; i++)
        full(&web[i], live);
    return tests_done();
}
