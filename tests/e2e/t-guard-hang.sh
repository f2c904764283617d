#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A canary that answers no SYN is withdrawn when the SYNs come again, which then get an answer.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

failures_rule() {
    rules 'connect_failures > 1%'
}

# served SERVICE: all clients, by the baseline; what nobody answers to strangers would tell nothing.
served() {
    peer_in c load --to "$(vip_of "$1")" "${SOURCES[@]}" --count 120
    fs --quiet set "$1" canary=50%
}

# hangs SERVICE: all at once, of which half go to a server that takes no SYN. All get through:
# who sends the SYN again after the trip gets the baseline.
hangs() {
    peer_in c load --to "$(vip_of "$1")" "${SOURCES[@]}" --count 40 --concurrency 40 \
        --timeout "$(scaled 30 300)" || fail "a connection failed for good"
    trip_of "$1"
    trip_of "$1" '.bad == .outcomes and .bad >= 4 and .bad <= 7' || fail "not on the 4th to 7th"
    health "$1" canary .handshakes
    health "$1" canary '.handshakes | .answered == 0 and .refused == 0 and .unanswered >= 4' ||
        fail "not these handshakes"
    moments_in_order "$1"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1)
# shellcheck disable=SC2046
serve b1 $(server r1)
# shellcheck disable=SC2046
faulty b2 --hang $(at r2)
# shellcheck disable=SC2046
faulty lb --hang $(at l2)
for mode in $(scaled "native tc" tc); do
    guarded_for "$mode"
    fs --quiet attach lb0 --mode "$mode"
    apply_anew all_guarded 0 failures_rule
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service: all clients are served by the baseline" served "$service"
        check "mode $mode, $service: SYNs that nobody answers, and all clients get through at last" \
            hangs "$service"
    done
    fs --quiet detach lb0
done
done_testing
