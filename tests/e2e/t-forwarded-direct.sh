#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A backend's own address stays usable for those whom this host only forwards, by an interface that isn't attached.
. "$(dirname "$0")/lib.sh"

only_r1() {
    local family
    for family in 4 6; do
        service tcp$family "$(vip $family 80/tcp)" flow 5m stable "stable=100%:$(backends $family r1)"
        service udp$family "$(vip $family 80/udp)" flow 5m stable "stable=100%:$(backends $family r1)"
    done
}

# answers NAMESPACE TARGET NAME
answers() {
    equals "$(peer_in "$1" ask --to "$2" --size 900)" "$3" "who answers"
}

# The first packet of each goes by the stack, which has to ask for the neighbour.
answers_by_stack() {
    local round
    for round in 1 2 3; do
        ip_in lb neigh flush dev lb1
        answers c "$1" r1
    done
}

topology_routed
serve_all
apply_services only_r1
for mode in native generic tc; do
    for dev in lb0 lb1; do fs --quiet attach $dev --mode $mode; done
    hold vip c --to "$(vip 4 80)" --to "$(vip 6 80)" --count 8 --interval "$(scaled 100 2000)"
    hold direct b2 --to "$(backend 4 r1)" --to "$(backend 6 r1)" --count 8 --interval "$(scaled 100 2000)"
    for family in 4 6; do
        at="mode $mode, v$family"
        check "$at: TCP to the backend itself, forwarded" answers b2 "$(backend $family r1)" r1
        check "$at: UDP" answers b2 "$(backend $family r1)/udp" r1
        check "$at: clients of the VIP, by the stack at first" answers_by_stack "$(vip $family 80)"
        check "$at: and by UDP" answers c "$(vip $family 80/udp)" r1
    done
    sleep "$(scaled 1 3)"
    for tag in vip direct; do background_end $tag TERM; done
    check "mode $mode: connections to the VIP live" held vip 8
    check "mode $mode: and so do those to the backend" held direct 8
    for dev in lb0 lb1; do fs --quiet detach $dev; done
done
done_testing
