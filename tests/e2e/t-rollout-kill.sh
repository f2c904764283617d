#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The controller killed again and again: each rollout ends as it would have, and no connection notices.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

KILLS=$(scaled 100 8)
LIFE_MS=$(scaled 350 8000)
HELD=$(scaled 60 12)
GOOD=(good1 good2)
BAD=(bad1 bad2)

# What is bad is so in one answer of eight.
four() {
    local keys='    sample: 1/1\n    http: true\n'
    service good1 "$(vip 4 80/tcp)" flow 2s stable "stable=100%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)"
    printf "%b" "$keys"
    service good2 "$(vip 4 81/tcp)" flow 2s stable "stable=90%:$(backends 4 l3)" "canary=10%:$(backends 4 l4)"
    printf "%b" "$keys"
    service bad1 "$(vip 4 82/tcp)" flow 2s stable "stable=100%:$(backends 4 r1)" "canary=0%:$(backends 4 r2)"
    printf "%b" "$keys"
    service bad2 "$(vip 4 83/tcp)" flow 2s stable "stable=95%:$(backends 4 r3)" "canary=5%:$(backends 4 r4)"
    printf "%b" "$keys"
}

plan_of() { # SERVICE STEP...
    printf 'rollout:\n  service: %s\n  version: canary\n  steps:\n' "$1"
    shift
    printf '    - %s\n' "$@"
}

plans() {
    local service weight steps=()
    for weight in 15 20 25 30 40 50 60 70 80 90; do
        steps+=("{set: {canary: $weight%}, hold: 200ms}")
    done
    for service in "${GOOD[@]}"; do
        {
            plan_of "$service" "${steps[@]}" '{set: {canary: 100%}}'
            printf '  evidence: 3 connections\n  compare: [connect_failures <= baseline + 5%%, http_5xx <= baseline + 5%%]\n'
        } >"$TMP/$service.yaml"
    done
    for service in "${BAD[@]}"; do
        {
            plan_of "$service" '{set: {canary: 50%}, hold: 1h}'
            printf '  evidence: 1000000\n  compare: [http_5xx <= baseline + 1%%]\n'
        } >"$TMP/$service.yaml"
    done
}

# The journal's whole lines, the first one not.
lines() {
    sed '1d; $!b; /}$/!d' "$STATE/journal" >"$TMP/lines" 2>/dev/null || true
}

ended() {
    lines
    jq -es '[group_by(.service)[] | last.what] | length == 4 and all(. == "promoted" or . == "rolled_back" or . == "soaked")' \
        "$TMP/lines" >/dev/null
}

# What is steered by has been announced: it is the last weights that the journal has, or if these were not set any more,
# those before.
weights_announced() {
    fs status --json >"$TMP/now"
    lines
    jq -e -s --slurpfile now "$TMP/now" '[.[] | select(.weights_bp)] | group_by(.service) | all(
        .[0].service as $name | (map(.weights_bp) | .[-2:]) as $known
        | ($now[0].services[] | select(.name == $name) | .versions | map({(.name): .weight_bp}) | add) as $is
        | any($known[]; . == $is))' "$TMP/lines" >/dev/null || {
        cat "$TMP/lines" >>"$TMP/unannounced"
        weights_of good1 >>"$TMP/unannounced"
    }
}

kills=0
# life: of a controller that is killed within LIFE_MS.
life() {
    background controller lb "$FLOWSPLIT" --pin-dir "$PIN" run "$TMP"/{good,bad}[12].yaml --state-dir "$STATE"
    sleep "$(printf '%d.%03d' $((LIFE_MS * (RANDOM % 1000) / 1000000)) $((LIFE_MS * (RANDOM % 1000) / 1000 % 1000)))"
    background_end controller KILL 2>/dev/null
    kills=$((kills + 1))
    [ "$(cat "$TMP/controller.status")" = 137 ] || cat "$TMP/controller.err" >>"$TMP/died"
    [ ! -s "$STATE/journal" ] || weights_announced
}

# Not with services of their own: connections live on from run to run.
begin_again() {
    local service
    for service in "${BAD[@]}"; do
        ! is_withdrawn "$service" || fs --quiet clear "$service" canary
    done
    apply_services four
    rm -rf "$STATE"
}

