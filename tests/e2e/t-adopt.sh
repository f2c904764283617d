#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A VIP that serves already is taken over: its connections go on with their server, new ones are split.
. "$(dirname "$0")/lib.sh"

SOURCE=(--bind 10.77.1.1 --bind fd77:0:1::1)
INTERVAL_MS=$(scaled 100 2000)

split() {
    local family
    for family in 4 6; do
        service tcp$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=50%:$(backends $family l1)" "canary=50%:$(backends $family r2)"
    done
}

# adopt: false is said of a version.
no_adoption() {
    split | sed 's/^\( *\)- name: stable$/&\n\1  adopt: false/'
}

adopted() {
    equals "$(status '[.services[].adopted] | @csv')" "$1" "connections adopted, by service"
}

splits() {
    local family
    for family in 4 6; do
        peer_in c load --to "$(vip $family 80)" "${SOURCE[@]}" --count 60 >"$TMP/load"
        equals "$(jq -r '[.by_name | keys[]] | join(" ")' "$TMP/load")" "l1 r2" "who answers new connections"
    done
}

counted() {
    fs reasons --json | jq '.reasons[] | select(.name == "adopted").packets'
}

topology_routed
serve_all
serve lb old "$VIP4:80" "[$VIP6]:80"
for mode in native generic tc; do
    hold before c --to "$(vip 4 80)" --to "$(vip 6 80)" "${SOURCE[@]}" --count 16 --interval "$INTERVAL_MS"
    apply_services split
    fs --quiet attach lb0 --mode $mode
    check "mode $mode: connections that are older than flowsplit are told" adopted 8,8
    check "mode $mode: new connections are split" splits
    fs --quiet set tcp4 canary=90%
    fs --quiet attach lb0
    sleep "$(scaled 1 3)"
    check "mode $mode: as long as they live" adopted 8,8
    background_end before TERM
    check "mode $mode: none is broken" held before 16
    check "mode $mode: when they have ended, nothing is left" poll 5 adopted 0,0
    before=$(counted)
    check "mode $mode: new connections are split as ever" splits
    check "mode $mode: and nobody looks for older ones" equals "$(counted)" "$before" "packets adopted"
    fs --quiet detach lb0
    for name in tcp4 tcp6; do fs --quiet delete $name; done
done
hold before c --to "$(vip 4 80)" "${SOURCE[@]}" --count 4 --interval "$INTERVAL_MS"
apply_services no_adoption
fs --quiet attach lb0
check "adopt: false leaves nothing to the server of old" adopted 0,0
sleep "$(scaled 1 3)"
background_end before TERM
check "so its connections are reset" equals "$(jq .broken "$TMP/before.out")" 4 "broken connections"
done_testing
