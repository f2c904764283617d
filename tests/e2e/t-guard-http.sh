#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Statuses of plaintext HTTP are counted by class, and 5xx or late answers trip their rules.
# Seldom in VMs: the packet tests read the same answers there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

# Enough that the canary does not get off by chance.
CONNECTIONS=$(scaled 60 40)
EXCHANGES=5

http_keys() {
    printf '    sample: 1/1\n    http: true\n'
}

errors_rule() {
    http_keys
    rules 'http_5xx > 1%'
}

errors_reported() {
    errors_rule
    echo '      on_trip: report'
}

slow_rule() {
    http_keys
    rules 'p99 response_time > 50ms' 'http_5xx > 1%'
}

# exchanges SERVICE: the clients' view is in $TMP/http.
exchanges() {
    peer_in c http --to "$(vip_of "$1")" "${SOURCES[@]}" --count "$CONNECTIONS" \
        --exchanges $EXCHANGES --concurrency "${2:-4}" >"$TMP/http"
    cat "$TMP/http"
    jq -e --argjson n "$CONNECTIONS" '.opened == $n and .broken == 0' "$TMP/http" || fail "broken"
}

# sum_of SERVICE FILTER: over the versions' health.
sum_of() {
    of "$1" "[.versions[].health | $2] | add"
}

# counts_agree SERVICE: with what the clients have seen, with nothing tripped before.
counts_agree() {
    exchanges "$1"
    of "$1" '.versions[] | {name, http: .health.http, guard: .health.guard}'
    equals "$(sum_of "$1" '.http["2xx"]')" "$(jq '."2xx"' "$TMP/http")" "the number of 2xx"
    equals "$(sum_of "$1" '.http["5xx"]')" "$(jq '."5xx"' "$TMP/http")" "the number of 5xx"
    equals "$(health "$1" stable '.http["5xx"]')" 0 "5xx of the baseline"
    equals "$(sum_of "$1" '.http | .["1xx"] + .["3xx"] + .["4xx"]')" 0 "other statuses"
    equals "$(sum_of "$1" .response_time.count)" $((CONNECTIONS * EXCHANGES)) "answers timed"
    equals "$(sum_of "$1" .sampled.established)" "$CONNECTIONS" "connections sampled"
    equals "$(score "$1" canary http_5xx .bad)" "$(health "$1" canary '.http["5xx"]')" "bad outcomes"
}

reported_only() {
    health "$1" canary .tripped
    health "$1" canary '.tripped.withdrawn == false and .tripped.why == "http_5xx > 1%"' ||
        fail "not reported"
    events | jq -es --arg s "$1" 'map(select(.service == $s and .trip)) | length == 1
        and .[0].what == "report" and .[0].who == "kernel" and (.[0].trip.withdrawn | not)' ||
        fail "not one event of a report"
    equals "$(of "$1" '.versions[1].buckets')" 5000 "the canary's buckets"
}

errors_trip() {
    exchanges "$1"
    is_withdrawn "$1" || fail "not withdrawn: $(of "$1" '.versions[] | {name, new_flows, health}')"
    trip_of "$1"
    trip_of "$1" '.rule == "http_5xx > 1%" and .bad >= 4 and .outcomes <= 150' || fail "not that"
    moments_in_order "$1"
    health "$1" stable '.tripped == null and .http["5xx"] == 0' || fail "the baseline"
}

lateness_trips() {
    exchanges "$1"
    is_withdrawn "$1" || fail "not withdrawn: $(of "$1" '.versions[] | {name, new_flows, health}')"
    trip_of "$1"
    trip_of "$1" '.rule == "p99 response_time > 50ms" and .bad >= 4 and .outcomes <= 150' ||
        fail "not that"
    health "$1" canary .response_time
    # The server waits for 80 ms; a bin's upper end is at most 6.25 % above.
    health "$1" canary '.response_time.p99_ns >= 75e6' || fail "no quantile of 80 ms"
    health "$1" canary '.connect_time.count > 0 and .connect_time.p50_ns > 0' || fail "connect times"
}

# For each service by itself, so that what fails comes from one place.
servers() {
    # shellcheck disable=SC2046,SC2086 # words are wanted
    faulty lb $1 $(at l2)
    local_server=$FAULTY
    # shellcheck disable=SC2046,SC2086
    faulty b2 $1 $(at r2)
}

servers_end() {
    background_end "$local_server" TERM
    background_end "$FAULTY" TERM
}

topology_routed
# shellcheck disable=SC2046
faulty lb $(at l1)
# shellcheck disable=SC2046
faulty b1 $(at r1)
servers '--http-500 30'
for mode in $(scaled "native tc" native); do
    guarded_for "$mode"
    fs --quiet attach lb0 --mode "$mode"
    [ "$mode" = tc ] || fs --quiet attach lb2
    apply_anew all_guarded 50 errors_reported
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service: status counts what the clients saw, by class" \
            counts_agree "$service"
        [ "$mode" = tc ] ||
            check "$service: on_trip: report leaves it in service" reported_only "$service"
    done
    apply_anew all_guarded 50 errors_rule
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service: a canary that answers 500 is withdrawn" errors_trip "$service"
    done
    fs --quiet detach --all
done
servers_end
servers '--slow 30 --delay 80'
for mode in $(scaled "native tc" tc); do
    guarded_for "$mode"
    fs --quiet attach lb0 --mode "$mode"
    apply_anew all_guarded 50 slow_rule
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service: a canary that answers late is withdrawn" lateness_trips "$service"
    done
    fs --quiet detach --all
done
done_testing
