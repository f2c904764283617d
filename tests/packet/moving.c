// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services whose buckets have just moved, and flows in them. */
#include "moving.h"

#include <netinet/in.h>
#include <string.h>

#include "host.h"
#include "tap.h"

#define MOVING(name, vip, stable, canary)                                                   \
    "  - {name: " name ", vip: '" vip "', mode: nat, affinity: flow, baseline: stable,\n"   \
    "     drain: 10m, versions: [{name: stable, weight: 100%, backends: ['" stable "']},\n" \
    "     {name: canary, weight: 0%, backends: ['" canary "']}]}\n"

#define SERVICES(stable4, stable6)                                          \
    "services:\n" MOVING("m4", "10.0.0.1:80/tcp", stable4, "10.1.0.2:8080") \
        MOVING("m6", "[fd00::1]:80/tcp", stable6, "[fd00:1::2]:8080")

const char moving_services[] = SERVICES("10.1.0.1:8080", "[fd00:1::1]:8080");
const char moving_replaced[] = SERVICES("10.1.0.3:8080", "[fd00:1::3]:8080");

struct moving_way moving_ways[MOVING_WAYS] = {
    {.path = {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP, "m4", "10.0.0.1:80", "192.0.2.10"},
     .stable = "10.1.0.1:8080",
     .canary = "10.1.0.2:8080",
     .new_stable = "10.1.0.3:8080"},
    {.path = {"tc_ingress, IPv4", TC_INGRESS, IPPROTO_TCP, "m4", "10.0.0.1:80", "192.0.2.10"},
     .stable = "10.1.0.1:8080",
     .canary = "10.1.0.2:8080",
     .new_stable = "10.1.0.3:8080"},
    {.path = {"xdp_ingress, IPv6", XDP_INGRESS, IPPROTO_TCP, "m6", "[fd00::1]:80",
              "[2001:db8:c::10]"},
     .stable = "[fd00:1::1]:8080",
     .canary = "[fd00:1::2]:8080",
     .new_stable = "[fd00:1::3]:8080"},
    {.path = {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_TCP, "m6", "[fd00::1]:80",
              "[2001:db8:c::10]"},
     .stable = "[fd00:1::1]:8080",
     .canary = "[fd00:1::2]:8080",
     .new_stable = "[fd00:1::3]:8080"},
};

char *moving_client(const struct moving_way *way, char *text)
{
    bool moving;

    do {
        json_t *said = flowsplit_json("explain %s '%s' --json", way->path.service,
                                      path_client(&way->path, text));

        moving = json_is_true(json_object_get(said, "moving")) &&
                 !strcmp(json_text(said, "version"), "canary");
        json_decref(said);
    } while (!moving);
    return text;
}

bool on_record(const char *client, struct fs_flow *flow)
{
    struct fs_flow_key key;

    return table_find(FLOWS, client, &key, flow);
}

void check_flags(const char *client, unsigned flags, const char *when)
{
    struct fs_flow flow = {.flags = ~0u};

    check(on_record(client, &flow), "%s has no entry", client);
    check_number(flow.flags & ~FS_FLOW_HALF, flags, "flags %s", when);
}

void connect_to(const struct path *path, const char *client, const char *backend)
{
    packet_goes(path, client, SYN, backend);
    packet_answered(path, client, backend, SYN | ACK);
    packet_goes(path, client, ACK, backend);
}
