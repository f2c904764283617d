#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `flowsplit reasons --top` shows what is counted, at which rate and what is new, and the setting that a reason points to.
# Not in VMs: no kernel has a part in it, and what happens within a second is the test's.
. "$(dirname "$0")/lib.sh"

# Until a look is over; what is counted begins after the first of its two.
meanwhile() {
    local pid
    rm -f "$TMP/over"
    (sleep 0.5; until [ -e "$TMP/over" ]; do "$@"; done) >"$TMP/meanwhile" 2>&1 &
    pid=$!
    fs reasons --top --json >"$TMP/top"
    touch "$TMP/over"
    wait $pid || cat "$TMP/meanwhile"
    cat "$TMP/top"
}

row() { # NAME FILTER
    jq -e --arg name "$1" ".reasons[] | select(.name == \$name) | $2" "$TMP/top"
}

asked() {
    peer_in c ask --to "$VIP4:80"
}

services() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)"
    service far "$VIP4:81/tcp" flow 5m stable "stable=100%:$(backends 4 r1)"
}

nothing_without_instance() {
    mkdir "$AT"
    fs reasons --top >"$TMP/words"
    grep -x 'nothing was counted' "$TMP/words"
    equals "$(fs reasons --top --json | jq -c .reasons)" '[]' "what was counted"
}

only_counted() {
    jq -e '.seconds >= 1 and (.reasons | length > 0 and all(.packets > 0))' "$TMP/top"
    ! row blackhole .name || fail "one that is zero is shown"
}

new_comes_first() {
    meanwhile asked
    only_counted
    row to_local '.new and .rate > 0 and .rate <= .packets'
    jq -e '.reasons | map(.new) | . == (sort | reverse)' "$TMP/top"
}

not_new_again() {
    meanwhile asked
    row to_local '(.new | not) and .rate > 0'
    sleep 1.1
    fs reasons --top --json >"$TMP/top"
    row to_local '(.new | not) and .rate == 0 and .packets > 0'
    jq -e '.reasons | map(.rate) | . == (sort | reverse)' "$TMP/top"
}

# The stack drops them.
names_the_setting() {
    in_ns lb sysctl -q -w net.ipv4.conf.lb0.forwarding=0
    peer_in c ask --to "$VIP4:81" --timeout 1 2>/dev/null || true
    in_ns lb sysctl -q -w net.ipv4.conf.lb0.forwarding=1
    fs reasons --top >"$TMP/words"
    cat "$TMP/words"
    grep -A 1 '^stack_forwarding .* steered .*(!)$' "$TMP/words" | grep ' setting: sysctl net.ipv4.ip_forward=1 '
    ! grep '^blackhole' "$TMP/words" || fail "one that is zero is shown"
    fs reasons --json | jq -e '.reasons[] | select(.name == "to_local") | .setting == ""'
}

# Looks twice at least, and ends well when it is interrupted.
refreshes_on_a_terminal() {
    TERM=xterm timeout --preserve-status --signal INT --foreground 60 script -qec \
        "stty cols 160 rows 50; timeout --preserve-status --signal INT --foreground 3.5 \
        nsenter --net=/run/netns/$ID-lb '$FLOWSPLIT' --pin-dir '$PIN' reasons --top" /dev/null >"$TMP/screen"
    [ "$(grep -ac '^.*REASON  ' "$TMP/screen")" -ge 2 ] || fail "$(cat "$TMP/screen")"
    grep -aq 'to_local' "$TMP/screen"
}

topology_routed
serve_all
AT=$PIN-none check "without an instance nothing was counted" nothing_without_instance
apply_services services
fs --quiet attach lb0
check "what begins to be counted is new, and comes first" new_comes_first
check "and isn't new to who comes later" not_new_again
check "a reason says which setting it points to" names_the_setting
check "on a terminal it shows each second, until it is interrupted" refreshes_on_a_terminal
done_testing
