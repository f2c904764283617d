#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# With affinity source, connections of 50 sources live on through random changes.
# Not in VMs: to the kernel it is t-live-changes.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/changes.sh"

CONNECTIONS=$(scaled 300 60)
CHANGES=$(scaled 200 15)
INTERVAL_MS=$(scaled 500 1000)

# live_through_changes MODE
live_through_changes() {
    apply_services random_services
    fs --quiet attach lb0 --mode "$1"
    hold live c --to "$VIP4:80" --to "[$VIP6]:80" --bind 10.77.1.1-10.77.1.25 \
        --bind fd77:0:1::1-fd77:0:19::1 --count "$CONNECTIONS" --interval "$INTERVAL_MS"
    check "mode $1, drain $DRAIN: $CHANGES random changes are taken" random_changes "$CHANGES"
    sleep "$(scaled 1 3)"
    background_end live TERM
    check "mode $1, drain $DRAIN: $CONNECTIONS connections of 50 sources: none broken, none misrouted" \
        held live "$CONNECTIONS"
    fs --quiet detach lb0
}

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
topology_routed
serve_all
AFFINITY=source
DRAIN=2s live_through_changes native
DRAIN=5m live_through_changes tc
done_testing
