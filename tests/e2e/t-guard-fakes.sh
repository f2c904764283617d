#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What only a client did never counts as bad: floods, aborts, forged resets and SYNs trip nothing.
# Seldom in VMs: the packet tests have the same fakes there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

# Whose silence would count, for they have been served.
FROM_SERVED=(--from "$SOURCES4" --from "$SOURCES6")
OF_THE_REMOTE_HOSTS=(--from 172.17.0.1 --from "${B4[1]}" --from "${B4[2]}" --from "${B6[1]}" --from "${B6[2]}")
# A million in all; half of them each way of attachment.
SYNS=$(scaled 500000 10000)
FORGED=$(scaled 2000 100)
# Of those that come again: so few that no queue on the way drops one.
REPEATED=160
ABORTS=$(scaled 100 30)

tcp_rules() {
    echo '    sample: 1/1'
    rules 'connect_failures > 1%' 'resets > 1%'
}

# Answers to forged sources leave by where the clients are, as they would elsewhere.
answers_leave() {
    ip_in lb route replace default via 10.77.1.1
    ip_in lb -6 route replace default via fd77:0:1::1
}

# Linux 6.2: see README.
tells_hosts_apart() {
    [ "$(uname -r | awk -F'[.-]' '{ print $1 * 100 + $2 }')" -ge 602 ]
}

# A service whose canary takes no SYN.
hanging() {
    service hanging "$VIP4:82/tcp" flow 5m stable "stable=50%:$(backends 4 l3)" \
        "canary=50%:$(backends 4 l4)"
    rules 'connect_failures > 1%'
}

guarded_and_hanging() {
    all_guarded 50 tcp_rules
    hanging
}

# Nobody answers, but it comes again sooner than any stack would send it.
repeated_too_soon() {
    peer_in c synflood --to "$VIP4:82" --dev c0 --dmac "$mac" --count 50 --script "$1"
    of hanging '.versions[1].health | [.handshakes, .guard]'
    of hanging '.versions[1].health.handshakes | .begun >= 5 and .answered == 0' || fail "not steered"
    nothing_counts
}

# forge COUNT SCRIPT [ARGUMENTS]
forge() {
    local service to=()
    for service in "${GUARDED[@]}"; do
        to+=(--to "$(vip_of "$service" | sed 's,/tcp,,')")
    done
    peer_in c synflood "${to[@]}" --dev c0 --dmac "${3:-$mac}" --count "$1" --script "$2" "${@:4}"
}

# shellcheck disable=SC2016 # a variable of jq
nothing_counts() {
    status '[.services[] | .name as $service | .versions[] | {service: $service, name,
        handshakes: .health.handshakes, sampled: .health.sampled, tripped: .health.tripped,
        guard: .health.guard | map({rule, bad, score})}]' >"$TMP/health"
    jq -e 'map(select(.tripped or (.guard | any(.bad > 0 or .score > 0)))) | if length > 0
        then (.[] | tojson), false else true end' "$TMP/health" || fail "bad outcomes"
    equals "$(jq length "$TMP/health")" 10 "the number of versions"
}

packets() {
    status '[.services[].versions[].packets] | add'
}

# forged SCRIPT [ARGUMENTS]: it was steered, and counts as nothing.
forged() {
    local before after count=$FORGED
    [[ $1 != *wait* ]] || count=$REPEATED
    before=$(packets)
    forge "$count" "$1" "$mac" "${@:2}"
    after=$(packets)
    [ $((after - before)) -ge "$count" ] || fail "too little was steered"
    nothing_counts
}

# dropped STEP: by every host, where flowsplit doesn't leave it alone.
dropped() {
    forge $REPEATED "$1,wait1100,$1" "$mac" "${FROM_SERVED[@]}"
    nothing_counts
}

# forged_for_others MAC: what hosts drop before they look at it isn't steered.
forged_for_others() {
    local before
    before=$(packets)
    forge "$REPEATED" syn,wait1100,syn "$1" "${FROM_SERVED[@]}"
    equals $(($(packets) - before)) 0 "the number of steered packets"
    nothing_counts
}

# All clients have had a connection with each service.
all_served() {
    local service
    for service in "${GUARDED[@]}"; do
        peer_in c load --to "$(vip_of "$service")" "${SOURCES[@]}" --count 240 --concurrency 8
    done
    nothing_counts
}

