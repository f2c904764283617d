#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# No daemon: traffic goes on when no process is left; detach and delete end it, and only it.
. "$(dirname "$0")/lib.sh"

webs() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1 r1)"
    service other "$VIP4:81/tcp" flow 5m stable "stable=100%:$(backends 4 l2 r2)"
}

no_process() {
    local pids
    pids=$(pgrep -f "$PIN" || true)
    [ -z "$pids" ] || fail "left: $(ps -o pid,args -p "${pids//$'\n'/,}")"
}

answered() {
    peer_in c load --to "$VIP4:$1" "${SOURCES[@]}" --count 50
}

not_answered() {
    ! peer_in c ask --to "$VIP4:$1" --timeout 20 2>&1 || fail "still answered"
}

pins_gone() {
    [ ! -e "$PIN/programs" ] || [ -z "$(ls -A "$PIN/programs")" ] || {
        bpftool net show 2>/dev/null
        find "$PIN"
    }
    ! in_ns lb ip -d link show | grep -E 'xdp|prog/' || fail "an XDP program is left"
    ! in_ns lb tc filter show dev lb0 egress | grep . || fail "a filter is left"
    ! in_ns lb tc filter show dev lb1 ingress | grep . || fail "a filter is left"
}

status_in_words() {
    local word
    fs status >"$TMP/words"
    cat "$TMP/words"
    for word in web stable lb0 native; do
        grep -q "$word" "$TMP/words" || fail "no $word"
    done
}

interfaces() {
    status '.interfaces | map("\(.name)=\(.mode)") | sort | join(" ")'
}

topology_routed
serve_all
check "attach before there is a service" fs attach lb0
apply_services webs
check "no process is left after the commands" no_process
check "and traffic is served" answered 80
hold live c --to "$VIP4:80" "${SOURCES[@]}" --count 10 --interval 100
check "delete of another service" fs delete other
check "its VIP is no longer answered" not_answered 81
check "it is gone from status" equals "$(status '.services | map(.name) | join(" ")')" web
check "the rest is served" answered 80
background_end live TERM
check "connections of the rest lived on" held live 10

check "attach of a second interface" fs attach lb1 --mode tc
check "status names both, with their modes" equals "$(interfaces)" "lb0=native lb1=tc"
check "detach of one" fs detach lb1
check "the other stays" equals "$(interfaces)" lb0=native
check "and serves" answered 80
fs --quiet attach lb1
fs --quiet attach lo
check "detach --all" fs detach --all
check "no interface is left" equals "$(interfaces)" ""
check "nothing is left at the interfaces" pins_gone
check "and nothing is answered" not_answered 80
check "services survive it: attach serves again" fs attach lb0
check "as before" answered 80
check "status in words names service, version and interface" status_in_words
done_testing
