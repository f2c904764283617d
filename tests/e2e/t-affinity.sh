#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Affinity: flow spreads a source's connections, source keeps them together (v6 by /64), none keeps nothing.
# Not in VMs: the packet tests ask the same of every affinity there.
. "$(dirname "$0")/lib.sh"

three_kinds() {
    local family
    for family in 4 6; do
        service flow$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=50%:$(backends $family l1 r1)" "canary=50%:$(backends $family l2 r2)"
        service source$family "$(vip $family 81/tcp)" source 5m stable \
            "stable=50%:$(backends $family l3 r3)" "canary=50%:$(backends $family l4 r4)"
        service none$family "$(vip $family 82/udp)" none 5m stable \
            "stable=100%:$(backends $family l1 r1)" "canary=0%:$(backends $family l2 r2)"
    done
}

# Of 60 sources with ten connections each, next to all must meet both halves.
flow_spreads() {
    peer_in c load --to "$(vip "$1" 80)" "${SOURCES[@]}" --count 600 --log >"$TMP/log"
    awk '{ sub(/:[0-9]+$/, "", $4); print $4, ($3 ~ /1$/) }' "$TMP/log" | sort -u >"$TMP/met"
    [ "$(wc -l <"$TMP/met")" -ge 110 ] || fail "$(cat "$TMP/met")"
}

source_stays() {
    peer_in c load --to "$(vip "$1" 81)" "${SOURCES[@]}" --count 600 --log >"$TMP/log"
    awk '{ sub(/:[0-9]+$/, "", $4); print $4, ($3 ~ /3$/) }' "$TMP/log" | sort -u >"$TMP/met"
    cat "$TMP/met"
    equals "$(wc -l <"$TMP/met")" 60 "pairs of source and version"
    # All sources on one side would be no split.
    equals "$(cut -d' ' -f2 "$TMP/met" | sort -u | wc -l)" 2 "versions met"
}

neighbours_meet_the_same() {
    local i a b
    for i in 1 2 3 4 5 6 7 8 9 a b c d e f; do
        ip_in c addr add fd77:0:$i::2:1/32 dev c0 nodad
        a=$(peer_in c ask --to "$(vip 6 81)" --bind fd77:0:$i::1)
        b=$(peer_in c ask --to "$(vip 6 81)" --bind fd77:0:$i::2:1)
        echo "fd77:0:$i::/64: $a $b"
        equals "${b#?}" "${a#?}" "the second one's version"
    done
}

# A backend's number is 1 in stable and 2 in canary.
follows_at_once() {
    local from=10.77.1.2:5000 before after
    [ "$1" = 4 ] || from='[fd77:0:2::1]:5000'
    fs --quiet set "none$1" canary=0%
    before=$(peer_in c ask --to "$(vip "$1" 82/udp)" --bind "$from")
    fs --quiet set "none$1" canary=100%
    after=$(peer_in c ask --to "$(vip "$1" 82/udp)" --bind "$from")
    [[ $before == ?1 && $after == ?2 ]] || fail "$before before, $after after"
    equals "$(of "none$1" .flow_entries)" 0 "flow entries"
}

topology_routed
serve_all
apply_services three_kinds
fs --quiet attach lb0
for family in 4 6; do
    check "flow, v$family: one source's connections meet both versions" flow_spreads $family
    check "source, v$family: one source's connections meet one version" source_stays $family
    check "none, v$family: a flow follows the weights at once, and nothing is recorded" \
        follows_at_once $family
done
check "source, v6: addresses of one /64 meet the same version" neighbours_meet_the_same
done_testing
