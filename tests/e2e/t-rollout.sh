#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A rollout on evidence: a good version is promoted step by step, a worse one is rolled back.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

HELD=$(scaled 40 10)
EVIDENCE=20

good_plan() {
    plan canary <<END
  steps:
    - set: {canary: 10%}
      hold: 2s
    - ramp: {to: 40%, by: double, every: 2s}
    - set: {canary: 100%}
  evidence: $EVIDENCE connections
  compare:
    - connect_failures <= baseline + 1%
    - http_5xx <= baseline + 1%
    - p99 response_time <= 3x baseline + 100ms
  soak: 1h
END
}

bad_plan() { # LIVE-FLOWS
    plan canary <<END
  steps:
    - set: {canary: 50%}
      hold: 1h
  evidence: 1000000 connections
  compare: [http_5xx <= baseline + 5%]
  live_flows: $1
END
}

# --- while it is under way ---

status_tells_all() {
    rollout .
    rollout '.service == "web" and .version == "canary" and .state == "running" and .began != ""
        and .steps_total == 3 and (.steps | map(.state) == ["current", "ahead", "ahead"])
        and (.steps | map(.step) == ["set canary 10%", "ramp to 40%, doubling", "set canary 100%"])
        and .steps[0].hold_ms == 2000 and .steps[1].hold_ms == 2000
        and .weights_wished_bp == {stable: 9000, canary: 1000} and .weights_now_bp == .weights_wished_bp
        and .buckets == 1000 and .control_buckets == 1000 and .evidence == '$EVIDENCE'
        and (.compare | length == 3) and .withdrawn == null and .soak_left_ms == null
        and (.compare | all(.verdict != "worse" and .log_threshold > 0 and has("missing")))' >/dev/null ||
        fail "not all there"
}

# The first two rules' outcomes are there as soon as connections are; what they lack is said.
evidence_is_counted() {
    rollout .compare
    rollout '.connections > 0 and .share_got > 0 and .compare[0].version.outcomes > 0
        and .compare[0].control.outcomes > 0 and .compare[0].begun' || fail "nothing is counted"
}

status_in_words() {
    local word
    fs rollout status web | tee "$TMP/words"
    for word in web canary 'ramp to 40%, doubling' connect_failures; do
        grep -q "$word" "$TMP/words" || fail "no $word"
    done
}

# The same question without the controller's help: what is said is read from journal and kernel.
status_is_the_same_without() {
    rollout '{state, step, weights_wished_bp, weights_now_bp, buckets, control_buckets, why, withdrawn}' >"$TMP/without"
    diff "$TMP/with" "$TMP/without"
}

times_out() {
    local status=0
    fs wait web --timeout 1s --state-dir "$STATE" 2>"$TMP/words" || status=$?
    equals $status 3 "the exit status"
    grep 'has not ended within 1s' "$TMP/words" || fail "not said: $(cat "$TMP/words")"
}

# --- when it is over ---

promoted_in_order() {
    journal '.[] | del(.plan) | tostring'
    equals "$(journal 'map(select(.what == "advancing").weights_bp.canary) | join(" ")')" "1000 2000 4000 10000" "weights"
    equals "$(journal 'map(select(.what == "advancing") | "\(.step).\(.stage)") | join(" ")')" "0.0 1.0 1.1 2.0" "steps"
    equals "$(journal_words)" \
        "started advancing holding advancing holding advancing holding advancing holding promoting promoted"
    equals "$(journal 'first.weights_bp | "\(.stable) \(.canary)"')" "10000 0" "the first line's weights"
    equals "$(weights_of web)" "stable=0 canary=10000" "what is steered by"
    equals "$(rollout '.state + " \(.soak_left_ms > 0)"')" "promoted true" "the state"
}

# Times are to the millisecond; what is held is counted from after the weights are set.
each_stage_was_held() {
    journal 'map(select(.what == "advancing" or .what == "promoting") |
        .time | (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber))
        | [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | tostring' | tee "$TMP/held"
    jq -e 'all(.[:-1][]; . >= 2000)' "$TMP/held" >/dev/null || fail "left too soon"
}

each_stage_had_its_evidence() {
    journal '[.[] | select(.what == "holding").connections] | tostring' | tee "$TMP/seen"
    # A stage may be written down more than once, when a comparison can only begin later.
    jq -e --argjson n $EVIDENCE 'unique | length == 4 and ([.[1:], .[:-1]] | transpose | all(.[0] - .[1] >= $n))' \
        "$TMP/seen" >/dev/null || fail "left without"
}

history_is_a_story() {
    fs history web --state-dir "$STATE" | tee "$TMP/story"
    head -n 1 "$TMP/story" | grep -q 'web/canary  started from stable 100%, canary 0%' || fail "no beginning"
    grep -q 'advancing to step 2: stable 80%, canary 20%; held [0-9]*s, [0-9]* connections, no rule worse' "$TMP/story" ||
        fail "no middle"
    tail -n 1 "$TMP/story" | grep -q 'web/canary  promoted$' || fail "no end"
    fs history nobody --state-dir "$STATE" | grep 'no rollouts of nobody'
}

