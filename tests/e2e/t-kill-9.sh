#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# kill -9 of any command at any moment leaves a state that the next command reads, and that steers as before or after.
# Not in VMs: what a killed command leaves is made in user space.
. "$(dirname "$0")/lib.sh"

SET_ROUNDS=$(scaled 30 6)
APPLY_ROUNDS=$(scaled 30 6)
ATTACH_ROUNDS=$(scaled 25 4)
# The first command loads the programs, which takes an emulated CPU some seconds.
FIRST_ROUNDS=$(scaled 10 2)
FIRST_MS=$(scaled 100 5000)

# webs PERCENT-OF-CANARY: web4 and web6; two services, so that half an apply would show.
webs() {
    local family
    for family in 4 6; do
        service web$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=$((100 - $1))%:$(backends $family l1 r1)" "canary=$1%:$(backends $family l2 r2)"
    done
}

# Milliseconds that a command takes, at the most of three runs.
duration_ms() {
    local begin most=1 ms
    for _ in 1 2 3; do
        begin=$("$PEER" now)
        "$@" >/dev/null 2>&1 || true
        ms=$((($("$PEER" now) - begin) / 1000000))
        [ $ms -le $most ] || most=$ms
    done
    echo $most
}

# killed MILLISECONDS ARGUMENTS...: the command, killed at a random moment within that time.
killed() {
    local limit_ms=$1 at
    shift
    at=$(((RANDOM * 32768 + RANDOM) % (limit_ms * 1000) + 1))
    at=$(printf '%d.%06d' $((at / 1000000)) $((at % 1000000)))
    in_ns lb timeout --foreground -s KILL "$at" "$FLOWSPLIT" --pin-dir "$PIN" --quiet "$@" \
        >"$TMP/killed.out" 2>&1 || true
}

read_without_complaint() {
    fs status --json >"$TMP/status" 2>"$TMP/complaint" || fail "status failed: $(cat "$TMP/complaint")"
    [ ! -s "$TMP/complaint" ] || fail "status complains: $(cat "$TMP/complaint")"
}

canary_bp() {
    jq -er ".services[] | select(.name == \"$1\") | .versions[] | select(.name == \"canary\") | .weight_bp" \
        "$TMP/status"
}

# steers_as TARGET BASIS-POINTS: all or none to canary, whose backends end in 2.
steers_as() {
    local names version=1
    [ "$2" = 0 ] || version=2
    names=$(peer_in c load --to "$1" "${SOURCES[@]}" --count 30 | jq -r '.by_name | keys[]')
    ! grep -v "$version$" <<<"$names" || fail "canary has $2 basis points, but $names answer"
}

as_before_or_after() { # BEFORE AFTER, of both services
    local bp4 bp6
    read_without_complaint
    bp4=$(canary_bp web4)
    bp6=$(canary_bp web6)
    echo "canary: $bp4 $bp6"
    [ "$bp4 $bp6" = "$1" ] || [ "$bp4 $bp6" = "$2" ] || fail "neither '$1' nor '$2'"
    steers_as "$VIP4:80" "$bp4"
    steers_as "[$VIP6]:80" "$bp6"
}

kill_sets() {
    local i before limit
    limit=$(($(duration_ms fs set web4 canary=0%) * 12 / 10))
    echo "killed within $limit ms"
    for ((i = 0; i < SET_ROUNDS; i++)); do
        read_without_complaint
        before=$(canary_bp web4)
        killed "$limit" set web4 canary=$((i % 2 ? 0 : 100))%
        as_before_or_after "$before $(canary_bp web6)" "$((i % 2 ? 0 : 10000)) $(canary_bp web6)"
    done
}

kill_applies() {
    local i before limit share
    for share in 0 100; do
        { echo services: && webs $share; } >"$TMP/webs-$share.yaml"
    done
    limit=$(($(duration_ms fs apply "$TMP/webs-0.yaml") * 15 / 10))
    echo "killed within $limit ms"
    for ((i = 0; i < APPLY_ROUNDS; i++)); do
        read_without_complaint
        before="$(canary_bp web4) $(canary_bp web6)"
        share=$((i % 2 ? 0 : 100))
        killed "$limit" apply "$TMP/webs-$share.yaml"
        as_before_or_after "$before" "$((share * 100)) $((share * 100))"
    done
}

attached() {
    jq -e '.interfaces | length > 0' "$TMP/status" >/dev/null
}

# Whatever a killed attach or detach left, the status is right about it and the next one works.
as_status_says() {
    read_without_complaint
    if attached; then
        peer_in c ask --to "$VIP4:80" || fail "said to be attached, but not served"
    else
        ! peer_in c ask --to "$VIP4:80" --timeout 20 2>&1 || fail "said not to be attached, but served"
    fi
}

kill_attaches() {
    local i limit modes=(native generic tc)
    fs --quiet detach lb0
    limit=$(($(duration_ms fs attach lb0) * 12 / 10))
    echo "killed within $limit ms"
    read_without_complaint
    for ((i = 0; i < ATTACH_ROUNDS; i++)); do
        ! attached || fs --quiet detach lb0
        killed "$limit" attach lb0 --mode "${modes[i % 3]}"
        as_status_says
        attached || fs --quiet attach lb0 --mode "${modes[i % 3]}"
        killed "$limit" detach lb0
        as_status_says
    done
    # A killed detach may have left programs that steer nothing; what comes next clears them.
    fs --quiet attach lb0
    fs --quiet detach lb0
    read_without_complaint
    ! in_ns lb ip -d link show lb0 | grep xdp || fail "an XDP program is left"
    ! in_ns lb tc filter show dev lb0 ingress | grep . || fail "a filter is left"
    ! in_ns lb tc filter show dev lb0 egress | grep . || fail "a filter is left"
    fs --quiet attach lb0
}

# From mode to mode, killed in between: never unattached, and served all the time.
kill_mode_changes() {
    local i limit modes=(native generic tc)
    limit=$(($(duration_ms fs attach lb0 --mode generic) * 12 / 10))
    echo "killed within $limit ms"
    for ((i = 0; i < ATTACH_ROUNDS; i++)); do
        killed "$limit" attach lb0 --mode "${modes[RANDOM % 3]}"
        read_without_complaint
        attached || fail "no longer attached"
        peer_in c ask --to "$VIP4:80" || fail "no longer served"
    done
    fs --quiet attach lb0 --mode native
}

kill_first_commands() {
    local i
    for ((i = 0; i < FIRST_ROUNDS; i++)); do
        fs --quiet detach --all || true
        rm -rf "$PIN"
        killed "$FIRST_MS" apply "$TMP/webs-0.yaml"
        killed "$FIRST_MS" attach lb0
        fs --quiet apply "$TMP/webs-0.yaml"
        read_without_complaint
        attached || fs --quiet attach lb0
        steers_as "$VIP4:80" 0
    done
}

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
topology_routed
serve_all
apply_services webs 0
fs --quiet attach lb0
hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count 40 --interval "$(scaled 200 1000)"
check "set, killed $SET_ROUNDS times" kill_sets
check "apply of two services, killed $APPLY_ROUNDS times" kill_applies
check "attach in another mode, killed $ATTACH_ROUNDS times" kill_mode_changes
sleep "$(scaled 1 3)"
background_end live TERM
check "connections live through all that" held live 40
check "attach and detach, killed $ATTACH_ROUNDS times each" kill_attaches
check "the very first apply and attach, killed $FIRST_ROUNDS times" kill_first_commands
done_testing
