#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# In tcx, programs are held by links: nobody takes them out by the way, none is missing while it comes to the front, and
# no pin outlives its use.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/attached.sh"

EGRESS=$PIN/programs/tc_egress

# pinned WAY...: the links that are pinned, and that these are what holds the programs in the chains.
pinned() {
    local way pins held=""
    pins=$(find "$PIN/links" -name 'tcx_*' -printf '%f\n' | sort -r)
    for way; do
        held+="tcx_${way}_$(in_ns lb "$PEER" tc --dev lb0 --way "$way" --show | sed -n '1s/.* //p') "
    done
    equals "$(echo "$pins" | tr '\n' ' ' | sed 's/^ $//')" "$held" "what is pinned"
}

back_pin() {
    find "$PIN/links" -name 'tcx_back_*'
}

# By its id and the way to its pin.
listed_by_bpftool() {
    bpftool -jf link show | jq -e --arg pin "$(back_pin)" \
        '.[] | select(.pinned == [$pin] and .id == ($pin | sub(".*_"; "") | tonumber))'
}

not_taken_out() {
    ! in_ns lb "$PEER" tc --dev lb0 --detach "$EGRESS" 2>"$TMP/refused" || fail "taken out"
    grep 'Device or resource busy' "$TMP/refused"
    sound
}

link_detached() {
    bpftool link detach pinned "$(back_pin)"
}

pin_removed() {
    rm "$(back_pin)"
    poll 5 eval "! in_ns lb '$PEER' tc --dev lb0 --show | grep ."
}

# As a flowsplit left it that knew no links.
without_link() {
    link_detached
    in_ns lb "$PEER" tc --dev lb0 --attach "$EGRESS"
}

# What clients reset: connections of which a reply came with the backend's address.
resets() {
    in_ns c grep '^Tcp: [0-9]' /proc/net/snmp | cut -d ' ' -f 15
}

# undisturbed ROUNDS COMMAND...: each followed by attach, while clients talk.
undisturbed() {
    local rounds=$1 before i
    shift
    before=$(resets)
    background talk c "$PEER" load --to "$VIP4:80" --bind "$SOURCES4" --max --seconds 600
    sleep 1
    for ((i = 0; i < rounds; i++)); do
        "$@"
        fs --quiet attach lb0
    done
    background_end talk TERM
    cat "$TMP/talk.out" "$TMP/talk.err"
    jq -e '.failed == 0' "$TMP/talk.out"
    equals $(($(resets) - before)) 0 "the number of replies that came with the backend's address"
}

# Another comes to be the first on both ways, which lets packets pass.
another_first() {
    local way
    another_goes 2>/dev/null || true
    for way in in back; do
        in_ns lb "$PEER" tc --dev lb0 --way $way --attach "$PIN-passes"
    done
}

another_goes() {
    local way
    for way in in back; do
        in_ns lb "$PEER" tc --dev lb0 --way $way --detach "$PIN-passes"
    done
}

# Whatever is left of an attach that was killed, the next one mends.
killed_on_its_way() {
    local i
    for ((i = 0; i < $(scaled 30 5); i++)); do
        another_first
        in_ns lb timeout --signal KILL "$(awk -v part=$RANDOM -v most="$(scaled 0.1 2)" 'BEGIN { print part / 32767 * most }')" \
            "$FLOWSPLIT" --pin-dir "$PIN" --quiet attach lb0 || true
        fs --quiet attach lb0
        pinned in back
    done
    sound
}

gone() {
    ip_in lb link del lb0
    [ -e "$(back_pin)" ] || fail "no pin is left that could be swept"
    fs status
    unattached
}

elsewhere() {
    in_ns b1 "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

moved() {
    ip_in lb link set lb0 netns "$ID-b1"
    equals "$(elsewhere status --json | jq -c '.interfaces[] | [.name, .way_back]')" '["lb0","ok"]' "what is attached there"
}

detached_there() {
    elsewhere detach lb0
    unattached
}

# The pins hold what is attached in b1.
kept_for_another() {
    fs --quiet attach lb1
    elsewhere --quiet attach b0
    fs --quiet delete web
    fs detach --all | grep 'still attached in another network namespace'
    equals "$(elsewhere status --json | jq -c '.interfaces[] | [.name, .way_back]')" '["b0","ok"]' "what is attached there"
    elsewhere --quiet detach --all
    [ ! -e "$PIN" ] || fail "pins are left"
}

topology_routed
if ! in_ns lb "$PEER" tc --probe; then
    skip "links of tcx" "this kernel has no tcx"
    done_testing
    exit
fi
serve_all
other_pinned
apply_services service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)"
fs --quiet attach lb0
check "a link holds the way back, and is pinned" pinned back
check "bpftool lists it" listed_by_bpftool
check "no one else takes the program out" not_taken_out
check "in mode tc the way in, too" attached_and_sound --mode tc
check "is held by a link" pinned in back
check "back in mode native" attached_and_sound --mode native
check "that link is gone" pinned back
link_detached
check "the link is detached: status tells" lost back missing
check "attach again mends" mended
check "and leaves nothing of the old one" pinned back
check "the pin is removed" pin_removed
check "status tells" lost back missing
check "attach again mends that" mended
check "with a link that is pinned" pinned back

fs --quiet attach lb0 --mode tc
in_ns lb "$PEER" tc --pin "$PIN-passes" --pass
check "another comes first, and attach in front of it again: clients notice nothing" undisturbed 5 another_first
check "it is still held by links" pinned in back
check "attach is killed on its way to the front: the next one mends" killed_on_its_way
another_goes
fs --quiet attach lb0 --mode native

without_link
check "as an older flowsplit left it, without a link: served" sound
check "detach takes it out, too" detached
fs --quiet attach lb0
without_link
check "attach makes it one, and clients notice nothing" undisturbed 1 true
check "it is pinned" pinned back
link_detached
other_filter pref 1 handle 1
in_ns lb tc filter add dev lb0 egress pref 62720 handle 1 bpf da object-pinned "$EGRESS"
check "as an older flowsplit left it, behind another's filter: status tells" lost back "ends_chain (pref 1, *"
check "attach again brings it to tcx" mended
check "and leaves no filter" eval '! in_ns lb tc filter show dev lb0 egress | grep tc_egress'
no_qdisc clsact
check "which the qdisc's end doesn't touch" sound
rm "$PIN/programs/tc_egress_stand_in" "$PIN/maps/stood_in_for"
another_first
check "in an instance where nothing stands in for the way back, attach mends, too" mended
another_goes
check "the interface is deleted: whoever comes by takes the pin away" gone
link c c0 lb lb0
clients_configure
readdressed
check "made again, and attached" attached_and_sound
check "moved to another namespace: attached there" moved
check "and detached there" detached_there
check "what is attached in another namespace keeps the pins" kept_for_another
done_testing