# Promoting changed nothing any more.
events_say_rollout() {
    fs events --json | jq -es --argjson n "$EVENTS_BEFORE" \
        '.[$n:] | map(select(.service == "web" and .what == "rollout")) | length == 4' ||
        fail "$(fs events)"
}

rolled_back() {
    journal '.[] | del(.plan) | tostring'
    equals "$(journal_words)" "started advancing holding rolling_back rolled_back"
    equals "$(journal '.[-2].weights_bp | "\(.stable) \(.canary)"')" "7000 3000" "the weights of rolling_back"
    rollout '.state == "rolled_back" and (.why | test("worse than the baseline: http_5xx <= baseline \\+ 5%"))' ||
        fail "why: $(rollout .why)"
    equals "$(weights_of web)" "stable=7000 canary=3000" "the weights wished"
    is_withdrawn web || fail "not withdrawn"
    health web canary '.tripped.why' | grep 'rolled back'
    equals "$(of web '.versions[1].buckets')" 0 "the canary's buckets"
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count 30 | jq -e '.by_name == {l1: 30}' ||
        fail "new flows get there"
}

rolled_back_is_said() {
    fs wait web --timeout 1s --state-dir "$STATE" 2>"$TMP/words" && fail "exit status 0"
    grep 'web/canary was rolled back: worse than the baseline: http_5xx' "$TMP/words" || fail "$(cat "$TMP/words")"
    grep 'rolling back to stable 70%, canary 30%: worse than' "$TMP/controller.err" || fail "$(cat "$TMP/controller.err")"
}

# After it ends, how many of the connections that were open lived: all, or those of the baseline.
live_flows_kept() {
    cat "$TMP/hold.out" "$TMP/hold.err"
    equals "$(jq .broken "$TMP/hold.out")" 0 "connections broken"
    jq -e --argjson n "$HELD" '.opened == $n and .misrouted == 0 and .by_name.l2 > 0' "$TMP/hold.out" || fail "not all"
}

live_flows_cut() {
    cat "$TMP/hold.out" "$TMP/hold.err"
    jq -e --argjson n "$HELD" '.opened == $n and .misrouted == 0 and .broken > 0 and .broken == .by_name.l2' \
        "$TMP/hold.out" || fail "not those of the canary"
}

bad_run() { # LIVE-FLOWS
    afresh web 30
    bad_plan "$1"
    hold hold c --to "$VIP4:80" --bind "$SOURCES4" --count "$HELD" --interval 100
    load
    controller
    check "live_flows $1: a version that answers 500 is rolled back, and wait exits with 1" ends_with 1
    check "live_flows $1: weights are as before, and the version is withdrawn" rolled_back
}

bad_run_end() {
    background_end hold TERM
    load_end
    check "live_flows $1: the clients' new connections all got an answer" all_answered
    controller_end
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
SERVE=serve$serve_count
fs --quiet attach lb0
afresh web 0
EVENTS_BEFORE=$(fs events --json | wc -l)
good_plan
hold hold c --to "$VIP4:80" --bind "$SOURCES4" --count "$HELD" --interval 100
controller
poll 10 in_step 1
check "status --json tells all of a rollout's first step" status_tells_all
check "wait --timeout exits with 3 when it hasn't ended" times_out
check "without connections, no step is left however long it is held" in_step 1
load
check "outcomes are counted as connections come, on both sides" poll 10 evidence_is_counted
check "status shows it in words" status_in_words
check "a good version is promoted, and wait exits with 0" ends_with 0 40
check "its steps, stages and weights come in the plan's order" promoted_in_order
check "each stage was held as long as the plan says" each_stage_was_held
check "each stage had the evidence that the plan wants" each_stage_had_its_evidence
check "history tells the story" history_is_a_story
check "the log of events says that the rollout set the weights" events_say_rollout
rollout '{state, step, weights_wished_bp, weights_now_bp, buckets, control_buckets, why, withdrawn}' >"$TMP/with"
controller_end
check "status says the same without a controller" status_is_the_same_without
load_end
check "none of the clients' new connections failed" all_answered
background_end hold TERM
check "none of the connections held throughout was broken or misrouted" held hold "$HELD"

background_end "$SERVE" TERM
# shellcheck disable=SC2046
serve lb $(server l1)
# shellcheck disable=SC2046
serve lb --http-500 $(server l2)
bad_run keep
check "the log and wait say why" rolled_back_is_said
sleep 1
bad_run_end keep
check "live_flows keep: the connections held lived on" live_flows_kept
if [ "$FS_VM" = 1 ]; then # one of them is enough there
    done_testing
    exit
fi
bad_run cut
sleep 1
bad_run_end cut
check "live_flows cut: those of the version were cut, and no others" live_flows_cut
bad_run 'drain 3s'
check "live_flows drain: they live for that time" kill -0 "${BACKGROUND[hold]}"
sleep 5
bad_run_end 'drain 3s'
check "live_flows drain: and are cut after it" live_flows_cut
done_testing
