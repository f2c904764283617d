// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to a backend's own address gets answers from that address; who came by the VIP gets
 * them from the VIP, whatever others forge. Each test has a client of its own. */
#include <netinet/in.h>
#include <string.h>

#include "direct.h"
#include "fixture.h"
#include "host.h"
#include "tap.h"

static const struct path udp_paths[] = {
    {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_UDP, "u4", LOCAL4_UDP_VIP, "192.0.2.10"},
    {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_UDP, "u6", LOCAL6_UDP_VIP, "[2001:db8:c::10]"},
};

static void direct_connection(void)
{
    begin("a direct client's whole connection is left alone");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    directly(ACK);
    directly(ACK | PSH);
    answered_from(backend, ACK | PSH);
    directly(FIN | ACK);
    answered_from(backend, FIN | ACK);
    directly(ACK);
    answered_from(backend, ACK);
    test_end();

    begin("a direct client's refused connection is left alone");
    directly(SYN);
    answered_from(backend, REFUSED);
    test_end();

    begin("a direct client whose SYN carries data is left alone");
    directly(SYN | FAST);
    answered_from(backend, SYN | ACK | FAST);
    directly(ACK);
    answered_from(backend, ACK | PSH);
    test_end();

    begin("a direct client whose SYN is repeated is left alone");
    directly(SYN);
    directly(SYN);
    answered_from(backend, SYN | ACK);
    answered_from(backend, SYN | ACK);
    directly(ACK);
    answered_from(backend, ACK);
    test_end();
}

static void steered_beside_direct(void)
{
    begin("a steered connection is restored after someone else was direct");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    begin("a steered connection is restored after someone else was direct");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    answered_from(path->vip, FIN | ACK);
    test_end();
}

