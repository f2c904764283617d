# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the tests of rollouts share: a service, plans, a controller, and what it says. Needs guard.sh.

PLAN=$TMP/plan.yaml
STATE=$TMP/state
# Connections in a second; an emulated CPU can't do many.
RATE=$(scaled 100 20)

# web WEIGHT-OF-CANARY: stable is at l1, canary at l2; all of HTTP is looked at.
web() {
    service web "$(vip 4 80/tcp)" flow 2s stable "stable=$((100 - $1))%:$(backends 4 l1)" "canary=$1%:$(backends 4 l2)"
    echo '    sample: 1/1'
    echo '    http: true'
}

# plan VERSION: the rest of the plan's mapping, indented by two, comes by standard input.
plan() {
    {
        printf 'rollout:\n  service: web\n  version: %s\n' "$1"
        cat
    } >"$PLAN"
    "$FLOWSPLIT" --quiet lint "$PLAN"
}

# controller: begins one, in the background, with further options from RUN.
RUN=()
controller() {
    background controller lb "$FLOWSPLIT" --pin-dir "$PIN" run "$PLAN" --state-dir "$STATE" "${RUN[@]}"
    poll 10 answers || fail "$(cat "$TMP/controller.err")"
}

# Does a controller, and not only its journal?
answers() {
    kill -0 "${BACKGROUND[controller]}"
    rollout 'has("heartbeat_age_ms") | not'
}

controller_end() {
    background_end controller TERM
}

controller_kill() {
    background_end controller KILL
}

# afresh FUNCTION-OR-COMMAND...: services without a past, and no journal.
afresh() {
    apply_anew "$@"
    rm -rf "$STATE"
}

# rollout FILTER: from rollout status --json.
rollout() {
    fs rollout status web --json --state-dir "$STATE" | jq -er ".rollouts[0] | $1"
}

# ask WHAT [ARGUMENTS]: of the controller.
ask() {
    fs --quiet rollout "$@" web --state-dir "$STATE"
}

rollout_is() {
    equals "$(rollout .state)" "$1" "the rollout's state"
}

# in_step NUMBER [STATE]
in_step() {
    equals "$(rollout '"\(.step) \(.state)"')" "$1 ${2:-running}" "the step"
}

# journal FILTER: over all its lines.
journal() {
    fs history --json --state-dir "$STATE" | jq -esr "$1"
}

# The words of the journal's lines, but for those that follow another like them; hooks are told at any time.
journal_words() {
    journal 'map(.what | select(. != "told")) | [., [""] + .] | transpose | map(select(.[0] != .[1])[0] // empty) | join(" ")'
}

# wait_for_end [SECONDS]: its exit status is that of `flowsplit wait`.
wait_for_end() {
    fs wait web --timeout "$(($(scaled 1 10) * ${1:-30}))s" --state-dir "$STATE"
}

# ends_with STATUS [SECONDS]
ends_with() {
    local status=0
    wait_for_end "${2:-30}" || status=$?
    [ $status = "$1" ] || fs history --state-dir "$STATE"
    equals $status "$1" "the exit status of wait"
}

# load: HTTP until load_end, from clients everywhere.
load() {
    background load c "$PEER" http --to "$VIP4:80" --bind "$SOURCES4" --count 100000000 --rate "$RATE" --concurrency 8
}

load_end() {
    background_end load TERM
}

# For check, after load_end: none of its connections was refused, reset or left without an answer.
all_answered() {
    cat "$TMP/load.out" "$TMP/load.err"
    jq -e '.opened > 0 and .failed == 0 and .broken == 0' "$TMP/load.out" >/dev/null || fail "broken connections"
}
