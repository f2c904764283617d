#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Redirects that fail: which interface is fed by the stack for it, whose instance counts it, and when that ends.
# Seldom in VMs: what it is about is timed by the second, which emulated CPUs miss.
. "$(dirname "$0")/lib.sh"

service_of_r1() {
    service web "$VIP4:80/udp" flow 5m stable "stable=100%:$(backend 4 r1)"
}

reason() {
    fs reasons --json | jq ".reasons[] | select(.name == \"$1\").packets"
}

# What a second brings of a reason.
grows() {
    local before
    before=$(reason "$1")
    peer_in c load --to "$VIP4:80/udp" --count 20 --timeout 2 >/dev/null || true
    echo "$1: $before, then $(reason "$1")"
    [ "$(reason "$1")" -gt "$before" ]
}

# The backend's link goes down under traffic, with a neighbour entry that outlasts it.
lost_while_down() {
    local failed
    failed=$(reason redirect_failed)
    ip_in b1 link set b0 down
    peer_in c load --to "$VIP4:80/udp" --count 20 --timeout 1 >/dev/null || true
    [ "$(reason redirect_failed)" -gt "$failed" ] || fail "none lost: $(fs reasons)"
    grows stack_redirect || fail "not fed by the stack: $(fs reasons)"
}

# No command ends it: that of this test only reads.
ends_by_itself() {
    local began=$SECONDS
    ip_in b1 link set b0 up
    ip_in b1 route add default via 10.78.1.1
    until grows to_interface && ! grows stack_redirect; do
        [ $((SECONDS - began)) -lt "$(scaled 10 100)" ] || fail "still fed by the stack: $(fs reasons)"
        sleep 0.5
    done
    peer_in c load --to "$VIP4:80/udp" --count 200 --timeout 2
}

# ---- another instance, in another namespace, whose interface has the same number and takes no redirects ----

fs_x() {
    in_ns x "$FLOWSPLIT" --pin-dir "$PIN-x" "$@"
}

topology_x() {
    local number
    number=$(in_ns lb cat /proc/net/igmp | awk '$2 == "lb1" { print $1 }')
    ns_add x
    forwarding_on x
    ip_in x link add br0 index "$number" type bridge
    link c cx x x0
    ip_in c addr add 10.79.0.2/24 dev cx
    ip_in x addr add 10.79.0.100/24 dev x0
    ip_in x addr add 10.79.1.1/24 dev br0
    ip_in x link set br0 up
    ip_in x neigh replace 10.79.1.2 lladdr 02:00:00:00:00:02 nud permanent dev br0
    {
        echo 'services:'
        service other 10.79.0.100:80/udp flow 5m stable stable=100%:10.79.1.2:8001
    } >"$TMP/x.yaml"
    fs_x --quiet apply "$TMP/x.yaml"
    fs_x --quiet attach x0
}

reason_x() {
    fs_x reasons --json | jq ".reasons[] | select(.name == \"$1\").packets"
}

anothers_are_its_own() {
    local failed
    failed=$(reason redirect_failed)
    peer_in c load --to 10.79.0.100:80/udp --count 20 --timeout 1 >/dev/null || true
    echo "its own: $(reason_x redirect_failed) lost, $(reason_x stack_redirect) by the stack"
    [ "$(reason_x redirect_failed)" -gt 0 ] || fail "it lost none: $(fs_x reasons)"
    [ "$(reason_x stack_redirect)" -gt 0 ] || fail "it doesn't turn to the stack: $(fs_x reasons)"
    equals "$(reason redirect_failed)" "$failed" "what the first instance counts"
    ! grows stack_redirect || fail "the first instance's interface is fed by the stack"
}

# One that can't take any is looked at, and no packet lost for it.
never_tried() {
    local lost
    lost=$(reason_x redirect_failed)
    sleep 6
    peer_in c load --to 10.79.0.100:80/udp --count 20 --timeout 1 >/dev/null || true
    equals "$(reason_x redirect_failed)" "$lost" "packets lost"
}

falls_deaf() {
    local failed
    failed=$(reason redirect_failed)
    in_ns b1 ethtool -K b0 gro off
    peer_in c load --to "$VIP4:80/udp" --count 20 --timeout 1 >/dev/null || true
    [ "$(reason redirect_failed)" -gt "$failed" ] || fail "none lost: $(fs reasons)"
    grows stack_redirect || fail "not fed by the stack: $(fs reasons)"
}

# Kernels before 6.3 don't tell, so there a packet tries.
device_tells() {
    grep -qw xdp_features <(bpftool btf dump file /sys/kernel/btf/vmlinux format c)
}

hears_again() {
    local failed began
    failed=$(reason redirect_failed)
    sleep 6
    grows stack_redirect || fail "not fed by the stack while it is deaf: $(fs reasons)"
    in_ns b1 ethtool -K b0 gro on
    began=$SECONDS
    until grows to_interface && ! grows stack_redirect; do
        [ $((SECONDS - began)) -lt "$(scaled 10 100)" ] || fail "still fed by the stack: $(fs reasons)"
        sleep 0.5
    done
    ! device_tells || equals "$(reason redirect_failed)" "$failed" "packets lost"
}

topology_routed
serve_all
apply_services service_of_r1
fs --quiet attach lb0
mac=$(ip_in b1 -j link show b0 | jq -r '.[0].address')
ip_in lb neigh replace "${B4[1]}" lladdr "$mac" nud permanent dev lb1
check "a healthy interface is redirected to" grows to_interface
check "one that is down loses packets, and then the stack feeds it" lost_while_down
check "when it is up, redirecting begins again within 10 s" ends_by_itself
topology_x
check "another instance's failures elsewhere are its own" anothers_are_its_own
check "an interface that takes no redirects is not tried again" never_tried
check "a veth whose other end is deaf is fed by the stack" falls_deaf
check "when that hears, redirecting begins again within 10 s, and no packet is lost to find out" hears_again
done_testing
