// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to a backend's own address gets answers from that address; who came by the VIP gets
 * them from the VIP, whatever others forge. Each test has a client of its own. */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include <flowsplit/arena.h>

#include "fixture.h"
#include "host.h"
#include "tap.h"

/* One backend each, so the hash would steer every client to it; "wide" has two, so that it is
 * known of some clients that they can't have come by the VIP. */
static const char direct_services[] =
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

/* A way that packets take, in both directions. */
struct path {
    const char *name;
    enum program in;
    uint8_t proto;
    const char *vip, *backend, *client; /* the client's port is added */
};

static const struct path tcp_paths[] = {
    {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP, LOCAL4_VIP, LOCAL4_BACKEND, "192.0.2.10"},
    {"tc_ingress, IPv4", TC_INGRESS, IPPROTO_TCP, LOCAL4_VIP, LOCAL4_BACKEND, "192.0.2.10"},
    {"xdp_ingress, IPv6", XDP_INGRESS, IPPROTO_TCP, LOCAL6_VIP, LOCAL6_BACKEND,
     "[2001:db8:c::10]"},
    {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_TCP, LOCAL6_VIP, LOCAL6_BACKEND, "[2001:db8:c::10]"},
};
static const struct path udp_paths[] = {
    {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_UDP, LOCAL4_UDP_VIP, LOCAL4_UDP_BACKEND,
     "192.0.2.10"},
    {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_UDP, LOCAL6_UDP_VIP, LOCAL6_UDP_BACKEND,
     "[2001:db8:c::10]"},
};

static const struct path *path;
static char client[END_TEXT];

/* Begins a test with a client that nobody has seen. */
static void begin(const struct path *the_path, const char *sentence)
{
    static unsigned port = 20000;

    path = the_path;
    snprintf(client, sizeof(client), "%s:%u", path->client, ++port);
    test_begin("%s (%s)", sentence, path->name);
}

/* Runs a packet and checks that it is all right but for the ends that are given, and passes. */
static void one(enum program program, const char *from, const char *to, unsigned flags,
                const char *from_then, const char *to_then)
{
    struct run run = {.program = program, .ifindex = host_interface("cl0"), .came_in_by = 1};
    struct spec spec = {.from = from, .to = to, .proto = path->proto,
                        .tcp_flags = (uint8_t)flags, .payload = 21};
    struct frame in, out, wished;
    enum verdict verdict;

    frame_build(&spec, &in);
    spec.from = from_then;
    spec.to = to_then;
    frame_build(&spec, &wished);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == PASS, "%s to %s, flags %02x: verdict %s", from, to, flags,
          verdict_names[verdict]);
    if (!check_frame(&out, &wished))
        note("that was %s to %s, flags %02x, wished %s to %s", from, to, flags, from_then, to_then);
}

/* The client to the VIP: always steered. */
static void by_vip(unsigned flags)
{
    one(path->in, client, path->vip, flags, client, path->backend);
}

/* The client, or someone in its name, to the backend's own address: never changed. */
static void directly(unsigned flags)
{
    one(path->in, client, path->backend, flags, client, path->backend);
}

static void answered_from(const char *source, unsigned flags)
{
    one(TC_EGRESS, path->backend, client, flags, source, client);
}

static void direct_connection(void)
{
    begin(path, "a direct client's whole connection is left alone");
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    directly(ACK);
    directly(ACK | PSH);
    answered_from(path->backend, ACK | PSH);
    directly(FIN | ACK);
    answered_from(path->backend, FIN | ACK);
    directly(ACK);
    answered_from(path->backend, ACK);
    test_end();

    begin(path, "a direct client's refused connection is left alone");
    directly(SYN);
    answered_from(path->backend, RST | ACK);
    test_end();

    begin(path, "a direct client whose SYN is repeated is left alone");
    directly(SYN);
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    answered_from(path->backend, SYN | ACK);
    directly(ACK);
    answered_from(path->backend, ACK);
    test_end();
}

static void steered_beside_direct(void)
{
    begin(path, "a steered connection is restored after someone else was direct");
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    begin(path, "a steered connection is restored after someone else was direct");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    answered_from(path->vip, FIN | ACK);
    test_end();
}

