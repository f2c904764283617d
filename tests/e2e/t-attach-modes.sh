#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every mode of attachment serves v4 and v6, TCP and UDP, local and remote backends in the shares wished.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/matrix.sh"

topology_routed
serve_all

mode_is() {
    equals "$(status '.interfaces | map("\(.name)=\(.mode)") | join(" ")')" "lb0=$1" "interfaces"
}

curl_answers() {
    local answer
    answer=$(in_ns c curl -s --max-time 20 "http://$(vip "$1" 80)/")
    [[ $answer == l[1-4] ]] || fail "curl got '$answer'"
}

no_longer_served() {
    ! peer_in c ask --to "$(vip 4 80)" --timeout 5 || fail "the VIP still answers"
    ! in_ns lb ip -d link show lb0 | grep -i xdp || fail "an XDP program is left"
    ! in_ns lb tc filter show dev lb0 ingress | grep . || fail "a filter is left"
    ! in_ns lb tc filter show dev lb0 egress | grep . || fail "a filter is left"
}

apply_services matrix_services
# In VMs, too: other tests are content with half.
export MATRIX_PART=whole
for mode in native generic tc auto; do
    check "attach --mode $mode" fs attach lb0 --mode $mode
    check "status names the interface with mode $mode" mode_is "${mode/auto/native}"
    # In VMs not again what auto has taken.
    [ "$FS_VM$mode" = 1auto ] || matrix_check "mode $mode"
    check "mode $mode: curl over v4" curl_answers 4
    check "mode $mode: curl over v6" curl_answers 6
    check "detach after mode $mode" fs detach lb0
    check "after detach nothing of mode $mode is left on the interface" no_longer_served
done

auto_says_which() {
    fs attach lb0 >"$TMP/said" 2>&1
    grep -i native "$TMP/said"
}
# refused_without_ethernet INTERFACE: nothing that it brings could be steered.
refused_without_ethernet() {
    ! fs attach "$1" 2>"$TMP/refused" || fail "attached"
    cat "$TMP/refused"
    grep -q "$1: its packets are in no Ethernet frames" "$TMP/refused"
    equals "$(status '.interfaces | map(.name) | join(" ")')" lb0 "interfaces"
}
check "attach says which mode auto took" auto_says_which
if ip_in lb tuntap add dev tun0 mode tun 2>/dev/null; then
    check "an interface without Ethernet frames is refused" refused_without_ethernet tun0
else
    skip "an interface without Ethernet frames is refused" "this kernel has no tun devices here"
fi
done_testing
