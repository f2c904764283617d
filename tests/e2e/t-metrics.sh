#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `flowsplit metrics` says what status and reasons say, in a form that promtool accepts, and waits for nobody for long.
# Not in VMs: it is about reading what other tests have counted.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/prometheus.sh"
. "$E2E_DIR/metrics.sh"

http_rules() {
    printf '    sample: 1/1\n    http: true\n'
    rules 'http_5xx > 1%' 'p99 response_time > 50ms' 'connect_failures > 1%'
}

traffic() {
    local service
    for service in "${GUARDED[@]}"; do
        peer_in c http --to "$(vip_of "$service")" "${SOURCES[@]}" --count 60 --exchanges 5 --concurrency 4
    done
}

take_metrics() {
    fs metrics >"$TMP/metrics"
}

no_instance() {
    take_metrics
    promtool check metrics <"$TMP/metrics"
    grep -qx 'flowsplit_up 0' "$TMP/metrics" || fail "flowsplit_up isn't 0"
    grep -q "^# pin directory $PIN doesn't exist" "$TMP/metrics" || fail "it isn't said why"
}

# A trip is in the metrics at once, though nobody has written it down yet; and metrics write nothing.
unsettled_trip() {
    local before
    take_metrics
    before=$(sample flowsplit_service_generation 'service="local4"')
    traffic >"$TMP/traffic"
    take_metrics
    equals "$(sample flowsplit_version_withdrawn 'service="local4",version="canary"')" 1 withdrawn
    equals "$(sample flowsplit_version_tripped 'service="local4",version="canary"')" 1 tripped
    equals "$(sample flowsplit_version_buckets 'service="local4",version="canary"')" 0 "the canary's buckets"
    equals "$(sample flowsplit_version_buckets 'service="local4",version="stable"')" 10000 "the baseline's buckets"
    take_metrics
    equals "$(sample flowsplit_service_generation 'service="local4"')" "$before" "the generation"
    status . >/dev/null
    take_metrics
    [ "$(sample flowsplit_service_generation 'service="local4"')" -gt "$before" ] || fail "status settled nothing"
}

trip_in_time() {
    local at now
    take_metrics
    at=$(sample flowsplit_version_trip_timestamp_seconds \
        'service="local4",version="canary",rule="http_5xx > 1%"')
    now=$(date +%s)
    awk -v at="$at" -v now="$now" 'BEGIN { exit !(at > now - 300 && at <= now + 1) }' || fail "at $at, now $now"
}

well_formed() {
    take_metrics
    promtool check metrics <"$TMP/metrics"
}

# Both at a moment when nothing changed in between.
same_moment() {
    fs status --json >"$TMP/status"
    fs reasons --json >"$TMP/reasons"
    take_metrics
    fs status --json | cmp -s "$TMP/status" - && fs reasons --json | cmp -s "$TMP/reasons" -
}

agrees() {
    poll 20 same_moment
    expected_of_status <"$TMP/status" >"$TMP/expected"
    expected_of_reasons <"$TMP/reasons" >>"$TMP/expected"
    agree "$TMP/expected" "$TMP/metrics"
    equals "$(sample_bare flowsplit_events_total)" "$(fs events --json | wc -l)" "the number of events"
}

sample_bare() {
    awk -v name="$1" '$1 == name { print $2 }' "$TMP/metrics"
}

# What status shows in other words, or not when there is nothing wrong: the rest of the metrics.
nothing_else() {
    families_of "$TMP/expected" | grep -vx flowsplit_tracepoint_watched >"$TMP/compared"
    families_of "$TMP/metrics" | grep -vxFf "$TMP/compared" >"$TMP/rest"
    equals "$(grep -c '^flowsplit_tracepoint_watched{.* 0$' "$TMP/metrics")" \
        "$(jq '.unavailable | length' "$TMP/status")" "the number of tracepoints missing"
    diff - "$TMP/rest" <<END
flowsplit_build_info
flowsplit_connection_rtt_seconds
flowsplit_events_total
flowsplit_gather_seconds
flowsplit_service_drain_seconds
flowsplit_tracepoint_watched
flowsplit_version_trip_timestamp_seconds
END
}

# As docs/metrics.md has them; le is the format's own.
labels_documented() {
    grep '^flowsplit_[a-z0-9_]*{' "$TMP/metrics" | sed -E 's/(,|\{)le="[^"]*"/\1/; s/"([^"\\]|\\.)*"/""/g; s/[^}]*$//; s/,?\}$//' |
        sed -E 's/_(bucket|sum|count)(\{|$)/\2/; s/\{/ /; s/="",?/ /g; s/ +$//' | sort -u >"$TMP/labels"
    [ "$(wc -l <"$TMP/labels")" -gt 40 ] || fail "few samples with labels"
    # shellcheck disable=SC2016 # a backquote is one
    sed -n 's/^| `\(flowsplit_[a-z0-9_]*\)` | [a-z]* | \([^|]*\) |.*/\1 \2/p' "$ROOT_DIR/docs/metrics.md" |
        tr -d '\`' | sed 's/ *$//' | sort -u >"$TMP/documented"
    grep -vxFf "$TMP/documented" "$TMP/labels" >"$TMP/undocumented" || true
    [ ! -s "$TMP/undocumented" ] || fail "not so: $(cat "$TMP/undocumented")"
}

