#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An interface whose packets have no Ethernet header isn't attached, in any mode; those that have one are.
# Not in VMs: it is user space that refuses, and t-attach-modes sees it do so there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

nothing_attached() {
    ! fs status | grep "$1" || fail "status has it"
    ! in_ns lb ip -d link show "$1" | grep -i xdp || fail "an XDP program is left"
    ! in_ns lb tc filter show dev "$1" egress | grep . || fail "a filter is left"
}

one_service() {
    service web "$(vip 4 80/tcp)" flow 5m stable "stable=100%:$(backends 4 l1)"
}

# with KIND COMMAND...: a device named `to0` that the command makes.
with() {
    local kind=$1
    shift
    if ! in_ns lb "$@" 2>"$TMP/made"; then
        skip "a device of kind $kind is refused" "no such device here"
        return
    fi
    ip_in lb link set to0 up
    for mode in auto native generic tc; do
        refused "a device of kind $kind is refused in mode $mode" 1 'to0: its packets are in no Ethernet frames' \
            attach to0 --mode $mode
    done
    check "nothing is left on a device of kind $kind" nothing_attached to0
    ip_in lb link del to0
}

topology_routed
apply_services one_service
with tun ip tuntap add dev to0 mode tun
with wireguard ip link add to0 type wireguard
with gre ip tunnel add to0 mode gre remote 10.77.1.1 local 10.77.0.1
with ipip ip link add to0 type ipip remote 10.77.1.1 local 10.77.0.1
with sit ip link add to0 type sit remote 10.77.1.1 local 10.77.0.1
in_ns lb ip tuntap add dev tap0 mode tap
check "a device with Ethernet headers is attached" fs --quiet attach tap0 --mode tc
check "the loopback is attached" fs --quiet attach lo --mode tc
done_testing
