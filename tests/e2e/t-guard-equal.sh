#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Two equal healthy versions under many connections: nothing trips, and all outcomes are counted.
# Seldom in VMs: the packet tests do its arithmetic there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

# 200,000 both ways together, if the machine gets that far.
CONNECTIONS=$(scaled 100000 500)
AT_MOST_S=$(scaled 15 150)

# Times are not among them: how long things take is the machine's affair.
all_rules() {
    echo '    sample: 1/1'
    echo '    http: true'
    rules 'connect_failures > 1%' 'resets > 1%' 'http_5xx > 1%' 'p99 connect_time > 60s' \
        'p99 response_time > 60s' "$@"
}

both_families() {
    local family
    for family in 4 6; do
        service web$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=50%:$(backends $family l1 r1)" "canary=50%:$(backends $family l2 r2)"
        all_rules 'close_wait > 5%'
    done
}

many_connections() {
    peer_in c load --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count "$CONNECTIONS" \
        --seconds "$AT_MOST_S" >"$TMP/load" || fail "a failed connection: $(cat "$TMP/load")"
    jq -e '.opened >= 100' "$TMP/load"
}

nothing_trips() {
    equals "$(events | jq -s 'map(select(.trip)) | length')" 0 "trips"
    status '[.services[].versions[].health | .tripped == null and (.withdrawn | not)] | all'
}

outcomes_counted() {
    local opened
    opened=$(jq .opened "$TMP/load")
    fs status
    # A SYN that a full queue dropped is sent again, and counts once.
    equals "$(status '[.services[].versions[].health.handshakes.begun] | add')" "$opened" "begun"
    equals "$(status '[.services[].versions[].health.handshakes.answered] | add')" "$opened" "answered"
    equals "$(status '[.services[].versions[].health.connect_time.count] | add')" "$opened" "timed"
    equals "$(status '[.services[].versions[].health.response_time.count] | add')" "$opened" "answers"
    status '[.services[].versions[].health.guard[] | select(.rule | startswith("resets")) | .bad]
        | add == 0' || fail "resets"
}

shares_kept() {
    within_binomial "$(status '[.services[].versions[] | select(.name == "canary") | .new_flows] | add')" \
        "$(jq .opened "$TMP/load")" 5000
}

topology_routed
serve_all
apply_services both_families
for mode in $(scaled "native tc" tc); do
    fs --quiet attach lb0 --mode "$mode"
    apply_anew both_families
    check "mode $mode: many connections to two equal versions" many_connections
    check "mode $mode: nothing trips" nothing_trips
    check "mode $mode: each handshake and each answer was counted" outcomes_counted
    check "mode $mode: the versions got their shares" shares_kept
    echo "# $(cat "$TMP/load")"
    fs --quiet detach lb0
done
done_testing
