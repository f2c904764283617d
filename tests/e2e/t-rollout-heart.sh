#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A controller that falls silent: the kernel holds the rollout or rolls it back, as planned, with no process there.
# Seldom in VMs: the packet tests stop the heart there, too.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

HELD=20
LOST_S=$(scaled 2 8)

heart_plan() { # THEN
    plan canary <<END
  steps:
    - set: {canary: 50%}
      hold: 1h
  evidence: 0 connections
  live_flows: cut
  heartbeat: {lost_after: ${LOST_S}s, then: $1}
END
}

begin() { # THEN
    afresh web 0
    heart_plan "$1"
    controller
    poll 10 in_step 1
    before=$(event_count)
}

# new_flows COUNT: who answered them, in $TMP/flows.
new_flows() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count "$1" --concurrency 1 >"$TMP/flows" || true
    cat "$TMP/flows"
}

go_to() { # NAMES
    equals "$(jq .failed "$TMP/flows")" 0 "flows that failed"
    equals "$(jq -r '.by_name | keys | join(" ")' "$TMP/flows")" "$1" "who answers"
}

event_count() {
    fs events --json | wc -l
}

# Events since the rollout was in its step.
news() { # FILTER
    fs events --json | jq -ecs ".[$before:] | $1"
}

silence() {
    sleep $((LOST_S + 1))
}

nothing_yet() {
    no_process
    news 'length == 0' || fail "$(news .)"
    equals "$(of web '.versions[1].buckets')" 5000 "the canary's buckets"
}

# The one that shows it is cut like all that are older.
kernel_withdraws() {
    new_flows 60
    no_process
    jq -e '.failed <= 1 and .by_name.l1 >= 50 and (.by_name.l2 // 0) <= 1' "$TMP/flows" || fail "more than one got there"
    new_flows 20
    go_to l1
    is_withdrawn web || fail "not withdrawn"
}

tells_of_it() {
    fs events
    news .
    news 'length == 1 and .[0].what == "trip" and .[0].who == "kernel" and .[0].version == "canary"
        and .[0].trip.withdrawn and (.[0].why | startswith("no heartbeat for "))' || fail "not that event"
    news '.[0].trip | .trip_ns - .first_bad_ns >= '"$LOST_S"'e9' || fail "too soon"
    equals "$(health web canary .tripped.why)" "heartbeat lost" "why"
}

comes_back_rolled_back() {
    ends_with 1
    rollout .
    rollout '.state == "rolled_back" and .why == "withdrawn: heartbeat lost"' || fail "$(rollout .why)"
    equals "$(weights_of web)" "stable=10000 canary=0" "the weights"
    equals "$(journal_words)" "started advancing holding paused rolling_back rolled_back" "the journal"
}

cleared_stays() {
    fs --quiet clear web canary
    fs --quiet set web canary=50%
    silence
    before=$(event_count)
    new_flows 30
    go_to 'l1 l2'
    news 'length == 0' || fail "$(news .)"
}

holds_and_tells_once() {
    new_flows 30
    go_to 'l1 l2'
    new_flows 30
    go_to 'l1 l2'
    no_process
    news .
    news 'length == 1 and .[0].what == "heartbeat" and .[0].version == "canary"
        and (.[0].why | test("^no heartbeat for .*: the rollout holds"))' || fail "not that event, once"
    is_withdrawn web && fail "withdrawn"
    equals "$(weights_of web)" "stable=5000 canary=5000" "the weights"
}

goes_on() { # HELD-MS-BEFORE
    in_step 1
    sleep 2
    [ "$(rollout .held_ms)" -gt "$1" ] || fail "held $(rollout .held_ms) ms, and $1 before"
    equals "$(journal_words)" "started advancing holding" "the journal"
    news 'length == 1' || fail "$(news .)"
}

only_the_cut() {
    cat "$TMP/hold.out" "$TMP/hold.err"
    jq -e '.opened == '"$HELD"' and .misrouted == 0 and .broken > 0 and .broken == .by_name.l2' "$TMP/hold.out" ||
        fail "not those of the canary"
}

# It beats as long as there is one, also when nothing is to be done.
beats_while_paused() {
    ask pause
    silence
    new_flows 30
    go_to 'l1 l2'
    news 'length == 0' || fail "$(news .)"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
fs --quiet attach lb0

begin rollback
hold hold c --to "$VIP4:80" --bind "$SOURCES4" --count $HELD --interval 100
check "a rollout that is paused has a heartbeat, too" beats_while_paused
controller_kill
check "a killed controller leaves all as it is" nothing_yet
silence
check "then: rollback: the next new flow after lost_after makes the kernel withdraw the version" kernel_withdraws
check "then: rollback: an event says that it was the heartbeat" tells_of_it
sleep 0.5
background_end hold TERM
check "then: rollback: live flows are treated by the plan's live_flows" only_the_cut
controller
check "a controller that comes back sees that it is rolled back" comes_back_rolled_back
controller_end
check "a rollout that has ended has no heartbeat to lose" cleared_stays

begin hold
controller_kill
silence
check "then: hold: nothing changes, and one event says so" holds_and_tells_once
held_ms=$(rollout .held_ms)
controller
check "a controller that comes back goes on with the time that was held" goes_on "$held_ms"
before=$(event_count)
kill -STOP "${BACKGROUND[controller]}"
silence
# That it hangs is found out by whoever asks it.
check "a controller that hangs is one that is silent" eval 'new_flows 30; go_to "l1 l2"; news "length == 1"'
kill -CONT "${BACKGROUND[controller]}"
poll 10 in_step 1
fs --quiet rollout promote web --full
before=$(event_count)
controller_kill
silence
check "a rollout that is promoted has no heartbeat to lose" eval 'new_flows 30; go_to "l1 l2"; news "length == 0"'
afresh web 50
before=$(event_count)
check "a service that is in no rollout has none" eval 'new_flows 30; go_to "l1 l2"; news "length == 0"'
done_testing