# Connections to the backends themselves, and then others to the VIPs from the same ports: where these lead to the same
# backends, a SYN gets a challenge for its answer.
over_direct() {
    local family name i ports4=() ports6=() to=()
    for i in $(seq 1 20); do
        ports4+=(--bind "10.77.1.$i:$((30000 + i))")
        ports6+=(--bind "[fd77:0:$(printf %x "$i")::1]:$((30000 + i))")
    done
    for name in l2 r2; do
        for family in 4 6; do
            to+=(--to "$(backend $family $name)")
        done
    done
    hold direct c "${to[@]}" "${ports4[@]}" "${ports6[@]}" --count 80 --interval 60000
    for i in "${GUARDED[@]}"; do
        peer_in c load --to "$(vip_of "$i")" "${ports4[@]}" "${ports6[@]}" --count 20 --concurrency 20 --timeout 4 \
            2>/dev/null || true
    done
    background_end direct TERM
    nothing_counts
}

flooded() {
    local before after
    before=$(status '[.services[].versions[].health.handshakes.begun] | add')
    forge "$SYNS" syn | tee "$TMP/flood"
    jq -e --argjson n "$SYNS" '.sent == $n' "$TMP/flood" || fail "not all were sent"
    after=$(status '[.services[].versions[].health.handshakes.begun] | add')
    [ $((after - before)) -ge $((SYNS * 8 / 10)) ] || fail "too little was steered"
    nothing_counts
}

# Its own connections: right after they are open, or in the midst of an exchange.
aborted() {
    local service
    for service in "${GUARDED[@]}"; do
        peer_in c load --to "$(vip_of "$service")" "${SOURCES[@]}" --count "$ABORTS" --reset
    done
    nothing_counts
}

aborted_waiting() {
    local service
    for service in "${GUARDED[@]}"; do
        peer_in c load --to "$(vip_of "$service")" "${SOURCES[@]}" --count "$ABORTS" --reset \
            --timeout 0 2>/dev/null || true
    done
    nothing_counts
}

# fakes SENTENCE COMMAND...: what one of them may have spoilt doesn't fail the next.
fakes() {
    local failed=$tap_failed
    check "$@"
    [ "$tap_failed" = "$failed" ] || apply_anew guarded_and_hanging
}

scripts=(rst ack syn-ack fin-ack 'syn,syn,syn' 'syn,rst' 'syn,ack,rst' 'syn,rst,syn' 'syn,ack+1,fin-ack+1'
    'syn,wait1100,syn' 'syn,wait1100,syn,wait1100,syn,rst' 'bad-syn,wait1100,bad-syn' 'syn,syn+1000'
    'syn,syn+100000000,wait1100,syn+100000000')
# What Linux drops without a word, though its checksum is right, comes again as a real stack's would.
unsound=(short-syn long-syn md5-syn ao-syn data-syn syn-rst syn-fin)
topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2) $(server l3)
# shellcheck disable=SC2046
serve b1 $(server r1)
# shellcheck disable=SC2046
serve b2 $(server r2)
# shellcheck disable=SC2046
faulty lb --hang $(at l4)
answers_leave
mac=$(ip_in lb -j link show lb0 | jq -r '.[0].address')
for mode in $(scaled "native tc" native); do
    fs --quiet attach lb0 --mode "$mode"
    apply_anew guarded_and_hanging
    fakes "mode $mode: $ABORTS connections that the client resets after an answer" aborted
    fakes "mode $mode: $ABORTS connections that the client resets at once" aborted_waiting
    # On a machine so slow that a tenth of a second becomes nine, it would be soon no longer.
    fakes "mode $mode: SYNs that nobody answers, repeated after a tenth of a second" \
        repeated_too_soon syn,wait100,syn
    fakes "mode $mode: SYNs that nobody answers, repeated at once" repeated_too_soon syn,syn,syn
    for script in "${scripts[@]}"; do
        fakes "mode $mode: forged sources send: $script" forged "$script"
    done
    fakes "mode $mode: all clients are served" all_served
    for step in "${unsound[@]}"; do
        fakes "mode $mode: in the names of those: $step" dropped "$step"
    done
    fakes "mode $mode: SYNs from the remote hosts' own addresses" forged syn,wait1100,syn "${OF_THE_REMOTE_HOSTS[@]}"
    fakes "mode $mode: connections from the ports of direct ones" over_direct
    fakes "mode $mode: SYNs to the broadcast address" forged_for_others ff:ff:ff:ff:ff:ff
    if tells_hosts_apart; then
        fakes "mode $mode: SYNs to another host's address" forged_for_others 02:00:00:00:00:99
    else
        skip "mode $mode: SYNs to another host's address" "before Linux 6.2 these are steered"
    fi
    fakes "mode $mode: a flood of $SYNS SYNs" flooded
    [ ! -e "$TMP/flood" ] || echo "# $(cat "$TMP/flood")"
    fs --quiet detach lb0
done
done_testing
