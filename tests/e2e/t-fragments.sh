#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fragments follow their first: datagrams above the MTU and their answers, and TCP that a router cuts, through a change.
# Seldom in VMs: the packet tests cut packets there, too.
. "$(dirname "$0")/lib.sh"

services() {
    local family
    for family in 4 6; do
        service udp-l-$family "$(vip $family 80/udp)" flow 5m stable "stable=100%:$(backends $family l1 l2)"
        service udp-r-$family "$(vip $family 81/udp)" flow 5m stable "stable=100%:$(backends $family r1 r2)"
        service udp-n-$family "$(vip $family 82/udp)" none 5m stable "stable=100%:$(backends $family l3 r3)"
    done
    service tcp-l "$(vip 4 80/tcp)" flow 5m stable "stable=100%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)"
    service tcp-r "$(vip 4 81/tcp)" flow 5m stable "stable=100%:$(backends 4 r1)" "canary=0%:$(backends 4 r2)"
}

# A client "far" behind c that lets its packets be cut, as c does: only 600 bytes get through to lb.
far_add() {
    ns_add far
    forwarding_on c
    link far f0 c cf
    ip_in c addr add 10.79.0.1/24 dev cf
    ip_in far addr add 10.79.0.2/24 dev f0
    ip_in far route add default via 10.79.0.1
    in_ns far sysctl -q -w net.ipv4.ip_no_pmtu_disc=1
    ip_in lb route add 10.79.0.0/24 via 10.77.1.1
    ip_in c route add "$VIP4" dev c0 mtu lock 600
    poll 10 in_ns far ping -c 1 -W 1 "$VIP4"
}

# count REASON
count() {
    fs reasons --json | jq -r ".reasons[] | select(.name == \"$1\").packets"
}

# answered 4|6 PORT: datagrams of several sizes, and answers as long.
answered() {
    local size before
    before=$(count fragment_followed)
    for size in 1000 3000 8000 40000; do
        peer_in c ask --to "$(vip "$1" "$2/udp")" --size $size --timeout 10 || return 1
    done
    [ "$(count fragment_followed)" -gt "$before" ] || fail "nothing came in fragments"
}

VIPS=(--to "$(vip 4 80)" --to "$(vip 4 81)")

# Connections that go on while all weight moves; leaves how many fragments have followed meanwhile.
cut_and_moved() {
    local before
    before=$(count fragment_followed)
    hold live far "${VIPS[@]}" --count 10 --interval 100 --rounds "$(scaled 30 20)"
    fs --quiet set tcp-l canary=100%
    fs --quiet set tcp-r canary=100%
    background_end live
    followed=$(($(count fragment_followed) - before))
    fs --quiet set tcp-l canary=0%
    fs --quiet set tcp-r canary=0%
}

lived_in_fragments() {
    held live 10
    [ "$followed" -gt 100 ] || fail "only $followed fragments"
}

topology_routed
serve_all
far_add
apply_services services
for mode in native generic tc; do
    fs --quiet attach lb0 --mode $mode
    for ways in "lb0" "lb0 and lb1"; do
        [ "$ways" = lb0 ] || for i in 1 2; do fs --quiet attach lb$i --mode $mode; done
        for family in 4 6; do
            for port in 80 81 82; do
                check "mode $mode at $ways, v$family: datagrams above the MTU are answered, port $port" \
                    answered $family $port
            done
        done
        cut_and_moved
        check "mode $mode at $ways: connections cut into fragments go on through a change" lived_in_fragments
    done
    fs --quiet detach --all
done
done_testing
