#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A canary that fails in part, by refusals or resets, is withdrawn soon, also under load.
# Seldom in VMs: t-guard-dead shows a trip there, and the packet tests its arithmetic.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

RUNS=50
# Chance alone has it higher once in 120 times.
MEDIAN=10

failures_rule() {
    rules 'connect_failures > 1%'
}

resets_rule() {
    rules 'resets > 1%'
    echo '    sample: 1/1'
}

# One backend of the canary's two is dead, and takes half of the connections.
half_dead() {
    service local4 "$(vip 4 80/tcp)" flow 5m stable "stable=50%:$(backends 4 l1)" \
        "canary=50%:$(backends 4 l2 l3)"
    failures_rule
}

outcomes_of_a_run() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --concurrency 1 --count 60 >/dev/null 2>&1 ||
        true
    trip_of local4 .outcomes
    fs --quiet clear local4 canary
}

median_is_low() {
    local i
    for ((i = 0; i < RUNS; i++)); do
        outcomes_of_a_run
    done | sort -n >"$TMP/outcomes"
    xargs <"$TMP/outcomes"
    equals "$(wc -l <"$TMP/outcomes")" "$RUNS" "the number of trips"
    [ "$(sed -n "$(((RUNS + 1) / 2))p" "$TMP/outcomes")" -le "$MEDIAN" ] || fail "above $MEDIAN"
}

# Twice in a row is no chance.
half_failing() {
    apply_anew half_dead
    median_is_low || median_is_low
}

# A tenth of the connections goes to the dead version.
trips_under_load() {
    local service
    apply_anew all_guarded 10 failures_rule
    peer_in c load --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --rate "$(scaled 500 50)" \
        --count "$(scaled 1000 300)" >"$TMP/load" 2>/dev/null || true
    cat "$TMP/load"
    for service in local4 local6; do
        is_withdrawn $service
        moments_in_order $service
        trip_of $service '"# \((.trip_ns - .first_bad_ns) / 1e3 | floor) us from the first failure " +
            "to the trip, \((.first_diverted_ns - .trip_ns) / 1e3 | floor) us more to the first " +
            "diverted flow"' | tr -d '"' >>"$TMP/figures"
    done
}

# resets_half SERVICE
resets_half() {
    poll 30 reset_once "$1"
    trip_of "$1"
    trip_of "$1" '.rule == "resets > 1%" and .bad >= 4 and .outcomes <= 100' || fail "not that"
    health "$1" canary '.sampled | .resets >= 4 and .established >= .resets' || fail "not these"
    health "$1" stable '.sampled.resets == 0' || fail "resets of the baseline"
}

reset_once() {
    peer_in c http --to "$(vip_of "$1")" "${SOURCES[@]}" --count 20 --exchanges 2
    is_withdrawn "$1"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l3)
fs --quiet attach lb0
# In VMs not so often: how many outcomes it takes is arithmetic, and the packet tests do it there.
if [ "$FS_VM" = 0 ]; then
    check "half of the connections fail: the median of $RUNS runs is at most $MEDIAN outcomes" half_failing
    echo "# outcomes until the trip: $(xargs <"$TMP/outcomes")"
fi
check "under load, a tenth of it for the dead version, the trip comes" trips_under_load
[ ! -e "$TMP/figures" ] || cat "$TMP/figures"
# shellcheck disable=SC2046
faulty lb --reset 50 $(at l2)
for mode in native tc; do
    fs --quiet detach lb0
    fs --quiet attach lb0 --mode $mode
    apply_anew all_guarded 50 resets_rule
    for service in local4 local6; do
        check "mode $mode, $service: half of the connections are reset, which trips" resets_half $service
    done
done
done_testing
