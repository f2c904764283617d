#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ICMP errors find their way: port unreachable to the client, packet too big to client and backend.
. "$(dirname "$0")/lib.sh"

# Ports 80 (open) and 81 (nobody listens at the backend), by protocol, place and family.
services() {
    local family protocol
    for family in 4 6; do
        for protocol in tcp udp; do
            service shut-l-$protocol$family "$(vip $family 81/$protocol)" flow 5m stable \
                "stable=100%:$(backend $family l9)"
            service shut-r-$protocol$family "$(vip $family 82/$protocol)" flow 5m stable \
                "stable=100%:$(backend $family r9)"
        done
        service open-l-$family "$(vip $family 80/tcp)" flow 5m stable "stable=100%:$(backends $family l1)"
        service open-r-$family "$(vip $family 83/tcp)" flow 5m stable "stable=100%:$(backends $family r1)"
    done
}

# A client "far" behind c, to which c lets only packets of 1300 bytes through.
far_add() {
    ns_add far
    forwarding_on c
    link far f0 c cf
    printf 'addr add %s dev cf\n' 10.79.0.1/24 'fd79::1/64 nodad' | ip_in c -batch -
    printf 'addr add %s dev f0\n' 10.79.0.2/24 'fd79::2/64 nodad' | ip_in far -batch -
    ip_in far route add default via 10.79.0.1
    ip_in far -6 route add default via fd79::1
    ip_in lb route add 10.79.0.0/24 via 10.77.1.1
    ip_in lb -6 route add fd79::/64 via fd77:0:1::1
    ip_in c route replace 10.79.0.0/24 dev cf src 10.79.0.1 mtu lock 1300
    ip_in c -6 route add fd79::2/128 dev cf mtu lock 1300
    poll 10 in_ns far ping -c 1 -W 1 "$VIP4"
    poll 10 in_ns far ping -c 1 -W 1 $VIP6
}

# The way from this host to b1 is as narrow.
narrow_backend() {
    ip_in lb route replace 10.78.1.0/24 dev lb1 src 10.78.1.1 mtu lock 1300
    ip_in lb -6 route add "${B6[1]}/128" dev lb1 mtu lock 1300
}

# What was learned of narrow ways before.
forget_ways() {
    local name
    for name in c far lb b1; do
        ip_in $name route flush cache
        ip_in $name -6 route flush cache
    done
}

errors_unlimited() {
    local name
    for name in c lb b1 b2; do
        in_ns $name sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    done
}

is_refused() {
    ! peer_in c ask --to "$1" --timeout 20 2>"$TMP/refused" || fail "answered"
    cat "$TMP/refused"
    grep -q 'Connection refused' "$TMP/refused" || fail "not refused"
}

way_learned() {
    in_ns c "$PEER" ask --to "$(vip "$1" 83)" --size 100000
    ip_in c route get "$([ "$1" = 4 ] && echo "$VIP4" || echo $VIP6)" | tee "$TMP/way"
    grep -q 'mtu 1300' "$TMP/way" || fail "the client wasn't told"
}

topology_routed
errors_unlimited
serve_all
far_add
apply_services services
for mode in native generic tc; do
    fs --quiet attach lb0 --mode $mode
    for family in 4 6; do
        for protocol in tcp udp; do
            check "mode $mode, v$family: a closed $protocol port of a local backend refuses" \
                is_refused "$(vip $family 81/$protocol)"
            check "mode $mode, v$family: a closed $protocol port of a remote backend refuses" \
                is_refused "$(vip $family 82/$protocol)"
        done
        forget_ways
        check "mode $mode, v$family: a local backend learns of a narrow way to the client" \
            peer_in far ask --to "$(vip $family 80)" --size 100000
        check "mode $mode, v$family: a remote backend learns of a narrow way to the client" \
            peer_in far ask --to "$(vip $family 83)" --size 100000
    done
    fs --quiet detach lb0
done
narrow_backend
for mode in native generic tc; do
    fs --quiet attach lb0 --mode $mode
    for family in 4 6; do
        forget_ways
        check "mode $mode, v$family: the client learns of a narrow way to a remote backend" way_learned $family
    done
    fs --quiet detach lb0
done
done_testing
