// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which flow goes to whom: shares, affinity, what `explain` says of it, counters. */
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect.h"
#include "flow.h"
#include "host.h"
#include "tap.h"

#define SPLIT(name, vip, affinity, net, port)                                                \
    "  - {name: " name ", vip: '" vip "', mode: nat, affinity: " affinity ", baseline: a,\n" \
    "     versions: [{name: a, weight: 70.5%, backends: ['" net "1" port "', '" net "2" port \
    "']}, {name: b, weight: 24.49%, backends: ['" net "3" port "']},\n"                      \
    "     {name: c, weight: 5.01%, backends: ['" net "4" port "', '" net "5" port "', '" net \
    "6" port "']}]}\n"

/* A service is a line. */
/* clang-format off */
static const char split_services[] =
    "services:\n"
    SPLIT("flow4", "10.0.0.1:80/tcp", "flow", "10.1.0.", ":8080")
    SPLIT("flow6", "[fd00::1]:80/tcp", "flow", "[fd00:1::", "]:8080")
    SPLIT("source4", "10.0.0.1:81/tcp", "source", "10.1.0.", ":8081")
    SPLIT("source6", "[fd00::1]:81/tcp", "source", "[fd00:1::", "]:8081")
    SPLIT("none4", "10.0.0.1:53/udp", "none", "10.1.0.", ":5353")
    SPLIT("none6", "[fd00::1]:53/udp", "none", "[fd00:1::", "]:5353")
    SPLIT("udp4", "10.0.0.1:54/udp", "flow", "10.1.0.", ":5454")
    SPLIT("udp6", "[fd00::1]:54/udp", "flow", "[fd00:1::", "]:5454");
/* clang-format on */

static const struct path paths[] = {
    {"flow4", XDP_INGRESS, IPPROTO_TCP, "flow4", "10.0.0.1:80", NULL},
    {"flow6", TC_INGRESS, IPPROTO_TCP, "flow6", "[fd00::1]:80", NULL},
    {"source4", TC_INGRESS, IPPROTO_TCP, "source4", "10.0.0.1:81", NULL},
    {"source6", XDP_INGRESS, IPPROTO_TCP, "source6", "[fd00::1]:81", NULL},
    {"none4", TC_INGRESS, IPPROTO_UDP, "none4", "10.0.0.1:53", NULL},
    {"none6", XDP_INGRESS, IPPROTO_UDP, "none6", "[fd00::1]:53", NULL},
    {"udp4", XDP_INGRESS, IPPROTO_UDP, "udp4", "10.0.0.1:54", NULL},
    {"udp6", TC_INGRESS, IPPROTO_UDP, "udp6", "[fd00::1]:54", NULL},
};

#define PATHS (sizeof(paths) / sizeof(*paths))

/* Shares of the backends .1 to .6 in flows, by the weights above. */
static const double shares[] = {0.705 / 2, 0.705 / 2, 0.2449, 0.0501 / 3, 0.0501 / 3, 0.0501 / 3};

/* A client from anywhere. */
static char *random_client(const struct path *path, char *text)
{
    struct end end = end_of(path->vip);

    for (int i = 0; i < (end.family == 4 ? 4 : 16); i++)
        end.addr[i] = (uint8_t)host_random();
    end.addr[0] = end.family == 4 ? 100 : 0x20;
    end.port = (uint16_t)(1 + host_random() % 65535);
    end_text(&end, text);
    return text;
}

/* The number of a backend by its address. */
static int backend_of(const char *text)
{
    struct end end = end_of(text);

    return end.addr[end.family == 4 ? 3 : 15] - 1;
}

