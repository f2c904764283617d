#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A SYN flood records nothing when nothing moves, and breaks no live connection when something does.
# Seldom in VMs: the packet tests flood the same tables there.
. "$(dirname "$0")/lib.sh"

SYNS=$(scaled 1000000 20000)
CONNECTIONS=$(scaled 100 40)

both_families() {
    local family
    for family in 4 6; do
        service "web$family" "$(vip $family 80/tcp)" flow 5m stable \
            "stable=100%:$(backends $family l1 r1)" "canary=0%:$(backends $family l2 r2)"
    done
}

flood() {
    local mac
    mac=$(ip_in lb -j link show lb0 | jq -r '.[0].address')
    peer_in c synflood --to "$VIP4:80" --to "[$VIP6]:80" --dev c0 --dmac "$mac" --count "$SYNS"
}

new_flows() {
    status '[.services[].versions[].new_flows] | add'
}

# The flood must have come through for the test to mean anything.
flood_is_steered() {
    local before
    before=$(new_flows)
    flood
    echo "new flows: $before before, $(new_flows) after"
    [ $(($(new_flows) - before)) -ge $((SYNS * 8 / 10)) ] || fail "too little of the flood arrived"
}

no_entries() {
    equals "$(status '[.services[].flow_entries] | add')" 0 "flow entries"
}

set_both() {
    fs --quiet set web4 "canary=$1" && fs --quiet set web6 "canary=$1"
}

flood_while_moving() {
    set_both 50%
    flood
    set_both 80%
    set_both 20%
}

# Linux 6.1 gives up connections before their time when a flood has it retransmit what is still in its own queues: without
# flowsplit, too, ones of 17 s with a limit of 51 s, on a machine that was up for longer. That would be 15 minutes here.
never_given_up() {
    local name
    for name in c lb b1 b2; do
        in_ns $name sysctl -q -w net.ipv4.tcp_retries2=255
    done
}

topology_routed
never_given_up
serve_all
apply_services both_families
for mode in native tc; do
    at="mode $mode, $SYNS SYNs"
    fs --quiet attach lb0 --mode $mode
    check "$at are steered" flood_is_steered
    check "$at leave no entry when nothing moves" no_entries
    hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count "$CONNECTIONS" --interval 500
    check "$at while buckets are moving" flood_while_moving
    sleep 1
    background_end live TERM
    check "$at break no live connection" held live "$CONNECTIONS"
    fs --quiet detach lb0
    fs --quiet delete web4
    fs --quiet delete web6
    apply_services both_families
done
done_testing
