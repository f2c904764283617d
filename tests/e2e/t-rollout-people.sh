#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What people may do to a rollout, and when: pause, resume, promote, abort, undo; and weights set by hand.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

SOCKET=/run/flowsplit/sys-fs-bpf-${ID//-/%2d}.sock

# Three versions; `other` has a fifth.
three() {
    service web "$(vip 4 80/tcp)" flow 1s stable \
        "stable=80%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)" "other=20%:$(backends 4 l3)"
}

# Nothing here depends on traffic.
slow_plan() { # SOAK
    plan canary <<END
  steps:
    - set: {canary: 10%}
      hold: 3s
    - pause
    - set: {canary: 30%}
      hold: 1h
    - set: {canary: 40%}
      hold: 1h
  evidence: 0 connections
  soak: $1
END
}

begin() { # SERVICES SOAK
    afresh "$1"
    slow_plan "$2"
    controller
    poll 10 in_step 1
}

# to_third: past the step that is a pause.
to_third() {
    ask promote && ask promote && in_step 3
}

# refused WORDS WHAT...: exit status 1, with these words.
refused() {
    local words=$1 status=0
    shift
    ask "$@" 2>"$TMP/refusal" || status=$?
    cat "$TMP/refusal"
    equals $status 1 "the exit status"
    grep -q -- "$words" "$TMP/refusal" || fail "not said: $words"
}

last_line() { # FILTER
    journal "last | $1"
}

pauses() {
    ask pause
    in_step 1 paused
    equals "$(last_line '.what + " by " + .who')" "paused by $(id -un)" "the last line"
    equals "$(weights_of web)" "stable=7000 canary=1000 other=2000" "the weights"
    refused 'is paused: pause is for one that is running' pause
}

# What was held before counts, and the pause does not.
resumes() {
    local held_ms
    held_ms=$(rollout .held_ms)
    sleep 4
    equals "$(rollout .held_ms)" "$held_ms" "the time held while paused"
    ask resume
    in_step 1
    refused 'resume is for one that is paused or has ended' resume
    poll 10 in_step 2 paused
    journal 'map(select(.what == "resumed" and .who == "'"$(id -un)"'")) | length == 1'
}

step_of_pause() {
    rollout .why
    equals "$(rollout .why)" "the plan asks for a decision: promote or abort" "why"
    equals "$(weights_of web)" "stable=7000 canary=1000 other=2000" "the weights"
    ask resume
    in_step 3
    equals "$(last_line .what) $(weights_of web)" "holding stable=5000 canary=3000 other=2000" "the next step"
}

promotes_a_step() {
    ask promote
    in_step 4
    equals "$(weights_of web)" "stable=4000 canary=4000 other=2000" "the weights"
    journal 'map(select(.what == "advancing")) | last | .why == "promoted" and .who == "'"$(id -un)"'"'
    ask promote
    rollout_is promoted
    rollout '.soak_left_ms > 3000000'
}

undoes() {
    ask undo
    rollout_is undone
    equals "$(weights_of web)" "stable=8000 canary=0 other=2000" "the weights"
    is_withdrawn web && fail "withdrawn"
    equals "$(journal 'map(.what)[-2:] | join(" ")')" "undoing undone" "the journal's end"
    ends_with 1 2>"$TMP/words"
    grep 'web/canary was undone' "$TMP/words" || fail "wait doesn't say it"
    refused 'undo is for one that is promoted' undo
    refused 'pause is for one that is running' pause
    refused 'promote is for one that is under way' promote
    refused 'abort is for one that is under way' abort
}

# It takes the place of the one that has ended, with all that status tells.
begins_again() {
    ask resume
    poll 10 in_step 1
    equals "$(weights_of web)" "stable=7000 canary=1000 other=2000" "the weights"
    journal 'map(select(.what == "started")) | length == 2'
    ends_with 3 1
}

promotes_in_full() {
    fs --quiet rollout promote web --full
    rollout_is promoted
    equals "$(weights_of web)" "stable=4000 canary=4000 other=2000" "the weights"
    equals "$(journal_words)" "started advancing holding promoting promoted" "the journal"
    ends_with 0
}

is_soaked() {
    equals "$(last_line .what)" soaked
}

soaked_for_good() {
    poll 10 is_soaked
    refused 'its soak time is over' undo
    equals "$(weights_of web)" "stable=4000 canary=4000 other=2000" "the weights"
}

aborts() {
    ask abort
    rollout_is rolled_back
    rollout '.why == "aborted" and .who == "'"$(id -un)"'"'
    equals "$(weights_of web)" "stable=8000 canary=0 other=2000" "the weights"
    is_withdrawn web || fail "not withdrawn"
    refused 'clear web canary' resume
    fs --quiet clear web canary
    begins_again
}

# by_hand FROM TO WHAT: it says who did what; `rollout status` too.
by_hand() {
    rollout .why
    last_line 'del(.plan) | tostring'
    equals "$(last_line '.what, .by_hand' | xargs)" "paused true" "the last line"
    rollout .why | grep -q "weights changed by hand, from $1 to $2; $(id -un): $3" || fail "not all of it"
}

set_by_hand() {
    fs --quiet set web canary=50%
    poll 10 in_step 3 paused
    by_hand 'stable 50%, canary 30%, other 20%' 'stable 30%, canary 50%, other 20%' 'set '
    sleep 2
    equals "$(weights_of web)" "stable=3000 canary=5000 other=2000" "the weights"
}

resumes_with_its_weights() {
    ask resume
    in_step 3
    equals "$(weights_of web)" "stable=5000 canary=3000 other=2000" "the weights"
    sleep 2
    in_step 3
}

# A version that the plan doesn't name, and no controller there when it was done.
set_while_nobody_looked() {
    poll 10 in_step 3 paused
    by_hand 'stable 50%, canary 30%, other 20%' 'stable 65%, canary 30%, other 5%' 'set '
    resumes_with_its_weights
}

applied_by_hand() {
    fs --quiet apply "$TMP/services.yaml"
    poll 10 in_step 3 paused
    by_hand 'stable 50%, canary 30%, other 20%' 'stable 80%, canary 0%, other 20%' 'apply '
    resumes_with_its_weights
}

withdrawn_by_hand() {
    fs --quiet withdraw web canary
    ends_with 1
    rollout '.state == "rolled_back" and .why == "withdrawn: by hand"' || fail "$(rollout .why)"
    equals "$(weights_of web)" "stable=8000 canary=0 other=2000" "the weights"
}

no_controller() {
    refused "no controller runs for $PIN: begin one with .flowsplit run." pause
    fs rollout status web --state-dir "$STATE" && fs history --state-dir "$STATE"
}

run_refused() { # WORDS ARGUMENTS...
    local words=$1 status=0
    shift
    in_ns lb timeout 10 "$FLOWSPLIT" --pin-dir "$PIN" run "$@" 2>"$TMP/refusal" || status=$?
    cat "$TMP/refusal"
    equals $status 1 "the exit status"
    grep -q -- "$words" "$TMP/refusal" || fail "not said: $words"
}

second_controller() {
    run_refused "another controller runs for $PIN" "$PLAN" --state-dir "$TMP/other"
    in_step 1
}

second_plan() {
    sed 's/ 30%/ 31%/' "$PLAN" >"$TMP/second.yaml"
    run_refused 'web is in a rollout of version canary by another plan: .flowsplit rollout abort web. ends it' \
        "$TMP/second.yaml" --state-dir "$STATE"
    equals "$(journal 'map(select(.what == "started")) | length')" 2 "rollouts begun"
}

impossible() { # WORDS SED-SCRIPT
    rm -rf "$STATE"
    sed "$2" "$PLAN" >"$TMP/impossible.yaml"
    run_refused "$1" "$TMP/impossible.yaml" --state-dir "$STATE"
    equals "$(weights_of web)" "stable=8000 canary=0 other=2000" "the weights"
    equals "$(journal length)" 0 "the journal's length"
}

all_impossible() {
    impossible 'no service "nobody"' 's/service: web/service: nobody/'
    impossible 'no version "nothing"' 's/canary/nothing/'
    impossible 'no version "nothing"' 's/{canary: 30%}/{canary: 30%, nothing: 1%}/'
    impossible 'come to 101%; at most 100%' 's/{canary: 40%}/{canary: 81%}/'
    impossible 'baseline' 's/canary/stable/'
}

only_root() {
    stat -c '%U:%G %a' "$SOCKET" "$STATE/journal"
    equals "$(stat -c '%U:%G %a' "$SOCKET")" "root:root 660" "the socket's owner and mode"
    [ $((0$(stat -c %a "$STATE/journal") & 022)) = 0 ] || fail "the journal may be written to by others"
    [ $((0$(stat -c %a "$STATE") & 022)) = 0 ] || fail "its directory may"
    cp "$FLOWSPLIT" "$TMP/flowsplit"
    chmod 755 "$TMP" "$TMP/flowsplit"
    in_ns lb setpriv --reuid=65534 --regid=65534 --clear-groups "$TMP/flowsplit" --pin-dir "$PIN" rollout abort web \
        2>"$TMP/words" && fail "done as nobody"
    grep -i 'permission\|root' "$TMP/words" || fail "$(cat "$TMP/words")"
    rollout_is running
}

misused() { # WORDS ARGUMENTS...
    local words=$1 status=0
    shift
    fs rollout "$@" 2>"$TMP/refusal" || status=$?
    cat "$TMP/refusal"
    equals $status 2 "the exit status"
    grep -q -- "$words" "$TMP/refusal" || fail "not said: $words"
}

nobody_there() {
    refused 'service web has no rollout' pause
    misused 'unexpected "nobody"' pause web nobody
    misused 'of which service' promote
    misused 'unknown word "leap"; known: status' leap web
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2) $(server l3)
fs --quiet attach lb0
begin three 1h
check "pause holds the step and its weights" pauses
check "resume goes on with the time that was held" resumes
check "a step that is a pause waits for resume or promote" step_of_pause
check "promote goes on to the next step, and after the last one ends it" promotes_a_step
check "undo: the weights before the rollout; then nothing else is possible" undoes
check "resume begins one again that has ended" begins_again
check "a second controller of one pin directory is refused" second_controller
check "only root may write or ask" only_root
controller_end
check "a second plan for a service in a rollout is refused" second_plan
check "without a controller commands say so, and those that only read work" no_controller
begin three 1s
check "promote --full goes to the plan's last weights at once" promotes_in_full
check "after the soak time, undo is refused" soaked_for_good
controller_end
begin three 1h
check "abort rolls back; after clear, resume begins again" aborts
check "promote twice goes past a pause" to_third
check "weights set by hand pause it, and it says who, from what to what" set_by_hand
check "resume sets the plan's weights again" resumes_with_its_weights
controller_kill
fs --quiet set web other=5%
controller
check "the same after a change that no controller saw" set_while_nobody_looked
check "the same after apply" applied_by_hand
check "a version withdrawn by hand is rolled back" withdrawn_by_hand
controller_end
afresh three
check "plans that can't be carried out are refused, and nothing happens" all_impossible
rm -rf "$STATE"
background controller lb "$FLOWSPLIT" --pin-dir "$PIN" run --state-dir "$STATE"
poll 10 test -S "$SOCKET"
check "requests for what is not there are refused" nobody_there
controller_end
done_testing