run_killed() {
    begin_again
    while life; ! ended; do
        [ $kills -lt $((KILLS * 3)) ] || fail "no end: $(fs history --state-dir "$STATE")"
    done
    runs=$((runs + 1))
    cp "$STATE/journal" "$TMP/journal$runs"
    judge
}

judge() {
    local service
    for service in "${GOOD[@]}"; do
        fs wait "$service" --timeout 1s --state-dir "$STATE" 2>/dev/null || echo "run $runs: $service was not promoted"
        [ "$(weights_of "$service")" = "stable=0 canary=10000" ] || echo "run $runs: $service: $(weights_of "$service")"
    done >>"$TMP/ends"
    [ "$(weights_of bad1) $(weights_of bad2)" = "stable=10000 canary=0 stable=9500 canary=500" ] ||
        echo "run $runs: bad: $(weights_of bad1) $(weights_of bad2)" >>"$TMP/ends"
    for service in "${BAD[@]}"; do
        is_withdrawn "$service" || echo "run $runs: $service is not withdrawn"
    done >>"$TMP/ends"
}

all_ended_well() {
    local i
    for ((i = 1; i <= runs; i++)); do
        jq -s -r '.[1:] | group_by(.service)[] | "\(first.service): \(last.what): \(last.why // "")"' "$TMP/journal$i"
    done
    [ ! -s "$TMP/ends" ] || fail "$(cat "$TMP/ends")"
}

none_failed() {
    [ ! -e "$TMP/died" ] || fail "$(cat "$TMP/died")"
}

always_announced() {
    [ ! -e "$TMP/unannounced" ] || fail "$(cat "$TMP/unannounced")"
}

# Each service's lines in their order: what is done was announced, steps come one by one and none twice for another
# reason than that it was announced and not done.
journals_whole() {
    local i
    for ((i = 1; i <= runs; i++)); do
        jq -e . "$TMP/journal$i" >/dev/null || fail "not all lines are JSON"
        equals "$(tail -c 1 "$TMP/journal$i")" "" "the last byte"
        jq -e -s '.[1:] | group_by(.service) | all(map(.what) | [.[:-1], .[1:]] | transpose | all(
            if .[1] == "holding" then .[0] == "advancing" or .[0] == "holding"
            elif .[1] == "promoted" then .[0] == "promoting"
            elif .[1] == "rolled_back" then .[0] == "rolling_back"
            elif .[1] == "started" then false
            elif .[1] == "soaked" then .[0] == "promoted"
            else .[0] == "started" or .[0] == "holding" end))' "$TMP/journal$i" >/dev/null || fail "$(cat "$TMP/journal$i")"
        jq -e -s 'map(select(.service == "good1" and .what == "advancing").step) == [range(11)]' "$TMP/journal$i" ||
            fail "$(cat "$TMP/journal$i")"
    done
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(for i in 1 2 3 4; do server l$i; done)
# shellcheck disable=SC2046
serve b1 $(server r1) $(server r3)
# shellcheck disable=SC2046
faulty b2 --http-500 12 $(at r2) $(at r4)
for i in 0 1 2; do
    fs --quiet attach lb$i
done
plans
afresh four
background load c "$PEER" http --to "$VIP4:80" --to "$VIP4:81" --to "$VIP4:82" --to "$VIP4:83" --bind "$SOURCES4" \
    --count 100000000 --rate $((RATE * 2)) --concurrency 8
hold hold c --to "$VIP4:80" --to "$VIP4:81" --bind "$SOURCES4" --count "$HELD" --interval 200
runs=0
while [ $kills -lt "$KILLS" ]; do
    run_killed
done
echo "# $runs runs of 4 rollouts each; $kills kills"
check "$kills times killed, every rollout ends as if it had not been" all_ended_well
check "each controller took up what the one before it had left" none_failed
check "after each kill, the weights are such as the journal has announced" always_announced
check "every journal is whole, and has each act announced and done once" journals_whole
load_end
check "none of the clients' new connections failed" all_answered
background_end hold TERM
check "none of the connections held throughout was broken or misrouted" held hold "$HELD"
done_testing
