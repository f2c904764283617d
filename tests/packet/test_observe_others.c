// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Traffic that says nothing of a version: datagrams, and clients that talk to its backend
 * themselves. */
#include <netinet/in.h>
#include <stdio.h>

#include "evidence.h"
#include "flow.h"
#include "host.h"
#include "seen.h"
#include "tap.h"

static const char udp[] =
    "  - {name: udp4, vip: '10.0.0.1:53/udp', mode: nat, affinity: flow, baseline: stable,\n"
    "     versions: [{name: stable, weight: 100%, backends: ['10.1.0.1:5353']}]}\n"
    "  - {name: udp6, vip: '[fd00::1]:53/udp', mode: nat, affinity: flow, baseline: stable,\n"
    "     versions: [{name: stable, weight: 100%, backends: ['[fd00:1::1]:5353']}]}\n";

static const struct {
    struct path path;
    const char *backend;
} datagrams[] = {
    {{"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_UDP, "udp4", "10.0.0.1:53", "192.0.2.10"},
     "10.1.0.1:5353"},
    {{"tc_ingress, IPv6", TC_INGRESS, IPPROTO_UDP, "udp6", "[fd00::1]:53", "[2001:db8:c::10]"},
     "[fd00:1::1]:5353"},
};

static void no_datagrams(const struct path *path, const char *backend)
{
    const volatile struct fs_health *health = health_named(path->service, "stable");
    struct fs_handshake handshake;
    struct fs_sample sample;
    char client[END_TEXT];

    path_test(path, "datagrams are not observed");
    for (int i = 0; i < 10; i++) {
        packet_goes(path, path_client(path, client), SYN, backend);
        packet_answered(path, client, backend, SYN | ACK);
        check(!handshake_find(path->service, client, &handshake), "%s has a handshake", client);
        check(!sample_find(path->service, client, &sample), "%s is in the sample", client);
    }
    check_number(health->connect_time.count, 0, "connect times");
    test_end();
}

/* A client's packet to the backend, and the backend's to such a client: they stay as they are. */
static void direct_packets(const struct way *way, const struct path *path, const char *client)
{
    packet_check(path, way->in, client, way->canary, SYN, client, way->canary);
    packet_check(path, TC_EGRESS, way->canary, client, SYN | ACK, way->canary, client);
    packet_check(path, way->in, client, way->canary, ACK, client, way->canary);
    packet_check(path, TC_EGRESS, way->canary, client, PSH | ACK, way->canary, client);
    packet_check(path, TC_EGRESS, way->canary, client, RST | ACK, way->canary, client);
}

static void no_direct_clients(const struct way *way)
{
    const struct path path = {way->name, way->in, IPPROTO_TCP, way->service, way->vip, way->client};
    struct fs_handshake handshake;
    char client[END_TEXT];

    way_test(way, "who talks to a backend itself is not observed");
    seen_begin(way);
    for (int i = 0; i < 10; i++) {
        direct_packets(way, &path, way_client(way, client));
        check(!handshake_find(way->service, client, &handshake), "%s has a handshake", client);
    }
    packet_check(&path, way->in, way_client(way, client), way->canary, SYN, client, way->canary);
    packet_check(&path, TC_EGRESS, way->canary, client, REFUSED, way->canary, client);
    SEEN(.handshakes = 0);
    test_end();

    tables_clear();
}

static void no_direct_namesakes(const struct way *way, uint32_t isn)
{
    const struct path path = {way->name, way->in, IPPROTO_TCP, way->service, way->vip, way->client};
    struct talk talk = talk_new(way, way->canary);

    way_test(way, isn == SEQUENCE ? "not even if its SYN is the same"
                                  : "nor is who does so in the name of a client that waits");
    talk.isn = isn;
    seen_begin(way);
    talk_syn(&talk);
    direct_packets(way, &path, talk.client);
    SEEN(.handshakes = 1);
    test_end();
    tables_clear();
}

static void no_two_at_once(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);
    uint64_t before[FS_REASON_COUNT], after[FS_REASON_COUNT];

    way_test(way, "a packet in the midst of another's observation is not observed, but steered");
    seen_begin(way);
    reasons_read(before);
    observing_set(true);
    talk_begin(&talk);
    talk_asks(&talk);
    reasons_read(after);
    SEEN(.handshakes = 0);
    check_number(after[FS_REASON_NOT_OBSERVED] - before[FS_REASON_NOT_OBSERVED], 4, "reasons");
    observing_set(false);
    test_end();

    way_test(way, "and the one behind it is observed again");
    for (int i = 0; i < 3; i++)
        talk_succeeds(way, way->canary);
    SEEN(.handshakes = 3, .answered = 3, .established = 3, .connect_times = 3,
         .outcomes[FAILURES] = {3, 0}, .outcomes[CONNECT_TIMES] = {3, 0});
    test_end();
}

int main(void)
{
    static char text[16384];

    snprintf(text, sizeof(text), "%s%s",
             ways_declare("sample: 1/1, http: true, " SEEN_GUARD, "0%", "100%"), udp);
    host_start(text);
    evidence_open(host_pin_dir());
    for (size_t i = 0; i < sizeof(datagrams) / sizeof(*datagrams); i++)
        no_datagrams(&datagrams[i].path, datagrams[i].backend);
    for (int i = 0; i < WAYS; i++) {
        no_two_at_once(&ways[i]);
        if (ways[i].remote)
            continue;
        no_direct_clients(&ways[i]);
        no_direct_namesakes(&ways[i], SEQUENCE + 1000000);
        no_direct_namesakes(&ways[i], SEQUENCE);
    }
    return tests_done();
}
