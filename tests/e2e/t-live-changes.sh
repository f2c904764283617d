#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Live connections go on, each with its own backend, through random changes of weights and backends.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/changes.sh"

CONNECTIONS=$(scaled 300 40)
DATAGRAM_FLOWS=$(scaled 40 8)
CHANGES=$(scaled 200 5)
INTERVAL_MS=$(scaled 500 1500)
NEW_PER_S=$(scaled 100 10)
VIPS=(--to "$VIP4:80" --to "[$VIP6]:80")

new_ones_served() {
    cat "$TMP/new.out" "$TMP/new.err"
    equals "$(cat "$TMP/new.status")" 0 "the exit status"
    jq -e --argjson least "$(scaled 100 20)" '.opened > $least and .failed == 0' "$TMP/new.out"
}

# live_through_changes MODE
live_through_changes() {
    local at="mode $1, drain $DRAIN"
    apply_services random_services
    fs --quiet attach lb0 --mode "$1"
    hold live c "${VIPS[@]}" "${SOURCES[@]}" --count "$CONNECTIONS" --interval "$INTERVAL_MS"
    hold flows c --to "$VIP4:80/udp" --to "[$VIP6]:80/udp" "${SOURCES[@]}" \
        --count "$DATAGRAM_FLOWS" --interval "$INTERVAL_MS"
    background new c "$PEER" load "${VIPS[@]}" "${SOURCES[@]}" --rate "$NEW_PER_S" --seconds 600
    check "$at: $CHANGES random changes are taken" random_changes "$CHANGES"
    sleep "$(scaled 1 3)" # each connection talks once more
    background_end new TERM
    background_end flows TERM
    background_end live TERM
    check "$at: $CONNECTIONS live connections: none broken, none misrouted" held live "$CONNECTIONS"
    check "$at: $DATAGRAM_FLOWS UDP flows: none misrouted, next to nothing lost" held flows "$DATAGRAM_FLOWS"
    check "$at: connections opened meanwhile are served" new_ones_served
    fs --quiet detach lb0
}

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
topology_routed
serve_all
DRAIN=5m live_through_changes native
DRAIN=2s live_through_changes tc
done_testing
