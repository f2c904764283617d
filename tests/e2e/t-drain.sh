#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Drain is no deadline: connections outlive it by far, and entries shrink to the exceptions and to none.
# Not in VMs: the packet tests see buckets drain there.
. "$(dirname "$0")/lib.sh"

CONNECTIONS=$(scaled 100 40)
LASTS_S=$(scaled 60 8)
# The longest silence of a connection, below the drain of 2 s.
INTERVAL_MS=$(scaled 1500 700)

both_families() {
    local family
    for family in 4 6; do
        service "web$family" "$(vip $family 80/tcp)" flow 2s stable \
            "stable=100%:$(backends $family l1 r1)" "canary=0%:$(backends $family l2 r2)"
    done
}

sum() {
    status "[.services[].$1] | add"
}

set_both() {
    fs --quiet set web4 "canary=$1" && fs --quiet set web6 "canary=$1"
}

changes_for_a_minute() {
    local until_s=$((SECONDS + LASTS_S))
    while [ $SECONDS -lt $until_s ]; do
        set_both "$((RANDOM % 101))%"
        # Now shorter, now longer than the drain.
        sleep "$((RANDOM % 4)).$((RANDOM % 10))"
    done
}

none_moving() {
    [ "$(sum moving_buckets)" = 0 ]
}

entries_at_most() {
    [ "$(sum flow_entries)" -le "$1" ]
}

tracked_at_most() {
    [ "$(sum tracked_buckets)" -le "$1" ]
}

nothing_tracked() {
    [ "$(sum moving_buckets)/$(sum tracked_buckets)/$(sum flow_entries)" = 0/0/0 ]
}

# Half of the connections, all on stable, are now in buckets of canary.
only_exceptions_left() {
    local entries
    poll 30 none_moving
    poll 30 entries_at_most $((CONNECTIONS * 4 / 5))
    entries=$(sum flow_entries)
    echo "$entries entries for $CONNECTIONS connections"
    [ "$entries" -ge $((CONNECTIONS / 5)) ] || fail "fewer than the exceptions"
    [ "$(sum tracked_buckets)" -ge 1 ] || fail "exceptions, but no tracked bucket"
    poll 30 tracked_at_most "$entries" || fail "more tracked buckets than exceptions: $(fs status)"
}

all_settles() {
    poll 60 nothing_tracked || fail "$(fs status)"
}

topology_routed
serve_all
apply_services both_families
fs --quiet attach lb0
hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count "$CONNECTIONS" \
    --interval "$INTERVAL_MS"
check "no entries before anything moves" entries_at_most 0
set_both 50%
check "buckets are moving right after a change" test "$(sum moving_buckets)" = 10000
check "changes for $LASTS_S s" changes_for_a_minute
set_both 0%
check "back at the first weights nothing is left to remember, though connections live" all_settles
set_both 50%
check "after the drain only the exceptions have entries" only_exceptions_left
background_end live TERM
check "connections with less silence than the drain lived on" held live "$CONNECTIONS"
check "when the last one ends, no entry is left and all buckets are settled" all_settles
done_testing
