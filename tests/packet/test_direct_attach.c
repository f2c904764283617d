// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to a backend's own address while an interface is being attached, and shortly after. */
#include "direct.h"
#include "fixture.h"
#include "host.h"
#include "tap.h"

static void learnt(void)
{
    begin("a direct connection that is older than flowsplit is learnt after an attach");
    learn_until(1000);
    directly(ACK | PSH);
    learn_until(-1);
    answered_from(backend, ACK | PSH);
    directly(FIN | ACK);
    answered_from(backend, FIN | ACK);
    test_end();
}

/* What is forged then is for another connection than the steered one. */
static void learnt_forged(void)
{
    begin("after an attach, what is forged diverts no steered connection");
    by_vip(SYN);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK);
    learn_until(1000);
    directly(ACK | PSH | FAR);
    directly(FIN | ACK | FAR);
    answered_from(path->vip, ACK | PSH);
    directly(RST | FAR);
    answered_from(path->vip, FIN | ACK);
    learn_until(-1);
    test_end();
}

/* What nobody has answered but by a SYN or a RST. */
static void unproven(void)
{
    begin("a direct SYN and its answer leave nothing in the table of those that live");
    tables_clear();
    directly(SYN);
    answered_from(backend, SYN | ACK);
    check_entries(0, 1, 0);
    directly(ACK);
    answered_from(backend, RST | ACK);
    check_entries(0, 0, 0);
    test_end();
}

/* While an interface is being attached or detached, nothing is steered, but learnt. */
static void attaching(enum program program)
{
    learn_until(1000);
    begin("attaching: what goes to the VIP is left alone");
    packet_check(path, program, client, path->vip, SYN, client, path->vip);
    packet_check(path, program, client, path->vip, ACK | PSH, client, path->vip);
    check_entries(0, 0, 0);
    test_end();

    begin("attaching: a direct client is learnt");
    packet_check(path, program, client, backend, ACK, client, backend);
    answered_from(backend, ACK | PSH);
    directly(ACK | PSH);
    answered_from(backend, FIN | ACK);
    test_end();
    learn_until(-1);
    tables_clear();
}

/* While TC stands in for XDP, what XDP has steered comes by as if it were direct. */
static void standing_in(void)
{
    begin("tc_stand_in steers");
    packet_check(path, TC_STAND_IN, client, path->vip, SYN, client, backend);
    test_end();

    begin("tc_stand_in takes no packet that XDP has steered for a direct one");
    by_vip(SYN);
    packet_check(path, TC_STAND_IN, client, backend, SYN, client, backend);
    answered_from(path->vip, SYN | ACK);
    by_vip(ACK | PSH);
    packet_check(path, TC_STAND_IN, client, backend, ACK | PSH, client, backend);
    answered_from(path->vip, ACK | PSH);
    check_entries(0, 0, 0);
    test_end();
}

/* While tc_egress goes to the front of its chain, both see what leaves. */
static void standing_in_back(void)
{
    begin("tc_egress_stand_in restores as tc_egress does");
    by_vip(SYN);
    packet_check(path, TC_EGRESS_STAND_IN, backend, client, SYN | ACK, path->vip, client);
    by_vip(ACK | PSH);
    packet_check(path, TC_EGRESS_STAND_IN, backend, client, ACK | PSH, path->vip, client);
    test_end();

    begin("and leaves alone what that has restored, or has left to a direct client");
    packet_check(path, TC_EGRESS_STAND_IN, path->vip, client, ACK | PSH, path->vip, client);
    directly(SYN);
    answered_from(backend, SYN | ACK);
    packet_check(path, TC_EGRESS_STAND_IN, backend, client, SYN | ACK, backend, client);
    directly(ACK);
    answered_from(backend, ACK | PSH);
    packet_check(path, TC_EGRESS_STAND_IN, backend, client, ACK | PSH, backend, client);
    test_end();
}

int main(void)
{
    host_start(direct_services);
    learn_until(-1);
    for (size_t i = 0; i < TCP_PATHS; i++) {
        path = &tcp_paths[i];
        backend = i < 2 ? LOCAL4_BACKEND : LOCAL6_BACKEND;
        learnt();
        learnt_forged();
        unproven();
        tables_clear();
        attaching(path->in == XDP_INGRESS ? XDP_LEARN : TC_LEARN);
        standing_in();
        tables_clear();
        standing_in_back();
    }
    return tests_done();
}
