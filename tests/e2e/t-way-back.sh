#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Attached means that packets of both ways reach the programs, whoever else is at the interface and whatever becomes of
# it: attach ends so or says what is in the way, status sees what is lost, attach again mends.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/attached.sh"

# watch_exits_with STATUS: when it is interrupted.
watch_exits_with() {
    local code=0
    in_ns lb timeout --preserve-status --signal INT "$(scaled 2 20)" "$FLOWSPLIT" --pin-dir "$PIN" status --watch \
        >"$TMP/watched" || code=$?
    cat "$TMP/watched"
    equals $code "$1" "the exit status"
}

top_tells() {
    (sleep "$(scaled 2 20)"; printf q) | TERM=xterm script -qec \
        "stty cols 160 rows 24; nsenter --net=/run/netns/$ID-lb '$FLOWSPLIT' --pin-dir '$PIN' top" /dev/null >"$TMP/screen"
    grep -aq 'lb0: the way in: missing' "$TMP/screen"
}

# attach_refused WORDS: which attach says on stderr; nothing is left.
attach_refused() {
    ! fs attach lb0 2>"$TMP/refused" || fail "attached"
    cat "$TMP/refused"
    grep -q "$1" "$TMP/refused"
    unattached
}

# ---- where there is tcx ----

beside_qdiscs_by_tcx() {
    in_ns lb tc qdisc add dev lb0 ingress
    check "beside an ingress qdisc: attached, and served" attached_and_sound
    check "and detached" detached
    no_qdisc ingress
    other_filter pref 1 handle 1
    check "another filter was there first: attached, and served" attached_and_sound
    check "the qdisc is deleted: still" eval 'no_qdisc && sound'
    other_filter pref 1 handle 1
    check "another filter comes later: still" sound
    no_qdisc
    check "detached" detached
}

beside_tcx() {
    other_link first
    check "another was first in tcx: attached in front of it, and served" attached_and_sound
    background_end first TERM
    other_link last --last
    check "another comes last in tcx: still" sound
    background_end last TERM
    other_link later
    check "another comes first in tcx: status tells" lost back "ends_chain (tcx, program *) is ahead of it*"
    check "attach again mends" mended
    background_end later TERM
    check "and is right when it has gone" sound
    other_link front --way in
    check "on the way in, XDP is in front of all of them" sound
    check "in mode tc attach comes to be in front, too" attached_and_sound --mode tc
    background_end front TERM
    other_link front --way in
    check "another comes first on the way in: status tells" lost in "ends_chain (tcx, program *) is ahead of it*"
    check "attach again mends this way, too" mended
    background_end front TERM
    check "back in mode native" attached_and_sound --mode native
}

# ---- where there is none ----

beside_qdiscs_by_clsact() {
    in_ns lb tc qdisc add dev lb0 ingress
    check "beside an ingress qdisc: attach says so, and leaves nothing" attach_refused 'ingress. qdisc holds'
    no_qdisc ingress
    other_filter pref 1 handle 1
    check "behind another's filter: attach says so, and leaves nothing" attach_refused 'ends_chain (pref 1, .*ahead'
    no_qdisc
    other_filter pref 10 handle 1
    check "another filter was there first: attached in front of it, and served" attached_and_sound
    in_ns lb tc filter del dev lb0 egress pref 10
    other_filter
    check "another filter comes later: still" sound
    other_filter pref 1 handle 2
    check "one of the same priority is in front: status tells" lost back "ends_chain (pref 1, *"
    in_ns lb tc filter del dev lb0 egress pref 1 handle 2 bpf
    check "until it has gone" sound
    no_qdisc
    check "the qdisc is deleted: status tells" lost back missing
    check "attach again mends" mended
    no_qdisc
    in_ns lb tc qdisc add dev lb0 ingress
    check "an ingress qdisc took its place: status tells" lost back "*ingress*holds*"
    no_qdisc ingress
    in_ns lb tc qdisc add dev lb0 clsact
    in_ns lb tc filter add dev lb0 egress pref 62720 handle 1 bpf da object-pinned "$PIN/programs/tc_egress"
    other_filter pref 20 handle 1
    check "as an older flowsplit left it, behind another's filter: status tells" lost back "ends_chain (pref 20, *"
    check "attach again brings it to the front" mended
    in_ns lb tc filter del dev lb0 egress pref 20
}

# ---- anywhere ----

both_sound() {
    fs attach lb0
    sound
    AT=$PIN-two looked_at lb0 0 ok ok
}

# It steers no packet of the first.
beside_another_instance() {
    AT=$PIN-two check "another instance attaches to the same interface" fs attach lb0 --mode tc
    check "which the first doesn't mind" sound
    check "nor the second the first" both_sound
    AT=$PIN-two check "the second detaches" fs --quiet detach lb0
    check "and the first goes on" sound
}

# ---- what becomes of the interface ----

down() {
    looked_at lb0 0 ok ok
    fs status | grep 'lb0 (native, down)'
}

goes_and_returns() {
    ip_in lb link set lb0 netns "$ID-b1"
    check "while the interface is in another namespace, nothing is attached" \
        equals "$(fs status --json | jq -r '.interfaces | length')" 0
    ip -n "$ID-b1" link set lb0 netns "$ID-lb"
    ip_in lb link set lb0 up
    readdressed
}

renamed() {
    ip_in lb link set lb0 down
    ip_in lb link set lb0 name other0
    ip_in lb link set other0 up
    check "renamed: all of it goes by the new name" eval 'looked_at other0 0 ok ok && answers'
    ip_in lb link set other0 down
    ip_in lb link set other0 name lb0
    ip_in lb link set lb0 up
}

made_again() {
    ip_in lb link del lb0
    link c c0 lb lb0
    clients_configure
    readdressed
    check "deleted and made again: nothing is attached" unattached
    no_answer
    check "until attach" attached_and_sound
}

topology_routed
serve_all
other_pinned
apply_services service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)"
if in_ns lb "$PEER" tc --probe; then
    beside_qdiscs_by_tcx
    beside_tcx
else
    beside_qdiscs_by_clsact
fi
beside_another_instance
in_ns lb ip link set lb0 xdp off
check "XDP is switched off: status tells" lost in missing
check "so does status --watch, by its exit status" watch_exits_with 1
check "and top, in words" top_tells
check "attach again mends" mended
check "and status --watch is content" watch_exits_with 0
ip_in lb link set lb0 down
check "down: said, and no fault of the programs" down
ip_in lb link set lb0 up
check "up again: served" sound
renamed
goes_and_returns
if in_ns lb "$PEER" tc --probe; then
    check "moved away and back: still attached, and served" sound
else
    check "moved away and back: status tells that the way back is lost" lost back missing
    check "attach again mends" mended
fi
made_again
check "detached: nothing is left" detached
done_testing
