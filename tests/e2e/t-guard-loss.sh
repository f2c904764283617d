#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A version whose segments get lost on the way is withdrawn for its retransmissions, and only that one.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

LOST=20%
CONNECTIONS=40
INTERVAL_MS=$(scaled 200 1000)

loss_known() {
    ns_add loss
    ip_in loss link add v0 type veth peer name v1
    in_ns loss tc qdisc add dev v0 root netem loss 1% 2>/dev/null
}

retransmits_rule() {
    rules 'retransmits > 2%'
}

both_families() {
    local family
    for family in 4 6; do
        service web$family "$(vip $family 80/tcp)" flow 5m stable "stable=50%:$(backends $family l1)" \
            "canary=50%:$(backends $family l2)"
        retransmits_rule
    done
}

# What comes from the canary goes by a band that loses; all else by others. Its sockets have that band's class as their
# priority: by its packets it can't be told at the qdisc, where they have the VIP as source.
loss_begins() {
    in_ns lb tc qdisc add dev lb0 root handle 1: prio bands 4
    in_ns lb tc qdisc add dev lb0 parent 1:4 handle 4: netem loss $LOST
}

loss_ends() {
    in_ns lb tc qdisc del dev lb0 root
}

# exchanges TAG: connections that go on until told to end.
exchanges() {
    hold "$1" c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count $CONNECTIONS --interval "$INTERVAL_MS"
}

nothing_trips() {
    status '[.services[].versions[].health | .tripped == null and (.withdrawn | not)] | all' || fail "$(fs status)"
    status '[.services[].versions[].health.connections.open] | all(. > 0)' || fail "no connections"
}

only_the_canary_trips() {
    local service
    for service in web4 web6; do
        poll 60 is_withdrawn $service || fail "$service: $(of $service '.versions')"
        peer_in c load --to "$(vip ${service: -1} 80)" "${SOURCES[@]}" --count 20 >"$TMP/load"
        jq -e '.by_name | keys == ["l1"]' "$TMP/load" || fail "new connections: $(cat "$TMP/load")"
        trip_of $service '.rule == "retransmits > 2%" and .withdrawn and .bad >= 4' || fail "not that"
        moments_in_order $service
        of $service '.versions[] | {name, guard: .health.guard}'
        health $service stable '.tripped == null and (.withdrawn | not)' || fail "the baseline tripped"
    done
}

retransmissions_counted() {
    local service
    for service in web4 web6; do
        of $service '.versions[] | {name, connections: .health.connections}'
        health $service canary '.connections | .retransmits >= 4 and .segments > .retransmits' ||
            fail "not the canary's"
        of $service '[.versions[].health.connections | .retransmits / .segments] | .[0] * 4 < .[1]' ||
            fail "the baseline lost as much"
    done
}

if ! loss_known; then
    skip "segments that get lost withdraw a version" "this kernel has no netem"
    done_testing
    exit
fi
topology_routed
# On this host, like the baseline.
# shellcheck disable=SC2046 # words are wanted
serve lb --priority l2 $((0x10004)) $(server l1) $(server l2)
for mode in $(scaled "native tc" native); do
    fs --quiet attach lb0 --mode "$mode"
    apply_anew both_families
    exchanges live
    sleep 2
    check "mode $mode: where nothing gets lost, nothing trips" nothing_trips
    loss_begins
    check "mode $mode: where $LOST of the canary's segments get lost, it is withdrawn, the baseline isn't" \
        only_the_canary_trips
    loss_ends
    background_end live TERM
    check "mode $mode: live connections went on" held live $CONNECTIONS
    check "mode $mode: status counts the canary's retransmissions" retransmissions_counted
    fs --quiet detach lb0
done
done_testing
