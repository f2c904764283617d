// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buckets after their drain time: only exceptions are followed, and when these end, nothing. Takes
 * its time: the data path goes on recording 2.1 s longer than `drain`, and a flow's entry stays for
 * 5 s after its end. */
#include <netinet/in.h>
#include <string.h>

#include "flow.h"
#include "host.h"
#include "tap.h"

#define MARGIN_S 2.4
#define CLOSED_S 5.4

static const char tracked_services[] =
    "services:\n"
    "  - {name: t4, vip: '10.0.0.1:80/tcp', mode: nat, affinity: flow, baseline: stable,\n"
    "     drain: 1s, versions: [{name: stable, weight: 100%, backends: ['10.1.0.1:8080']},\n"
    "     {name: canary, weight: 0%, backends: ['10.1.0.2:8080']}]}\n"
    "  - {name: t6, vip: '[fd00::1]:80/tcp', mode: nat, affinity: flow, baseline: stable,\n"
    "     drain: 1s, versions: [{name: stable, weight: 100%, backends: ['[fd00:1::1]:8080']},\n"
    "     {name: canary, weight: 0%, backends: ['[fd00:1::2]:8080']}]}\n";

static struct way {
    struct path path;
    const char *stable, *canary;
    char old[END_TEXT], new[END_TEXT]; /* clients that were seen while it was moving */
} ways[] = {
    {{"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP, "t4", "10.0.0.1:80", "192.0.2.10"},
     "10.1.0.1:8080",
     "10.1.0.2:8080",
     "",
     ""},
    {{"tc_ingress, IPv6", TC_INGRESS, IPPROTO_TCP, "t6", "[fd00::1]:80", "[2001:db8:c::10]"},
     "[fd00:1::1]:8080",
     "[fd00:1::2]:8080",
     "",
     ""},
};

#define WAYS (sizeof(ways) / sizeof(*ways))

static void check_status(const struct path *path, long moving, long tracked, long entries)
{
    json_t *said = flowsplit_json("status %s --json", path->service);
    json_t *service = json_named(said, "services", path->service);
    static const char *const keys[] = {"moving_buckets", "tracked_buckets", "flow_entries"};
    long wished[] = {moving, tracked, entries};

    for (int i = 0; i < 3; i++)
        if (wished[i] >= 0)
            check_number((unsigned long long)json_number(service, keys[i]),
                         (unsigned long long)wished[i], "%s of %s", keys[i], path->service);
    json_decref(said);
}

static void move(struct way *way)
{
    const struct path *path = &way->path;

    flowsplit("set %s canary=100%%", path->service);
    path_test(path, "while a bucket moves, all flows in it are written down");
    packet_goes_counted(path, path_client(path, way->old), ACK, way->stable, -1);
    packet_answered(path, way->old, way->stable, ACK);
    packet_goes_counted(path, way->old, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_goes_counted(path, path_client(path, way->new), SYN, way->canary, -1);
    packet_answered(path, way->new, way->canary, SYN | ACK);
    packet_goes_counted(path, way->new, ACK, way->canary, FS_REASON_FLOW_RECORDED, -1);
    test_end();
}

/* Waits until the publisher counts the bucket as tracked. */
static void wait_for_the_end(const struct way *way)
{
    bool moving;

    do {
        json_t *said = flowsplit_json("explain %s '%s' --json", way->path.service, way->old);

        moving = json_is_true(json_object_get(said, "moving"));
        json_decref(said);
        host_sleep(moving ? 0.1 : 0);
    } while (moving);
}

/* By then the data path still records. */
static void margin(const struct way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "shortly after the drain time flows are still written down");
    packet_goes(path, path_client(path, client), ACK, way->stable);
    packet_answered(path, client, way->stable, ACK);
    packet_goes_counted(path, client, FIN | ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_answered(path, client, way->stable, FIN | ACK | ACKS_FIN);
    test_end();
}

static void tracked(const struct way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "in a tracked bucket flows follow their entries");
    packet_goes_counted(path, way->old, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_goes_counted(path, way->new, ACK, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "in a tracked bucket new flows go to the owner and leave no entry");
    packet_goes_counted(path, path_client(path, client), SYN, way->canary, -1);
    packet_goes_counted(path, client, ACK, way->canary, -1);
    test_end();

    path_test(path, "in a tracked bucket flows that no one knows go to the owner");
    packet_goes_counted(path, path_client(path, client), ACK, way->canary, -1);
    packet_goes_counted(path, client, RST, way->canary, -1);
    packet_answered(path, client, way->canary, SYN | ACK);
    test_end();
}

static void swept(const struct way *way)
{
    const struct path *path = &way->path;

    path_test(path, "a sweep leaves the exceptions and their buckets only");
    check_status(path, 0, -1, -1); /* sweeps, and shows */
    check_status(path, 0, 1, 1);
    packet_goes_counted(path, way->old, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    packet_goes_counted(path, way->new, ACK, way->canary, -1);
    test_end();

    path_test(path, "the last exception ends like any flow");
    packet_goes(path, way->old, FIN | ACK, way->stable);
    packet_answered(path, way->old, way->stable, FIN | ACK | ACKS_FIN);
    packet_goes(path, way->old, ACK, way->stable);
    test_end();
}

static void settled(const struct way *way)
{
    const struct path *path = &way->path;

    path_test(path, "with the last exception gone the bucket is settled");
    check_status(path, 0, -1, -1);
    check_status(path, 0, 0, 0);
    packet_goes_counted(path, way->old, ACK, way->canary, -1);
    test_end();
}

int main(void)
{
    host_start(tracked_services);
    for (size_t i = 0; i < WAYS; i++)
        move(&ways[i]);
    for (size_t i = 0; i < WAYS; i++) {
        wait_for_the_end(&ways[i]);
        if (!host_is_slow())
            margin(&ways[i]);
    }
    host_sleep(MARGIN_S);
    for (size_t i = 0; i < WAYS; i++)
        tracked(&ways[i]);
    host_sleep(CLOSED_S); /* the flows that have ended have to be gone */
    for (size_t i = 0; i < WAYS; i++)
        swept(&ways[i]);
    host_sleep(CLOSED_S);
    for (size_t i = 0; i < WAYS; i++)
        settled(&ways[i]);
    test_begin("in the end no entry is left");
    check_entries(0, 0, 0);
    test_end();
    return tests_done();
}
