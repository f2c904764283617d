#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A remote backend that calls the VIP and is given itself is answered.
. "$(dirname "$0")/lib.sh"

itself() {
    local family protocol
    for family in 4 6; do
        for protocol in tcp udp; do
            service $protocol$family "$(vip $family 80/$protocol)" flow 1m stable "stable=100%:$(backends $family r1 r3)"
        done
    done
}

# Of both backends on that host, by as many flows that each has some.
both_answer() { # FAMILY
    peer_in b1 load --to "$(vip "$1" 80)" --count 40 --timeout 5 >"$TMP/load"
    equals "$(jq -r '[.by_name | keys[]] | join(" ")' "$TMP/load")" "r1 r3" "who answers"
    equals "$(jq -r '[.by_name[]] | add' "$TMP/load")" 40 "answers"
}

answers_udp() { # FAMILY
    local name
    name=$(peer_in b1 ask --to "$(vip "$1" 80)/udp" --size 900)
    [ "$name" = r1 ] || [ "$name" = r3 ] || fail "$name answers"
}

# This host may talk to the backend from the VIP's address, too.
named_from_vip() { # FAMILY
    local from=$VIP4
    [ "$1" = 4 ] || from=$VIP6
    equals "$(peer_in lb ask --to "$(backend "$1" r1)" --bind "$from" --size 5000)" r1 "who answers"
}

topology_routed
serve_all
background pass-b1 b1 "$PEER" pass --dev b0 # else its veth takes nothing that is sent back out of lb1
poll 10 grep -q ready "$TMP/pass-b1.out"
apply_services itself
for mode in native generic tc; do
    for dev in lb0 lb1; do fs --quiet attach $dev --mode $mode; done
    for family in 4 6; do
        at="mode $mode, v$family"
        check "$at: a backend that calls the VIP is answered by itself, TCP" both_answer $family
        check "$at: and by UDP" answers_udp $family
        check "$at: this host reaches it from the VIP's address" named_from_vip $family
        check "$at: other clients are answered" equals "$(peer_in c ask --to "$(vip $family 80)" | tr 3 1)" r1 "who answers"
    done
    hold own b1 --to "$(vip 4 80)" --to "$(vip 6 80)" --count 16 --interval "$(scaled 100 2000)"
    fs --quiet set tcp4 stable=100%
    apply_services itself
    sleep "$(scaled 1 3)"
    background_end own TERM
    check "mode $mode: such connections live" held own 16
    for dev in lb0 lb1; do fs --quiet detach $dev; done
done
done_testing
