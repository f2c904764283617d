#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A canary on which nothing listens is withdrawn on the 4th failed connection, by the kernel alone.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

AFTER=$(scaled 100 40)

failures_rule() {
    rules 'connect_failures > 1%'
    echo '      false_alarm: 1e-6'
}

# ask_all SERVICE: one connection after another from all sources of its family, a name a line.
ask_all() {
    local sources=$SOURCES4
    [ "${1: -1}" = 4 ] || sources=$SOURCES6
    peer_in c ask --to "$(vip_of "$1")" --bind "$sources" --timeout 20 2>/dev/null || true
}

# fails_four_times SERVICE: then never again, and no process takes part.
fails_four_times() {
    ask_all "$1" >"$TMP/answers"
    no_process
    sort "$TMP/answers" | uniq -c
    equals "$(grep -c '^-' "$TMP/answers")" 4 "the number of failed connections"
    equals "$(grep -c '^[lr]1' "$TMP/answers")" 56 "the number of those answered by the baseline"
}

# The last run's events of a service are in $TMP/trips.
trip_says() {
    events | jq -c --arg s "$1" 'select(.trip and .service == $s)' >"$TMP/trips"
    tail -n 1 "$TMP/trips"
    equals "$(wc -l <"$TMP/trips")" "$2" "the number of trips so far"
    tail -n 1 "$TMP/trips" | jq -e '.what == "trip" and .version == "canary" and .who == "kernel"
        and (.trip | .rule == "connect_failures > 1%" and .outcomes == 4 and .bad == 4 and .withdrawn
            and .score >= .threshold and (.threshold - 13.8155 | fabs) < 0.001)' || fail "not that"
}

health_says() {
    of "$1" '.versions' >"$TMP/versions"
    jq -c '.[].health' "$TMP/versions"
    jq -e '.[1].health | .withdrawn and .tripped.why == "connect_failures > 1%"
        and .handshakes.begun == 4 and .handshakes.refused == 4 and .handshakes.answered == 0
        and .handshakes.unanswered == 0' "$TMP/versions" || fail "not that of the canary"
    jq -e '.[0].health | (.withdrawn | not) and .tripped == null and .handshakes.begun == 56
        and .handshakes.answered == 56 and .handshakes.refused == 0' "$TMP/versions" ||
        fail "not that of the baseline"
    equals "$(jq -r 'map("\(.weight_bp) \(.buckets)") | join(", ")' "$TMP/versions")" \
        "5000 10000, 5000 0" "weights and buckets"
}

# The canary's counters stand still.
no_new_flow_reaches_it() {
    local before after
    before=$(of "$1" '.versions[1] | [.new_flows, .packets, .health.handshakes.begun] | join(" ")')
    peer_in c load --to "$(vip_of "$1")" "${SOURCES[@]}" --count "$AFTER" || fail "a failed connection"
    after=$(of "$1" '.versions[1] | [.new_flows, .packets, .health.handshakes.begun] | join(" ")')
    equals "$after" "$before" "new flows, packets and handshakes"
}

events_tell_the_story() {
    fs events >"$TMP/story"
    cat "$TMP/story"
    grep -qE "trip .*local[46]/canary  connect_failures > 1%: 4 of 4 bad, of [1-4] clients; baseline 0 of [0-9]+  \(kernel\)" "$TMP/story"
    grep -qE 'first bad outcome +\+0' "$TMP/story"
    grep -qE '^ +trip +\+' "$TMP/story"
    grep -qE 'last new flow before +' "$TMP/story"
    grep -qE 'first new flow diverted +\+' "$TMP/story"
    fs status >"$TMP/words"
    cat "$TMP/words"
    grep -qE 'WITHDRAWN +connect_failures > 1%' "$TMP/words"
}

four_and_out() {
    local service trips
    trips=$(scaled "$2" 1)
    for service in "${GUARDED[@]}"; do
        check "$1, $service: 4 connections fail, then none, with no process left" \
            fails_four_times "$service"
        check "$1, $service: the trip's event holds rule, counts, score and who" trip_says "$service" "$trips"
        check "$1, $service: the trip's four moments are in order" moments_in_order "$service"
        check "$1, $service: status shows health, counts and why" health_says "$service"
        check "$1, $service: no new flow reaches it afterwards" no_new_flow_reaches_it "$service"
    done
    check "$1: events tell the story in words" events_tell_the_story
}

trips=0
topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1)
# shellcheck disable=SC2046
serve b1 $(server r1)
for mode in native tc; do
    guarded_for $mode
    fs --quiet attach lb0 --mode $mode
    apply_anew all_guarded 50 failures_rule
    trips=$((trips + 1))
    four_and_out "mode $mode" $trips
    fs --quiet detach lb0
done
fs --quiet attach lb0
fs --quiet attach lb2
apply_anew all_guarded 50 failures_rule
check "the refusals come in by an interface with XDP: 4 connections fail" fails_four_times remote4
fs --quiet detach lb2
done_testing