static void forged(void)
{
    begin("a forged direct SYN doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    directly(SYN | FAR);
    answered_from(path->vip, ACK); /* what a backend says to a SYN in a live connection */
    answered_from(path->vip, ACK | PSH);
    by_vip(ACK);
    answered_from(path->vip, FIN | ACK);
    test_end();

    begin("a forged direct ACK doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    directly(ACK | FAR);
    directly(ACK | PSH | FAR);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin("a forged direct RST doesn't divert a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    directly(RST | FAR);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin("a forged direct SYN ahead of a steered one doesn't divert the connection");
    directly(SYN | FAR);
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin("a forged direct SYN doesn't divert the RST of a live steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    directly(SYN | FAR);
    answered_from(path->vip, RST | ACK);
    test_end();

    begin("a forged direct SYN doesn't divert a SYN-ACK that is repeated");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    directly(SYN | FAR);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin("a forged direct SYN that overtakes the answer to a steered one doesn't divert it");
    by_vip(SYN);
    directly(SYN | FAR);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    answered_from(path->vip, ACK | PSH);
    test_end();

    begin("forged SYNs to the VIP don't divert a live direct connection");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    directly(ACK);
    by_vip(SYN | FAR);
    answered_from(backend, ACK); /* what a backend says to a SYN in a live connection */
    answered_from(backend, ACK | PSH);
    test_end();

    begin("nor do they divert the answer to a direct client's handshake, when it comes again");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    by_vip(SYN | FAR);
    answered_from(backend, ACK);
    answered_from(backend, SYN | ACK);
    test_end();
}

static void reused_port(void)
{
    begin("a direct client's port may be used for a steered connection later");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    directly(FIN | ACK);
    answered_from(backend, FIN | ACK);
    directly(ACK);
    by_vip(SYN | FAR);
    answered_from(path->vip, SYN | ACK | FAR);
    by_vip(ACK | FAR);
    answered_from(path->vip, ACK | PSH | FAR);
    test_end();

    begin("a steered client's port may be used for a direct connection later");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(FIN | ACK);
    answered_from(path->vip, FIN | ACK);
    by_vip(ACK);
    directly(SYN | FAR);
    answered_from(backend, SYN | ACK | FAR);
    directly(ACK | FAR);
    answered_from(backend, ACK | PSH | FAR);
    test_end();
}

static void reused_number(void)
{
    struct fs_flow_key key;
    struct fs_flow flow;

    begin("an entry of who had the backend's number before hides no direct client");
    directly(SYN);
    answered_from(backend, SYN | ACK);
    directly(ACK);
    answered_from(backend, ACK | PSH);
    if (!table_find(FLOWS, client, &key, &flow))
        give_up("a direct connection isn't on record");
    flow.backend += 1u << 16; /* the next generation */
    table_put(FLOWS, &key, &flow);
    directly(SYN | FAR);
    answered_from(backend, SYN | ACK | FAR);
    directly(ACK | FAR);
    answered_from(backend, ACK | PSH | FAR);
    test_end();
}

static void datagrams(void)
{
    begin("a direct client's datagrams are answered from the backend's address");
    directly(0);
    answered_from(backend, 0);
    directly(0);
    answered_from(backend, 0);
    test_end();

    begin("a steered client's datagrams are answered from the VIP after someone was direct");
    by_vip(0);
    answered_from(path->vip, 0);
    test_end();

    begin("a port that was direct and then steered is answered from the VIP");
    directly(0);
    answered_from(backend, 0);
    by_vip(0);
    answered_from(path->vip, 0);
    answered_from(path->vip, 0);
    test_end();
}

/* This host itself talks to a remote backend: out at egress, the answer comes in. */
static void this_host(enum program program)
{
    struct path here = {"from this host", program, IPPROTO_TCP, "r4", REMOTE4_VIP, "198.51.100.1"};
    struct run out = {.program = TC_EGRESS, .ifindex = host_interface("be0")};
    struct spec ask = {.from = client, .to = REMOTE4_BACKEND, .tcp_flags = SYN};
    static struct frame frame, then;

    path = &here;
    begin(program == XDP_INGRESS ? "this host's own connection to a backend is left alone by XDP"
                                 : "this host's own connection to a backend is left alone by TC");
    frame_build(&ask, &frame);
    check(data_path_run(&out, &frame, &then) == PASS, "the SYN didn't leave");
    check_frame(&then, &frame);
    packet_check_remote(path, program, REMOTE4_BACKEND, client, SYN | ACK, REMOTE4_BACKEND, client);
    packet_check_remote(path, program, REMOTE4_BACKEND, client, ACK | PSH, REMOTE4_BACKEND, client);
    test_end();
}

/* A client that the hash sends to the other backend can't have come by the VIP. */
static void unambiguous(enum program program)
{
    struct path wide = {program_names[program], program,     IPPROTO_TCP, "wide",
                        "10.0.0.9:80",          "192.0.2.10"};
    json_t *said;
    bool other;

    path = &wide;
    backend = "10.1.0.8:8080";
    do {
        begin("a client whose flows go to another backend is direct at once");
        said = flowsplit_json("explain wide %s --json", client);
        other = strcmp(json_text(said, "backend"), backend) != 0;
        json_decref(said);
    } while (!other);
    directly(ACK | PSH); /* no SYN was seen: flowsplit came later */
    answered_from(backend, ACK | PSH);
    answered_from(backend, FIN | ACK);
    test_end();
}

int main(void)
{
    host_start(direct_services);
    learn_until(-1);
    for (size_t i = 0; i < 4; i++) {
        path = &tcp_paths[i];
        backend = i < 2 ? LOCAL4_BACKEND : LOCAL6_BACKEND;
        direct_connection();
        steered_beside_direct();
        forged();
        reused_port();
        reused_number();
    }
    for (size_t i = 0; i < 2; i++) {
        path = &udp_paths[i];
        backend = i ? LOCAL6_UDP_BACKEND : LOCAL4_UDP_BACKEND;
        datagrams();
    }
    for (enum program program = XDP_INGRESS; program <= TC_INGRESS; program++) {
        this_host(program);
        unambiguous(program);
    }
    return tests_done();
}