/* Runs fast: only the destination is looked at. */
static int sent_fast(const struct path *path, unsigned flags)
{
    static const uint8_t none[6];
    struct run run = {.program = path->in, .ifindex = host_interface("cl0")};
    char client[END_TEXT];
    struct spec spec = {.from = random_client(path, client),
                        .to = path->vip,
                        .proto = path->proto,
                        .tcp_flags = (uint8_t)flags,
                        .from_mac = none};
    static struct frame in, out;
    struct packet_parts parts;

    frame_build(&spec, &in);
    data_path_run(&run, &in, &out);
    dissect(out.data, out.bytes, &parts);
    return parts.to.addr[parts.to.family == 4 ? 3 : 15] - 1;
}

/* Five standard deviations are allowed for chance, and 1 % for the slots in a pool. */
static void check_shares(const unsigned got[6], unsigned of)
{
    for (int i = 0; i < 6; i++) {
        double wished = shares[i] * of, variance = wished * (1 - shares[i]);
        double off = got[i] > wished ? got[i] - wished : wished - got[i];
        double by_chance = i == 2 ? off : off - 0.01 * wished;

        check(by_chance <= 0 || by_chance * by_chance <= 25 * variance,
              "backend %d got %u of %u flows instead of %.0f", i + 1, got[i], of, wished);
    }
}

static void random_flows(const struct path *path)
{
    unsigned rounds = host_is_slow() ? 1000 : 20000, got[6] = {0};

    path_test(path, "random clients are split by weight, and evenly within a version");
    for (unsigned i = 0; i < rounds; i++) {
        int to = sent_fast(path, SYN);

        if (check(to >= 0 && to < 6, "a packet went nowhere"))
            got[to]++;
    }
    check_shares(got, rounds);
    test_end();
}

static void explained(const struct path *path, const char *sentence)
{
    unsigned rounds = host_is_slow() ? 5 : 25;
    char client[END_TEXT], version[] = "?";

    path_test(path, sentence);
    for (unsigned i = 0; i < rounds; i++) {
        json_t *said =
            flowsplit_json("explain %s '%s' --json", path->service, random_client(path, client));
        const char *backend = json_text(said, "backend");

        packet_goes(path, client, SYN, backend);
        version[0] = "aabccc"[backend_of(backend)];
        check(!strcmp(json_text(said, "version"), version), "%s is not of version %s", backend,
              json_text(said, "version"));
        json_decref(said);
    }
    test_end();
}

static void one_place(const struct path *path)
{
    char client[END_TEXT], backend[END_TEXT];
    struct path other = *path;

    other.in = path->in == XDP_INGRESS ? TC_INGRESS : XDP_INGRESS;
    path_test(path, "all packets of a flow go to one place, by XDP and by TC");
    for (int i = 0; i < 50; i++) {
        strcpy(backend, packet_sent_to(path, random_client(path, client), SYN));
        packet_goes(&other, client, SYN, backend);
        packet_goes(&other, client, ACK, backend);
        packet_goes(path, client, FIN | ACK, backend);
        packet_goes(path, client, RST, backend);
    }
    test_end();
}

/* Clients that share their address, or the first 64 bits of it, differ in the rest. */
static void by_source(const struct path *path)
{
    char client[END_TEXT], sibling[END_TEXT], backend[END_TEXT];
    unsigned changed = 0;

    path_test(path, "with affinity source all flows of a source go to one backend");
    for (int i = 0; i < 30; i++) {
        strcpy(backend, packet_sent_to(path, random_client(path, client), SYN));
        for (int k = 0; k < 5; k++) {
            struct end end = end_of(client);

            end.port = (uint16_t)(1 + host_random() % 65535);
            if (end.family == 6)
                for (int at = 8; at < 16; at++)
                    end.addr[at] = (uint8_t)host_random();
            packet_goes(path, end_text(&end, sibling), SYN, backend);
            end.addr[end.family == 4 ? 3 : 7] ^= 1;
            changed += strcmp(packet_sent_to(path, end_text(&end, sibling), SYN), backend) != 0;
        }
    }
    check(changed > 0, "other sources all go to the same backend, too");
    test_end();
}