static void forged(void)
{
    begin(path, "a forged direct SYN doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    directly(SYN);
    answered_from(path->vip, ACK); /* what a backend says to a SYN in a live connection */
    answered_from(path->vip, ACK | PSH);
    by_vip(ACK);
    answered_from(path->vip, FIN | ACK);
    test_end();

    begin(path, "a forged direct ACK doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    directly(ACK);
    directly(ACK | PSH);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin(path, "a forged direct RST doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    directly(RST);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin(path, "a forged direct SYN ahead of a steered one doesn't divert the connection");
    directly(SYN);
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin(path, "forged SYNs to the VIP don't divert a live direct connection");
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    directly(ACK);
    by_vip(SYN);
    answered_from(path->backend, ACK); /* what a backend says to a SYN in a live connection */
    answered_from(path->backend, ACK | PSH);
    test_end();
}

static void reused_port(void)
{
    begin(path, "a direct client's port may be used for a steered connection later");
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    directly(FIN | ACK);
    answered_from(path->backend, FIN | ACK);
    directly(ACK);
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin(path, "a steered client's port may be used for a direct connection later");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(FIN | ACK);
    answered_from(path->vip, FIN | ACK);
    by_vip(ACK);
    directly(SYN);
    answered_from(path->backend, SYN | ACK);
    directly(ACK);
    answered_from(path->backend, ACK | PSH);
    test_end();
}

static void datagrams(void)
{
    begin(path, "a direct client's datagrams are answered from the backend's address");
    directly(0);
    answered_from(path->backend, 0);
    directly(0);
    answered_from(path->backend, 0);
    test_end();

    begin(path, "a steered client's datagrams are answered from the VIP after someone was direct");
    by_vip(0);
    answered_from(path->vip, 0);
    test_end();

    begin(path, "a port that was direct and then steered is answered from the VIP");
    directly(0);
    answered_from(path->backend, 0);
    by_vip(0);
    answered_from(path->vip, 0);
    answered_from(path->vip, 0);
    test_end();
}

/* This host itself talks to a remote backend: out at egress, the answer comes in. */
static void this_host(void)
{
    static const struct path from_here = {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP,
                                          REMOTE4_VIP, REMOTE4_BACKEND, "198.51.100.1"};
    struct run out = {.program = TC_EGRESS, .ifindex = host_interface("be0")};
    struct run in = {.ifindex = host_interface("be0")};
    struct frame frame, then;

    for (enum program program = XDP_INGRESS; program <= TC_INGRESS; program++) {
        struct spec ask = {.to = REMOTE4_BACKEND, .tcp_flags = SYN};
        struct spec answer = {.from = REMOTE4_BACKEND, .tcp_flags = SYN | ACK};

        begin(&from_here, "this host's own connection to a backend is left alone");
        in.program = program;
        ask.from = answer.to = client;
        frame_build(&ask, &frame);
        check(data_path_run(&out, &frame, &then) == PASS, "the SYN didn't leave");
        check_frame(&then, &frame);
        frame_build(&answer, &frame);
        check(data_path_run(&in, &frame, &then) == PASS, "the SYN-ACK didn't come in");
        check_frame(&then, &frame);
        answer.tcp_flags = ACK | PSH;
        frame_build(&answer, &frame);
        check(data_path_run(&in, &frame, &then) == PASS, "the data didn't come in");
        check_frame(&then, &frame);
        test_end();
    }
}

/* A client that the hash sends to the other backend can't have come by the VIP. */
static void unambiguous(void)
{
    static const struct path ways[] = {
        {"10.1.0.8", XDP_INGRESS, IPPROTO_TCP, "10.0.0.9:80", "10.1.0.8:8080", "192.0.2.10"},
        {"10.1.0.9", TC_INGRESS, IPPROTO_TCP, "10.0.0.9:80", "10.1.0.9:8080", "192.0.2.10"}};

    for (int i = 0; i < 2; i++) {
        json_t *said;
        bool other;

        do {
            begin(&ways[i], "a client whose flows go to another backend is direct at once");
            said = flowsplit_json("explain wide %s --json", client);
            other = json_text(said, "backend")[7] != path->backend[7];
            json_decref(said);
        } while (!other);
        directly(ACK | PSH); /* no SYN was seen: flowsplit came later */
        answered_from(path->backend, ACK | PSH);
        answered_from(path->backend, FIN | ACK);
        test_end();
    }
}

/* After an attach the directory says until when direct connections that are older are learnt. */
static void learn_until(int ticks)
{
    struct fs_root *root = arena_map();
    struct fs_directory *dir = fs_at(struct fs_directory, root, root->directory);
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    dir->learn_until = (uint32_t)(((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) >>
                                  FS_TICK_SHIFT) +
                       (uint32_t)ticks;
    munmap(root, FS_ARENA_BYTES);
}

static void learnt(void)
{
    begin(path, "a direct connection that is older than flowsplit is learnt after an attach");
    learn_until(1000);
    directly(ACK | PSH);
    learn_until(-1);
    answered_from(path->backend, ACK | PSH);
    directly(FIN | ACK);
    answered_from(path->backend, FIN | ACK);
    test_end();
}

int main(void)
{
    host_start(direct_services);
    learn_until(-1);
    for (size_t i = 0; i < 4; i++) {
        path = &tcp_paths[i];
        direct_connection();
        steered_beside_direct();
        forged();
        reused_port();
        learnt();
    }
    for (size_t i = 0; i < 2; i++) {
        path = &udp_paths[i];
        datagrams();
    }
    this_host();
    unambiguous();
    return tests_done();
}
