// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* UDP through changes of weights: flows on record stay, without affinity each datagram goes to the
 * current owner. */
#include <netinet/in.h>
#include <string.h>

#include "flow.h"
#include "host.h"
#include "tap.h"

#define SERVICE(name, vip, affinity, stable, canary)                                        \
    "  - {name: " name ", vip: '" vip "', mode: nat, affinity: " affinity                   \
    ", baseline: stable,\n     versions: [{name: stable, weight: 100%, backends: ['" stable \
    "']},\n     {name: canary, weight: 0%, backends: ['" canary "']}]}\n"

/* A service is a line. */
/* clang-format off */
static const char udp_services[] =
    "services:\n"
    SERVICE("flow4", "10.0.0.1:53/udp", "flow", "10.1.0.1:5353", "10.1.0.2:5353")
    SERVICE("flow6", "[fd00::1]:53/udp", "flow", "[fd00:1::1]:5353", "[fd00:1::2]:5353")
    SERVICE("none4", "10.0.0.1:54/udp", "none", "10.1.0.1:5454", "10.1.0.2:5454")
    SERVICE("none6", "[fd00::1]:54/udp", "none", "[fd00:1::1]:5454", "[fd00:1::2]:5454");
/* clang-format on */

static struct way {
    struct path path;
    const char *stable, *canary;
    char client[END_TEXT], quiet[END_TEXT];
} ways[] = {
    {{"flow4, xdp_ingress", XDP_INGRESS, IPPROTO_UDP, "flow4", "10.0.0.1:53", "192.0.2.10"},
     "10.1.0.1:5353",
     "10.1.0.2:5353",
     "",
     ""},
    {{"flow6, tc_ingress", TC_INGRESS, IPPROTO_UDP, "flow6", "[fd00::1]:53", "[2001:db8:c::10]"},
     "[fd00:1::1]:5353",
     "[fd00:1::2]:5353",
     "",
     ""},
    {{"none4, tc_ingress", TC_INGRESS, IPPROTO_UDP, "none4", "10.0.0.1:54", "192.0.2.10"},
     "10.1.0.1:5454",
     "10.1.0.2:5454",
     "",
     ""},
    {{"none6, xdp_ingress", XDP_INGRESS, IPPROTO_UDP, "none6", "[fd00::1]:54", "[2001:db8:c::10]"},
     "[fd00:1::1]:5454",
     "[fd00:1::2]:5454",
     "",
     ""},
};

/* Makes an entry look as if its flow had been silent for so many seconds, until now. */
static void make_idle(const char *client, unsigned seconds)
{
    struct fs_flow_key key;
    struct fs_flow flow;

    check(table_find(UDP_FLOWS, client, &key, &flow), "%s has no entry", client);
    flow.seen = tick_now() - seconds * 15;
    table_put(UDP_FLOWS, &key, &flow);
}

static void before_the_change(struct way *way)
{
    char client[END_TEXT];

    path_test(&way->path, "a datagram's flow is written down and followed");
    packet_goes_counted(&way->path, path_client(&way->path, way->client), 0, way->stable,
                        FS_REASON_FLOW_RECORDED, -1);
    packet_goes_counted(&way->path, way->client, 0, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_goes(&way->path, path_client(&way->path, way->quiet), 0, way->stable);
    packet_answered(&way->path, way->quiet, way->stable, 0);
    test_end();

    path_test(&way->path, "a backend's own datagrams keep its address");
    path_client(&way->path, client);
    packet_check(&way->path, TC_EGRESS, way->stable, client, 0, way->stable, client);
    packet_check(&way->path, TC_EGRESS, way->canary, way->client, 0, way->canary, way->client);
    packet_check(&way->path, way->path.in, way->client, way->stable, 0, way->client, way->stable);
    packet_answered(&way->path, way->client, way->stable, 0); /* forged or not, that was steered */
    test_end();
}

static void after_the_change(const struct way *way)
{
    const struct path *path = &way->path;
    struct fs_flow_key key;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a flow of datagrams stays where it is through a weight change");
    packet_goes_counted(path, way->client, 0, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_answered(path, way->client, way->stable, 0);
    test_end();

    path_test(path, "a new flow of datagrams goes to the new owner");
    packet_goes_counted(path, path_client(path, client), 0, way->canary, FS_REASON_FLOW_RECORDED,
                        -1);
    test_end();

    path_test(path, "a flow of datagrams that was silent for nearly 30 s stays");
    make_idle(way->quiet, 28);
    packet_goes(path, way->quiet, 0, way->stable);
    test_end();

    path_test(path, "answers keep a flow of datagrams alive");
    make_idle(way->quiet, 20);
    packet_answered(path, way->quiet, way->stable, 0);
    check(table_find(UDP_FLOWS, way->quiet, &key, &flow), "it has no entry");
    check(tick_now() - flow.seen < 10 * 15, "its entry has not heard of the answer");
    test_end();

    path_test(path, "a flow of datagrams that was silent for more than 30 s begins anew");
    make_idle(way->quiet, 32);
    packet_goes_counted(path, way->quiet, 0, way->canary, FS_REASON_FLOW_RECORDED, -1);
    test_end();
}

static void without_affinity(struct way *way, const char *owner, const char *sentence)
{
    path_test(&way->path, sentence);
    if (!*way->client)
        path_client(&way->path, way->client);
    packet_goes_counted(&way->path, way->client, 0, owner, -1);
    packet_goes_counted(&way->path, way->client, 0, owner, -1);
    test_end();
}

int main(void)
{
    host_start(udp_services);
    for (int i = 0; i < 2; i++)
        before_the_change(&ways[i]);
    for (int i = 2; i < 4; i++)
        without_affinity(&ways[i], ways[i].stable, "without affinity nothing is written down");
    for (int i = 0; i < 4; i++)
        flowsplit("set %s canary=100%%", ways[i].path.service);
    for (int i = 0; i < 2; i++)
        after_the_change(&ways[i]);
    for (int i = 2; i < 4; i++)
        without_affinity(&ways[i], ways[i].canary,
                         "without affinity the next datagram goes to the new owner");
    return tests_done();
}
