# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by the other files of the demo
# The scene of the rollout: a plan takes the canary from 5 % to 100 % on evidence, is promoted, and taken back.

readonly rollout_batch=200

plan_file() {
    cat <<END
rollout:
  service: web
  version: canary
  steps:
    - set: {canary: 10%}
      hold: 2s
    - ramp: {to: 80%, by: double, every: 1s}
    - set: {canary: 100%}
  evidence: 50 connections
  compare:
    - connect_failures <= baseline + 0.5%
    - p99 connect_time <= 3x baseline + 20ms
END
}

# New connections all the while, until $tmp/promoted is there.
rollout_load() {
    local i=0
    until [[ -e $tmp/promoted ]]; do
        http_batch $((i += 1)) $rollout_batch >>"$tmp/rollout"
    done
}

# Says what the controller says, as it comes, until the rollout has ended.
rollout_follow() {
    local line
    while IFS= read -r line; do
        say "$dim${line#web/canary: }$normal"
        [[ $line != *': promoted'* ]] || return 0
        [[ $line != *'rolled back'* ]] || die "the healthy canary was rolled back"
    done < <(tail -f --pid="$1" -n +1 "$tmp/controller.err")
    die "the controller ended: $(cat "$tmp/controller.err")"
}

rollout() {
    local controller load
    plan_file >"$tmp/plan.yaml"
    run lint plan.yaml
    show_command run plan.yaml
    rollout_load &
    load=$!
    pids+=("$load")
    background controller lb "$FLOWSPLIT" --pin-dir "$PIN_DIR" run "$tmp/plan.yaml" --state-dir "$tmp/state"
    controller=$!
    rollout_follow "$controller"
    flowsplit wait web --timeout 30s --state-dir "$tmp/state" || die "the rollout was not promoted"
    touch "$tmp/promoted"
    wait "$load"
    rollout_opened=$(grep -cE '^[0-9]{3} [0-9]' "$tmp/rollout")
    http_opened=$((http_opened + rollout_opened))
    http_broken=$((http_broken + rollout_opened - $(grep -cx '200 1' "$tmp/rollout")))
    run rollout undo web
    kill "$controller"
    wait "$controller" || true
}
