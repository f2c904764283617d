#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What becomes of a withdrawn version's live connections: keep, drain or cut, by a trip or by hand.
# Seldom in VMs: the packet tests ask the same of live flows there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

# In each hold; half of them are with the canary.
CONNECTIONS=$(scaled 32 16)
# Times in the data path have a grain of 67 ms.
GRAIN_NS=200000000

# Every connection is too slow for this rule, whichever version it is with.
too_slow() {
    rules 'p99 connect_time > 1us'
    echo '      worse_than_baseline: false'
    echo '      clients: 1'
    echo "      live_flows: $LIVE"
}
LIVE=keep

hold_all() {
    local service to=()
    rm -f "$TMP/$1.ready"
    for service in "${GUARDED[@]}"; do
        to+=(--to "$(vip_of "$service" | sed 's,/tcp,,')")
    done
    hold "$1" c "${to[@]}" "${SOURCES[@]}" --count "$CONNECTIONS" --interval "$(scaled 200 1000)"
    grep -c ' [lr]2$' "$TMP/$1.ready" >"$TMP/$1.canary"
}

# new_connections SERVICE FAILURES: at most as many fail.
new_connections() {
    peer_in c load --to "$(vip_of "$1")" "${SOURCES[@]}" --count 30 --concurrency 1 >"$TMP/load" || true
    cat "$TMP/load"
    [ "$(jq .failed "$TMP/load")" -le "$2" ] || fail "more than $2 failed connections"
}

# trip_all FAILURES
trip_all() {
    local service
    for service in "${GUARDED[@]}"; do
        new_connections "$service" "$1"
        is_withdrawn "$service" || fail "$service isn't withdrawn"
        trip_of "$service" '.outcomes == 4 and .bad == 4' || fail "not on the 4th"
    done
}

withdraw_all() {
    local service
    for service in "${GUARDED[@]}"; do
        fs --quiet withdraw "$service" canary "$@"
        is_withdrawn "$service" || fail "$service isn't withdrawn"
        health "$service" canary '.tripped.why == "by hand"' || fail "not by hand"
    done
}

clear_all() {
    local service
    for service in "${GUARDED[@]}"; do
        fs --quiet clear "$service" canary
        ! is_withdrawn "$service" || fail "$service is still withdrawn"
    done
}

all_guarded_as() {
    LIVE=$1
    apply_services all_guarded 50 too_slow
}

# Counted by what the tool complains of: a line for each that broke, with the time.
broken_count() {
    grep -c 'peer hold' "$TMP/$1.err" || true
}

canarys_broke() {
    [ "$(broken_count "$1")" = "$(cat "$TMP/$1.canary")" ]
}

# only_canarys_broken TAG: all of them, and none of the baseline's.
only_canarys_broken() {
    poll 20 canarys_broke "$1" || fail "broken: $(cat "$TMP/$1.err"); not $(cat "$TMP/$1.canary")"
    background_end "$1" TERM
    cat "$TMP/$1.out" "$TMP/$1.err"
    jq -e --argjson canary "$(cat "$TMP/$1.canary")" \
        '.broken == $canary and .misrouted == 0 and $canary > 0' "$TMP/$1.out" || fail "not these"
    ! grep 'peer hold' "$TMP/$1.err" | grep -v '([lr]2)' || fail "one of the baseline's broke"
}

# none_before TAG TIME-IN-NS
none_before() {
    grep -o 'at [0-9.]* s' "$TMP/$1.err" | awk -v limit="$2" '
        $2 * 1e9 < limit { printf "broken %.3f s too early\n", (limit - $2 * 1e9) / 1e9; early = 1 }
        END { exit early || !NR }' || fail "early"
}

# Of the last of each service.
first_trip_ns() {
    events | jq -s 'map(select(.trip)) | .[-'${#GUARDED[@]}':] | map(.trip.trip_ns) | min'
}

kept_by_trip() {
    trip_all 0
    fs --quiet set local4 canary=30%
    fs --quiet set remote6 canary=80%
    new_connections local4 0
    is_withdrawn local4
    clear_all
    fs --quiet set local4 canary=50%
    fs --quiet set remote6 canary=50%
}

# The deciding connection itself may be cut, too: its SYN-ACK was what tripped.
cut_by_trip() {
    all_guarded_as cut
    trip_all 1
    only_canarys_broken "$1"
    clear_all
}

drained_by_trip() {
    all_guarded_as 'drain 2s'
    trip_all 0
    only_canarys_broken "$1"
    none_before "$1" $(($(first_trip_ns) + 2000000000 - GRAIN_NS))
    clear_all
}

kept_by_hand() {
    withdraw_all --keep
    clear_all
    withdraw_all --keep
}

cut_by_hand() {
    withdraw_all --cut
    only_canarys_broken "$1"
    clear_all
}

drained_by_hand() {
    local begin
    begin=$(peer_in c now)
    withdraw_all --drain 2s
    only_canarys_broken "$1"
    none_before "$1" $((begin + 2000000000 - GRAIN_NS))
    clear_all
}

unguarded() {
    apply_services all_guarded 50 true
}

keep() {
    hold_all kept
    [ "$by" = hand ] || all_guarded_as keep
    check "mode $mode, by $by, keep: withdrawn, set and cleared" "kept_by_$by"
    background_end kept TERM
    check "mode $mode, by $by, keep: all live connections went on" held kept "$CONNECTIONS"
    unguarded
    [ "$by" = trip ] || clear_all
}

cut() {
    hold_all cut
    check "mode $mode, by $by, cut: the canary's connections end, the baseline's go on" "cut_by_$by" cut
    unguarded
}

drain() {
    hold_all drained
    check "mode $mode, by $by, drain 2s: the canary's end after 2 s, the baseline's go on" \
        "drained_by_$by" drained
    unguarded
}

# Mode, by what, and what becomes of live flows; in VMs each of these at least once.
ALL=$(scaled "native-trip-keep native-trip-cut native-trip-drain native-hand-keep native-hand-cut native-hand-drain
    tc-trip-keep tc-trip-cut tc-trip-drain tc-hand-keep tc-hand-cut tc-hand-drain" \
    "native-trip-keep native-trip-cut tc-hand-drain")

topology_routed
serve_all
attached=
for each in $ALL; do
    IFS=- read -r mode by live <<<"$each"
    if [ "$mode" != "$attached" ]; then
        [ -z "$attached" ] || fs --quiet detach lb0
        fs --quiet attach lb0 --mode "$mode"
        attached=$mode
        guarded_for "$mode"
        unguarded
    fi
    $live
done
fs --quiet detach lb0
done_testing