# mean_agrees METRIC STATUS-PATH UNIT: a sum against a mean that was rounded down.
mean_agrees() {
    local sum count mean
    sum=$(sample "$1_sum" 'service="local4",version="stable"')
    count=$(sample "$1_count" 'service="local4",version="stable"')
    mean=$(health local4 stable "$2")
    awk -v s="$sum" -v n="$count" -v mean="$mean" -v unit="$3" 'BEGIN {
        print s, n, mean; off = s / n / unit - mean; exit !(n > 0 && s > 0 && off > -0.01 && off < 1.01) }' || fail "$1"
}

# Connections may yet be ending.
means_agree() {
    poll 10 means_agree_now || means_agree_now
}

means_agree_now() {
    fs metrics >"$TMP/metrics"
    mean_agrees flowsplit_connect_time_seconds .connect_time.mean_ns 1e-9
    mean_agrees flowsplit_response_time_seconds .response_time.mean_ns 1e-9
    mean_agrees flowsplit_connection_lifetime_seconds .connections.mean_lifetime_ns 1e-9
    mean_agrees flowsplit_connection_rtt_seconds .connections.mean_rtt_us 1e-6
}

# The quantile of status lies in the bucket where the histogram has it.
quantile_agrees() {
    local p99
    p99=$(health local4 stable .response_time.p99_ns)
    grep '^flowsplit_response_time_seconds_bucket{service="local4",version="stable",' "$TMP/metrics" |
        sed 's/.*le="\(.*\)"} /\1 /' >"$TMP/buckets"
    awk -v p99="$p99" '{ le[NR] = $1; n[NR] = $2 } END {
        while (n[++i] < 0.99 * n[NR]);
        print "p99 " p99 " ns in", le[i - 1], le[i]; exit !(p99 / 1e9 >= le[i - 1] && p99 / 1e9 <= le[i]) }' \
        "$TMP/buckets" || fail "not there"
}

moving() {
    fs --quiet clear local4 canary
    fs --quiet set local6 canary=20%
    agrees
    [ "$(sample flowsplit_service_moving_buckets 'service="local6"')" -gt 0 ] || fail "nothing moves"
}

# held SECONDS: the instance's lock, as a change does.
lock_held() {
    (
        exec 9<"$PIN"
        flock -x 9
        exec sleep "$1"
    ) &
    PIDS+=("$!")
    sleep 0.2
}

waits_for_a_change() {
    lock_held 1
    take_metrics
    grep -qx 'flowsplit_up 1' "$TMP/metrics" || fail "flowsplit_up isn't 1"
    awk '$1 == "flowsplit_gather_seconds" { exit !($2 > 0.3) }' "$TMP/metrics" || fail "it didn't wait"
}

waits_not_forever() {
    local begin=$SECONDS status=0 holder
    lock_held 60
    holder=${PIDS[-1]}
    fs metrics >"$TMP/metrics" 2>"$TMP/words" || status=$?
    kill "$holder"
    equals $status 1 "the exit status"
    [ $((SECONDS - begin)) -lt 15 ] || fail "it took $((SECONDS - begin)) s"
    grep -qx 'flowsplit_up 0' "$TMP/metrics" || fail "flowsplit_up isn't 0"
    grep -q 'another command has held the lock' "$TMP/words" || fail "$(cat "$TMP/words")"
    promtool check metrics <"$TMP/metrics"
}

scrapes_in_a_row() {
    local i
    local -a pids=()
    for ((i = 0; i < 20; i++)); do
        fs metrics >"$TMP/metrics.$i" &
        pids+=("$!")
    done
    wait "${pids[@]}"
    for ((i = 0; i < 20; i++)); do
        grep -qx 'flowsplit_up 1' "$TMP/metrics.$i" || fail "number $i"
    done
}

topology_routed
check "without an instance flowsplit_up is 0" no_instance
# shellcheck disable=SC2046 # words are wanted
faulty lb $(at l1)
# shellcheck disable=SC2046
faulty b1 $(at r1)
# shellcheck disable=SC2046
faulty lb --http-500 30 $(at l2)
# shellcheck disable=SC2046
faulty b2 --http-500 30 $(at r2)
apply_services all_guarded 50 http_rules
fs --quiet attach lb0
fs --quiet attach lb2 --mode tc
check "a trip is seen before it is written down, and reading writes nothing" unsettled_trip
check "when it was is seen, too" trip_in_time
check "promtool finds nothing wrong" well_formed
# So that some socket is in some state.
background open c bash -c "exec 3<>/dev/tcp/$VIP4/80 && echo open && exec sleep 300"
poll 10 grep -q open "$TMP/open.out"
check "each value is that of status and reasons" agrees
check "and there is none that isn't compared" nothing_else
check "labels are those of docs/metrics.md" labels_documented
check "sums are those of the means in status" means_agree
check "the quantile of status lies in the histogram's bucket" quantile_agrees
check "the same while buckets move" moving
check "a scrape waits for a change" waits_for_a_change
check "but not for one that is stuck" waits_not_forever
check "twenty at once all get an answer" scrapes_in_a_row
done_testing
