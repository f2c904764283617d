#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Traffic for no service is untouched: other ports, pings, fragments, forwarded packets.
. "$(dirname "$0")/lib.sh"

topology_routed
serve_all
serve lb other "$VIP4:90" "$VIP4:90/udp" "[$VIP6]:90" "[$VIP6]:90/udp"

some_services() {
    service t4 "$(vip 4 80/tcp)" flow 5m stable "stable=100%:$(backends 4 l1 r1)"
    service u4 "$(vip 4 80/udp)" flow 5m stable "stable=100%:$(backends 4 l1 r1)"
    service t6 "$(vip 6 80/tcp)" flow 5m stable "stable=100%:$(backends 6 l1 r1)"
    service u6 "$(vip 6 80/udp)" flow 5m stable "stable=100%:$(backends 6 l1 r1)"
}

# answers NAME TARGET ARGUMENTS...
answers() {
    local name=$1
    shift
    equals "$(peer_in c ask --to "$@")" "$name" "who answers"
}

nothing_counted() {
    equals "$(status '[.services[].versions[] | .packets, .new_flows] | add')" 0 "packets steered"
    equals "$(status '[.services[].flow_entries] | add')" 0 "flow entries"
}

apply_services some_services
for mode in native generic tc; do
    fs --quiet attach lb0 --mode $mode
    for family in 4 6; do
        host=$VIP4 remote=${B4[1]}
        [ $family = 4 ] || { host=$VIP6 remote=${B6[1]}; }
        at="mode $mode, v$family"
        check "$at: TCP to another port of the VIP" answers other "$(vip $family 90)"
        check "$at: UDP to another port of the VIP" answers other "$(vip $family 90/udp)"
        check "$at: a fragmented datagram to another port" \
            answers other "$(vip $family 90/udp)" --size 8000
        check "$at: ping" in_ns c ping -c 2 -i 0.2 -W 20 "$host"
        check "$at: a fragmented ping" in_ns c ping -c 2 -i 0.2 -W 20 -s 4000 "$host"
        check "$at: forwarded TCP" answers r1 "$(backend $family r1)" --size 50000
        check "$at: a forwarded fragmented datagram" \
            answers r1 "$(backend $family r1)/udp" --size 8000
        check "$at: a forwarded fragmented ping" in_ns c ping -c 2 -i 0.2 -W 20 -s 4000 "$remote"
    done
    fs --quiet detach lb0
done
check "none of it is counted for a service" nothing_counted
done_testing
