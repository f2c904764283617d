#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A version that was dead for a moment comes back by itself, with no process running; one that stays dead is tried
# again after twice the time, and not for ever. Live connections stay where they are through all of it.
# Seldom in VMs: the packet tests ask the same there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

SERVICES=(local4 local6)

recovering() {
    rules 'connect_failures > 1%'
    echo '      recover: {after: 3s, at_most: 2}'
}

# ask_all SERVICE: one connection after another from all sources of its family, a name a line.
ask_all() {
    local sources=$SOURCES4
    [ "${1: -1}" = 4 ] || sources=$SOURCES6
    peer_in c ask --to "$(vip_of "$1")" --bind "$sources" --timeout 20 2>/dev/null || true
}

# fails_four_times SERVICE
fails_four_times() {
    ask_all "$1" >"$TMP/answers"
    sort "$TMP/answers" | uniq -c
    equals "$(grep -c '^-' "$TMP/answers")" 4 "the number of failed connections"
}

# answers_again SERVICE: with nothing but packets since.
answers_again() {
    no_process
    ask_all "$1" >"$TMP/answers"
    sort "$TMP/answers" | uniq -c
    equals "$(grep -c '^-' "$TMP/answers" || true)" 0 "the number of failed connections"
    [ "$(grep -c '^l2' "$TMP/answers")" -gt 10 ] || fail "the canary answers too few"
}

# recovered SERVICE TIMES
recovered() {
    health "$1" canary '{withdrawn, tripped, recovered}'
    health "$1" canary "(.withdrawn | not) and .tripped == null and .recovered == $2" || fail "not so"
    events | jq -es --arg s "$1" 'map(select(.service == $s and .what == "recovery")) | last' >"$TMP/event"
    cat "$TMP/event"
    jq -e ".version == \"canary\" and .who == \"kernel\" and .trip.recovered == $2
        and .trip.rule == \"connect_failures > 1%\"
        and .trip.back_ns >= .trip.trip_ns + 3e9 * $2" "$TMP/event" || fail "not that event"
}

# until_when SERVICE: status says it, in words, too.
until_when() {
    health "$1" canary '.withdrawn and (.tripped.until | type) == "string"' || fail "no time"
    fs status >"$TMP/words"
    grep -qE 'WITHDRAWN +connect_failures > 1%, at .*, until ' "$TMP/words" || fail "$(cat "$TMP/words")"
}

stays_away() {
    health "$1" canary '.withdrawn and .tripped.until == null and .recovered == 2' || fail "not so"
    ask_all "$1" >"$TMP/answers"
    equals "$(grep -c '^l1' "$TMP/answers")" 60 "the number of answers of the baseline"
    fs --quiet clear "$1" canary
    health "$1" canary '.recovered == 0 and .tripped == null' || fail "not cleared"
}

for_all() {
    local sentence=$1 service
    shift
    for service in "${SERVICES[@]}"; do
        check "$service: $sentence" "$1" "$service" "${@:2}"
    done
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1)
fs --quiet attach lb0
apply_services all_guarded 50 recovering
for_all "a dead version is withdrawn" fails_four_times
hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count 20 --interval 200
# shellcheck disable=SC2046
serve lb $(server l2)
sleep 3.2
for_all "it is back, and answers, with no process running" answers_again
for_all "an event and status tell so" recovered 1
background_end live TERM
check "connections that the baseline got meanwhile went on" held live 20
background_end "serve$serve_count" TERM
for_all "dead again, it is withdrawn again" fails_four_times
for_all "status says until when" until_when
sleep 6.4
for_all "twice the time later it is tried again, in vain" fails_four_times
for_all "then it stays away until it is cleared" stays_away
done_testing
