#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# events tells what happened, when and by whom; it outlives processes, and counts what it lost.
# Not in VMs: what commands write is the same everywhere; t-guard-dead looks at a trip's event.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

KEPT=2048
KILLS=40

failures_rule() {
    rules 'connect_failures > 1%'
}

SHARE=50
web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=$((100 - SHARE))%:$(backends 4 l1)" \
        "canary=$SHARE%:$(backends 4 l2)"
    failures_rule
}

last_event() {
    events | tail -n 1
}

# did WHAT WHY COMMAND...: its last event says so, with a time between before and after.
did() {
    local what=$1 why=$2 before after
    shift 2
    before=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
    "$@"
    after=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
    last_event >"$TMP/event"
    cat "$TMP/event"
    jq -e --arg what "$what" --arg why "$why" --arg before "$before" --arg after "$after" '
        .what == $what and (.why | test($why)) and .time >= $before and .time <= $after' \
        "$TMP/event" || fail "not $what, /$why/, between $before and $after"
    [ "$what" = trip ] || jq -e '.who | test("^(root|uid 0)|sudo")' "$TMP/event" || fail "who?"
    fs events | tail -n 7 >"$TMP/words"
    grep -qE "^20[0-9-]+T[0-9:.]+Z +$what " "$TMP/words" || fail "not in words"
}

until_it_trips() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count 40 --concurrency 1 >/dev/null 2>&1 || true
}

of_service() {
    equals "$(jq -r .service "$TMP/event")" "$1" "the service"
}

numbers_in_order() {
    events >"$TMP/events"
    # shellcheck disable=SC2016 # variables of jq
    jq -es --argjson first "$FIRST_EVENT" 'map(.number - $first) as $n | $n == [range(0; $n | length)]' \
        "$TMP/events" || fail "$(cat "$TMP/events")"
    # shellcheck disable=SC2016
    jq -es 'map(.time) as $t | $t == ($t | sort)' "$TMP/events" || fail "times not in order"
}

unchanged_adds_none() {
    local before
    SHARE=50
    before=$(fs events --json | wc -l)
    apply_services web
    fs --quiet set web canary=50%
    fs status >/dev/null
    fs --quiet set web canary=101% 2>/dev/null && fail "101 %"
    equals "$(fs events --json | wc -l)" "$before" "the number of events"
}

# A new one is shown within a second.
follows() {
    background follow lb "$FLOWSPLIT" --pin-dir "$PIN" events --follow --json
    poll 10 has_lines 1
    equals "$(jq -r .what "$TMP/follow.out" | tail -n 1)" "$(last_event | jq -r .what)"
    fs --quiet set web canary=20%
    poll 1 follow_shows '20'
    fs --quiet withdraw web canary
    poll 1 follow_shows withdraw
    fs --quiet clear web canary
    background_end follow TERM
    equals "$(cat "$TMP/follow.status")" 0 "the exit status"
    equals "$(jq .number "$TMP/follow.out" | sort -n | uniq -d | wc -l)" 0 "events shown twice"
}

has_lines() {
    [ "$(wc -l <"$TMP/follow.out")" -ge "$1" ]
}

follow_shows() {
    tail -n 1 "$TMP/follow.out" | grep -q -- "$1"
}

# Killed anywhere; the ring is readable all the time, and goes on after it.
killed_in_between() {
    local i pid
    for ((i = 0; i < KILLS; i++)); do
        fs --quiet set web "canary=$((i % 50 + 1))%" 2>/dev/null &
        pid=$!
        sleep "0.0$((RANDOM % 9 + 1))"
        kill -KILL $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        fs events --json >"$TMP/events" || fail "not readable"
        jq -es 'map(select(.number != null)) | all(.what != "" and .time != "")' "$TMP/events" ||
            fail "nonsense: $(tail -n 3 "$TMP/events")"
    done
    did set '60%' fs --quiet set web canary=60%
}

# What is lost is said, and none twice: lost + shown = all that there were.
lost_are_counted() {
    local first=$1 last
    last=$(last_event | jq .number)
    fs events --json >"$TMP/events"
    head -n 2 "$TMP/events"
    equals "$(jq -s 'map(select(.number != null)) | length' "$TMP/events")" "$KEPT" "events kept"
    equals "$(jq -s 'map(.lost // 0) | add' "$TMP/events")" $((last + 1 - KEPT)) "events lost"
    equals "$(jq -s 'map(select(.number != null)) | .[0].number' "$TMP/events")" $((last + 1 - KEPT)) "the first"
    [ "$last" -ge "$first" ]
    fs events >"$TMP/words"
    head -n 1 "$TMP/words" | grep -qF "($((last + 1 - KEPT)) " ||
        fail "in words they aren't said first: $(head -n 1 "$TMP/words")"
}

# Many at a time: an apply that adds or removes services makes an event for each.
many_services() {
    local i
    web
    for ((i = 1; i <= 200; i++)); do
        service "s$i" "10.88.0.$i:80/tcp" flow 5m only "only=100%:10.89.0.$i:80"
    done
}

fill_the_ring() {
    local last
    while last=$(last_event | jq .number) && [ "$last" -lt $((KEPT + 100)) ]; do
        apply_services many_services
        apply_services web
    done
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1)
check "apply of a new service" did apply '^added' apply_services web
check "its service is named" of_service web
SHARE=40
check "apply of a changed one" did apply 'canary.*40|40.*canary' apply_services web
check "attach" did attach 'attached, native' fs --quiet attach lb0
check "set" did set 'canary.*50|50.*canary' fs --quiet set web canary=50%
check "withdraw" did withdraw 'canary withdrawn' fs --quiet withdraw web canary
check "its service is named, too" of_service web
check "clear" did clear 'canary cleared' fs --quiet clear web canary
check "a trip" did trip '^connect_failures > 1%: 4 of 4 bad, of 4 clients; baseline 0 of [0-9]*$' until_it_trips
check "a trip is the kernel's act, of a version" jq -e '.who == "kernel" and .version == "canary" and
    .service == "web" and .trip.withdrawn' "$TMP/event"
check "clear after a trip" did clear 'canary cleared' fs --quiet clear web canary
check "what changes nothing or fails makes no event" unchanged_adds_none
check "--follow shows a new event within a second" follows
check "events are numbered without a gap, in the order of time" numbers_in_order
check "detach" did detach detached fs --quiet detach lb0
check "set killed in the midst $KILLS times: events stay readable" killed_in_between
check "more events than are kept" fill_the_ring
check "those lost are counted, and the last $KEPT are shown" lost_are_counted $KEPT
check "delete" did delete removed fs --quiet delete web
check "its service is named at last" of_service web
done_testing