static void udp_recorded(void)
{
    char client[END_TEXT], backend[END_TEXT];

    tables_clear();
    for (size_t i = PATHS - 4; i < PATHS; i++) {
        bool none = i < PATHS - 2;

        path_test(&paths[i], none ? "with affinity none no datagram leaves an entry"
                                  : "with affinity flow a datagram's flow is written down, and "
                                    "proven by an answer");
        strcpy(backend, packet_sent_to(&paths[i], random_client(&paths[i], client), 0));
        packet_goes(&paths[i], client, 0, backend);
        if (!none) {
            check_entries(0, 1, (unsigned)(i - (PATHS - 2)));
            packet_answered(&paths[i], client, backend, 0);
        }
        packet_goes(&paths[i], client, 0, backend);
        check_entries(0, 0, none ? 0 : (unsigned)(i - (PATHS - 3)));
        test_end();
    }
}

/* Everything that status says of a service's backends, added up. */
struct sums {
    unsigned long long packets, bytes, new_flows;
};

static struct sums read_sums(const char *name)
{
    json_t *said = flowsplit_json("status %s --json", name), *version, *backend;
    struct sums sums = {0, 0, 0}, versions = {0, 0, 0};
    size_t i = 0, k = 0;

    json_array_foreach(json_object_get(json_named(said, "services", name), "versions"), i, version)
    {
        versions.packets += (unsigned long long)json_number(version, "packets");
        versions.new_flows += (unsigned long long)json_number(version, "new_flows");
        json_array_foreach(json_object_get(version, "backends"), k, backend)
        {
            sums.packets += (unsigned long long)json_number(backend, "packets");
            sums.bytes += (unsigned long long)json_number(backend, "bytes");
            sums.new_flows += (unsigned long long)json_number(backend, "new_flows");
        }
    }
    check_number(versions.packets, sums.packets, "packets of the versions");
    check_number(versions.new_flows, sums.new_flows, "new flows of the versions");
    json_decref(said);
    return sums;
}

static void run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        give_up("cannot run on CPU %d", cpu);
}

static void counters(const struct path *path)
{
    struct sums before = read_sums(path->service), after;
    cpu_set_t all;
    unsigned header;
    int cpus = 0;
    char client[END_TEXT];

    path_test(path, "packets, bytes and new flows are counted on every CPU, and added up");
    sched_getaffinity(0, sizeof(all), &all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        run_on(cpu);
        cpus++;
        for (int i = 0; i < 10; i++) {
            packet_sent_to(path, random_client(path, client), SYN);
            packet_sent_to(path, client, ACK);
            packet_sent_to(path, client, RST);
        }
    }
    sched_setaffinity(0, sizeof(all), &all);
    after = read_sums(path->service);
    check_number(after.packets - before.packets, 30ull * (unsigned)cpus, "packets");
    check_number(after.new_flows - before.new_flows, 10ull * (unsigned)cpus, "new flows");
    header = end_of(path->vip).family == 4 ? 40 : 60;
    check_number(after.bytes - before.bytes, 10ull * (unsigned)cpus * (3 * header + 2 * 21),
                 "bytes"); /* all but the SYN have data */
    test_end();
}

int main(void)
{
    host_start(split_services);
    for (size_t i = 0; i < PATHS; i++)
        random_flows(&paths[i]);
    for (size_t i = 0; i < PATHS; i++)
        explained(&paths[i], "explain says where a client's flow goes");
    for (size_t i = 0; i < PATHS; i++)
        one_place(&paths[i]);
    by_source(&paths[2]);
    by_source(&paths[3]);
    test_begin("settled TCP services leave no entry, whatever came");
    check_number(table_entries(FLOWS), 0, "entries of flows");
    test_end();
    udp_recorded();
    counters(&paths[0]);
    counters(&paths[1]);
    for (size_t i = 0; i < PATHS; i++) {
        flowsplit("set %s b=60%%", paths[i].service);
        explained(&paths[i], "explain says where a new flow goes while buckets move");
    }
    return tests_done();
}
