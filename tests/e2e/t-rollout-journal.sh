#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A rollout's journal: torn, written by others, not writable, and on a disk that is full.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

SMALL=$TMP/small

long_plan() {
    plan canary <<'END'
  steps:
    - set: {canary: 10%}
      hold: 1h
    - ramp: {to: 100%, by: +1%, every: 1s}
  evidence: 0 connections
END
}

# run_refused WORDS [STATE-DIR]: a controller ends at once with status 1 and these words.
run_refused() {
    local status=0
    in_ns lb timeout 10 "$FLOWSPLIT" --pin-dir "$PIN" run "$PLAN" --state-dir "${2:-$STATE}" 2>"$TMP/refusal" || status=$?
    cat "$TMP/refusal"
    equals $status 1 "the exit status"
    grep -q -- "$1" "$TMP/refusal" || fail "not said: $1"
}

whole() {
    equals "$(tail -c 1 "$STATE/journal")" "" "the last byte"
    jq -e . "$STATE/journal" >/dev/null || fail "not all lines are JSON"
}

# Those that only read don't repair it, and take it for what is whole.
torn_is_read() {
    fs history web --state-dir "$STATE" | tail -n 1 | grep 'advancing to step 1'
    in_step 1
    equals "$(tail -c 6 "$STATE/journal")" '"what"' "its end"
}

torn_is_repaired() {
    in_step 1
    whole
    equals "$(journal_words)" "started advancing holding" "the journal"
    ask pause
    whole
    equals "$(journal_words)" "started advancing holding paused" "the journal"
    ask resume
}

left_as_it_was() { # COMMAND...
    sha256sum "$STATE/journal" >"$TMP/before"
    "$@"
    sha256sum -c "$TMP/before" || fail "the journal was changed"
}

newer() {
    left_as_it_was run_refused "journal was written by a newer flowsplit (format 2, this one reads up to 1)"
    fs history --state-dir "$STATE" 2>"$TMP/words" && fail "history reads it"
    grep 'newer flowsplit' "$TMP/words"
    ends_with 1 2>"$TMP/words"
    grep 'newer flowsplit' "$TMP/words"
}

no_journal() {
    left_as_it_was run_refused 'is no journal of flowsplit'
}

unwritable() {
    mkdir "$TMP/readonly"
    mount -t tmpfs -o ro none "$TMP/readonly"
    run_refused "can't write to .*/readonly/state/journal: Read-only file system" "$TMP/readonly/state"
    umount "$TMP/readonly"
    run_refused "can't write to .*: Not a directory; the state directory must be writable" "$PLAN/state"
    equals "$(weights_of web)" "stable=10000 canary=0" "the weights"
}

two_instances() {
    fs --quiet set web canary=0%
    AT=$PIN-second fs --quiet apply - <<<'services: []'
    in_ns lb timeout 10 "$FLOWSPLIT" --pin-dir "$PIN-second" run --state-dir "$STATE" 2>"$TMP/refusal" &&
        fail "two controllers write it"
    grep 'another controller has .*journal' "$TMP/refusal" || fail "$(cat "$TMP/refusal")"
}

fill() {
    dd if=/dev/zero of="$SMALL/filler" bs=4k 2>/dev/null || true
}

says_so() {
    grep 'paused, because nothing can be written down: .*No space left on device' "$TMP/controller.err"
}

canary_bp() {
    of web '.versions[1].weight_bp'
}

# What can't be announced isn't done.
stands_still() {
    local before
    before=$(canary_bp)
    echo "at $before"
    equals "$(journal 'map(select(.weights_bp)) | last | .weights_bp.canary')" "$before" "what was announced"
    sleep 3
    equals "$(canary_bp)" "$before" "the weight of the canary"
    whole
    ask abort 2>"$TMP/words" && fail "aborted"
    cat "$TMP/words"
    equals "$(canary_bp)" "$before" "the weight of the canary"
}

status_says_so() {
    rollout '{state, why}'
    rollout_is paused
    rollout .why | grep "No space left on device"
    fs rollout status web | grep -i paused
}

nothing_is_lost() { # WEIGHT
    poll 10 rollout_is paused
    equals "$(canary_bp)" "$1" "the weight of the canary"
    whole
}

journal_says_so() {
    equals "$(journal 'map(select(.what != "holding")) | last | .what + ": " + .why')" \
        "paused: the journal could not be written" "the last line"
}

pauses_with_space() {
    nothing_is_lost "$1"
    poll 10 journal_says_so
    journal_says_so
    sleep 2
    nothing_is_lost "$1"
}

goes_on() {
    ask resume
    poll 10 eval "[ \$(canary_bp) -gt $1 ]"
    whole
}

# The same plan with a hook that ends when there is a file "go".
hooked_plan() {
    printf '#!/bin/bash\nuntil [ -e "%s" ]; do sleep 0.01; done\n' "$TMP/go" >"$TMP/wait.sh"
    chmod +x "$TMP/wait.sh"
    long_plan
    echo "  notify: [exec: {command: [$TMP/wait.sh], on: [started]}]" >>"$PLAN"
}

# Whatever else is written first when there is space again.
paused_though_told() {
    sleep 3
    journal 'map(.what) | join(" ")'
    rollout_is paused
    equals "$(journal 'map(select(.what == "paused")) | last | .why')" "the journal could not be written" "why"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
fs --quiet attach lb0
long_plan
afresh web 0
check "a state directory that can't be written to is refused" unwritable
controller
poll 10 in_step 1
check "two controllers don't write one journal" two_instances
controller_end
rm -rf "$STATE"
fs --quiet apply "$TMP/services.yaml"
controller
poll 10 in_step 1
controller_kill
printf '{"time":"2026-11-21T00:00:00.000Z","what"' >>"$STATE/journal"
check "a torn last line is not read" torn_is_read
controller
check "a torn last line is removed, and the rollout goes on" torn_is_repaired
controller_end
sed -i '1s/.*/{"flowsplit_journal":2}/' "$STATE/journal"
check "a journal of a newer version is refused, and left as it is" newer
echo 'Dear diary' >"$STATE/journal"
check "what is no journal is refused, and left as it is" no_journal

mkdir "$SMALL"
mount -t tmpfs -o size=64k none "$SMALL"
trap 'umount -l "$SMALL"; cleanup' EXIT
STATE=$SMALL/state
afresh web 0
controller
poll 10 in_step 1
ask promote
fill
check "on a full disk, the rollout pauses and the log says why" poll 30 says_so
check "on a full disk, nothing is done that can't be announced" stands_still
check "on a full disk, status says why it is paused" status_says_so
weight=$(canary_bp)
controller_kill
rm "$TMP/controller.err"
controller
poll 30 says_so
check "on a full disk, a controller that begins anew does nothing either" nothing_is_lost "$weight"
rm "$SMALL/filler"
check "with space again, it is paused and the journal says why" pauses_with_space "$weight"
check "with space again, resume goes on" goes_on "$weight"
controller_end
afresh web 0
hooked_plan
rm -f "$TMP/controller.err"
controller
poll 10 in_step 1
ask promote
fill
poll 30 says_so
rm "$SMALL/filler"
touch "$TMP/go"
check "with space again, it is paused though a hook's line can be written before" paused_though_told
done_testing
