#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What people look at: guard test tells how soon rules trip, top draws versions and events.
# Not in VMs: it exercises user space.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=95%:$(backends 4 l1)" \
        "canary=5%:$(backends 4 l2)"
    rules 'connect_failures > 1%' 'p99 connect_time > 20ms'
}

tells_how_soon() {
    fs guard test web --json >"$TMP/guard"
    cat "$TMP/guard"
    jq -e '.rules | length == 2 and all(.[]; .limit == 0.01 and .false_alarm_every > 900000 and
        (.replays | map(select(.rate == 1)) | .[0].median == 4 and .[0].p90 == 4))' "$TMP/guard"
    fs guard test web | grep -E 'connect_failures > 1% .* once in ' || fail "not in words"
}

replays_a_rate() {
    fs guard test web --rate 50% --json | jq -e '.rules[0].replays | length == 1 and
        .[0].rate == 0.5 and .[0].median <= 10' || fail "half-failing: more than 10 outcomes"
}

refuses() {
    ! fs guard test nosuch 2>"$TMP/words" || fail "no such service, but tested"
    grep nosuch "$TMP/words"
    ! fs guard test web --rate 200% 2>"$TMP/words" || fail "200 %"
    ! fs guard nosuch web 2>"$TMP/words" || fail "no such word"
    ! fs top </dev/null 2>"$TMP/words" || fail "top draws in a pipe"
    grep 'status --watch' "$TMP/words"
}

# It ends by its key; a terminal keeps what was drawn.
draws() {
    (sleep 3; printf 's\tq') | TERM=xterm COLUMNS=160 LINES=24 timeout 20 \
        script -qec "stty cols 160 rows 24; nsenter --net=/run/netns/$ID-lb '$FLOWSPLIT' --pin-dir '$PIN' top" \
        /dev/null >"$TMP/screen" || fail "it ended with $?"
    grep -aq 'stable' "$TMP/screen" || fail "no stable version"
    grep -aq 'canary' "$TMP/screen" || fail "no canary"
    grep -aq 'EVENTS' "$TMP/screen" || fail "no events"
    grep -aq 'apply' "$TMP/screen" || fail "not what was applied"
}

topology_routed
fs --quiet attach lb0
apply_anew web
check "guard test says after how many outcomes each rule trips, and how seldom by chance" tells_how_soon
check "a half-failing version trips within 10 outcomes" replays_a_rate
check "what isn't there is refused" refuses
check "top draws versions and events, and ends by its key" draws
done_testing
