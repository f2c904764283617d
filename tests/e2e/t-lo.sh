#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Attaching to lo serves clients on this host.
. "$(dirname "$0")/lib.sh"

ns_add lb
lb_device() {
    ip_in lb link add lb0 type veth peer name lb0-peer
    ip_in lb link set lb0 up
    ip_in lb link set lb0-peer up
}
lb_device
lb_configure
serve lb l1 127.0.0.1:9001 127.0.0.1:9001/udp '[::1]:9001' '[::1]:9001/udp' \
    l2 "$LB4":9002 "$LB4":9002/udp "[$LB6]:9002" "[$LB6]:9002/udp"

services_on_lo() {
    service loop4 127.0.0.1:80/tcp flow 5m stable stable=50%:127.0.0.1:9001 canary=50%:"$LB4":9002
    service loop6 '[::1]:80/tcp' flow 5m stable 'stable=50%:[::1]:9001' "canary=50%:[$LB6]:9002"
    service vip4 "$VIP4":80/udp flow 5m stable stable=50%:127.0.0.1:9001 canary=50%:"$LB4":9002
    service vip6 "[$VIP6]:80/udp" flow 5m stable 'stable=50%:[::1]:9001' "canary=50%:[$LB6]:9002"
}

# half_each TARGET
half_each() {
    peer_in lb load --to "$1" --count 400 >"$TMP/load" || fail "$(cat "$TMP/load")"
    within_binomial "$(jq '.by_name.l2' "$TMP/load")" 400 5000
}

apply_services services_on_lo
for mode in auto generic tc; do
    check "attach lo --mode $mode" fs attach lo --mode $mode
    check "mode $mode: TCP to 127.0.0.1" half_each 127.0.0.1:80
    check "mode $mode: TCP to ::1" half_each '[::1]:80'
    check "mode $mode: UDP to an address of another interface, v4" half_each "$VIP4":80/udp
    check "mode $mode: UDP to an address of another interface, v6" half_each "[$VIP6]:80/udp"
    check "mode $mode: a backend on lo itself stays usable" peer_in lb ask --to 127.0.0.1:9001
    check "mode $mode: payloads of many segments" \
        peer_in lb hold --to 127.0.0.1:80 --to '[::1]:80' --count 20 --interval 20 --rounds 10 \
        --max-payload 200000
    check "detach lo after mode $mode" fs detach lo
done
done_testing
