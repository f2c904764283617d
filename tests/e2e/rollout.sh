# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the tests of rollouts share: plans, a controller, and what it says.

PLAN=$TMP/plan.yaml
STATE=$TMP/state

# plan VERSION: the rest of the plan's mapping, indented by two, comes by standard input.
plan() {
    {
        printf 'rollout:\n  service: web\n  version: %s\n' "$1"
        cat
    } >"$PLAN"
    "$FLOWSPLIT" --quiet lint "$PLAN"
}

# controller [ARGUMENTS]: begins one, in the background.
controller() {
    background controller lb "$FLOWSPLIT" --pin-dir "$PIN" run "$PLAN" --state-dir "$STATE" "$@"
    poll 10 rollout .
}

controller_end() {
    background_end controller "${1:-TERM}"
}

# rollout FILTER: from rollout status --json.
rollout() {
    fs rollout status web --json --state-dir "$STATE" | jq -er ".rollouts[0] | $1"
}

rollout_is() {
    equals "$(rollout .state)" "$1" "the rollout's state"
}

# journal FILTER: over all its lines.
journal() {
    fs history --json --state-dir "$STATE" | jq -esr "$1"
}

wait_for_end() {
    fs wait web --timeout "${1:-60}s" --state-dir "$STATE"
}
