#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A plan's hooks are told what happens; one that hangs delays nothing, and is killed with its children.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

HOOK_AT=127.0.0.1:9009
SLOW_AT=127.0.0.1:9010
HANG_MS=11000 # what a hook is given, and the grace before it is killed

hooked_plan() {
    plan canary <<END
  steps:
    - set: {canary: 10%}
      hold: 1h
    - pause
    - set: {canary: 30%}
      hold: 1h
    - set: {canary: 100%}
  evidence: 0
  compare: [p99 response_time <= 3x baseline + 100ms]
  notify:
    - webhook: {url: "http://$HOOK_AT/hook?{{service}}"}
    - exec: {command: [$TMP/hook.sh, "{{version}}"], on: [paused, promoted]}
    - exec: {command: [$TMP/hang.sh]}
    - webhook: {url: "http://$SLOW_AT/hook", on: [started]}
    - webhook: {url: "http://127.0.0.1:1/nobody", on: [promoted]}
END
}

# Environment, argument and input of each call, a line each.
scripts() {
    cat >"$TMP/hook.sh" <<END
#!/bin/bash
echo "\$FLOWSPLIT_EVENT \$FLOWSPLIT_SERVICE/\$FLOWSPLIT_VERSION \$1 \$(cat)" >>$TMP/hooked
END
    cat >"$TMP/hang.sh" <<END
#!/bin/bash
trap '' TERM
sleep 4242 &
echo "\$\$ \$!" >>$TMP/hanging
while :; do sleep 4242; done
END
    chmod +x "$TMP"/h*.sh
}

posted() {
    grep '^{' "$TMP/$WEBHOOK.out"
}

told() { # EVENTS
    equals "$(posted | jq -r .event | xargs)" "$1" "what the webhook was told"
}

# What a message says agrees with what the journal does.
messages_say_all() {
    posted
    posted | jq -es 'all(.service == "web" and .version == "canary" and .steps == 4 and (.time | test("^20.*Z$"))
        and has("reason") and has("who") and (.weights_bp | has("stable") and has("canary")))' ||
        fail "not all there"
    posted | jq -es 'map(select(.event == "paused")) | first | .step == 2 and .reason == "the plan asks for a decision: promote or abort"
        and .weights_bp == {stable: 9000, canary: 1000}' || fail "the pause"
    posted | jq -es 'map(select(.event == "promoted")) | first | .weights_bp.canary == 10000' || fail "the end"
    posted | jq -es 'map(select(.event == "undone")) | first | .weights_bp.canary == 0 and .who == "'"$(id -un)"'"' ||
        fail "the undoing"
}

commands_are_told() {
    cat "$TMP/hooked"
    equals "$(cut -d' ' -f1-3 "$TMP/hooked" | xargs)" \
        "paused web/canary canary paused web/canary canary promoted web/canary canary" "what the command was told"
    cut -d' ' -f4- "$TMP/hooked" | jq -es 'map(.event) == ["paused", "paused", "promoted"]'
}

# From the first message on, a hook hung all the time.
nothing_was_delayed() {
    local took_ms=$(($2 - $1))
    echo "took $took_ms ms"
    [ -s "$TMP/hanging" ] || fail "nothing hung"
    [ $took_ms -lt $HANG_MS ] || fail "as long as a hook that hangs"
}

log_says() {
    grep -- "$1" "$TMP/controller.err"
}

first_one_gone() {
    local pid
    for pid in $(head -n 1 "$TMP/hanging"); do
        ! kill -0 "$pid" 2>/dev/null || fail "$(ps -o pid,args -p "$pid")"
    done
}

all_gone() {
    local hook child
    while read -r hook child; do
        ! kill -0 "$hook" 2>/dev/null || fail "a hook"
        ! kill -0 "$child" 2>/dev/null || fail "its child"
    done <"$TMP/hanging"
}

ended_at_once() { # BEGIN-MS END-MS
    echo "took $(($2 - $1)) ms"
    equals "$(cat "$TMP/controller.status")" 0 "its exit status"
    [ $(($2 - $1)) -lt "$(scaled 2000 10000)" ] || fail "too long"
}

now_ms() {
    echo $(($("$PEER" now) / 1000000))
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
faulty lb --at $HOOK_AT --log
WEBHOOK=$FAULTY
faulty lb --at $SLOW_AT --slow 100 --delay 60000
fs --quiet attach lb0
scripts
afresh web 0
hooked_plan
begin_ms=$(now_ms)
controller
poll 10 in_step 1
# Its comparison can begin only now; that is no advance.
peer_in c http --to "$VIP4:80" --bind "$SOURCES4" --count 500 --concurrency 4 >/dev/null
poll 10 rollout '.compare[0].begun'
ask promote
ask promote
ask pause
ask resume
ask promote
poll 10 rollout_is promoted
ask undo
end_ms=$(now_ms)
check "hooks that hang delay nothing" nothing_was_delayed "$begin_ms" "$end_ms"
check "a webhook is told all that happens, in order and once" \
    poll 10 told "started advanced paused advanced paused resumed advanced promoted undone"
check "its messages say step, weights, why and who" messages_say_all
check "a command is told what it wants to hear, by environment and input" poll 10 commands_are_told
check "a hook that hangs is killed with its children" poll $((HANG_MS / 1000 + 3)) first_one_gone
check "the log says which command hung" poll 5 log_says 'exec .*/hang.sh: not told of started: timed out after 10.0s'
check "a webhook that is not there is tried again, and the log says so" \
    poll 20 log_says 'webhook 127.0.0.1:1: not told of promoted after 4 attempts: '
stop_ms=$(now_ms)
controller_end
check "SIGTERM ends a controller at once, hanging hooks or not" ended_at_once "$stop_ms" "$(now_ms)"
check "of its hooks, none is left" poll 3 all_gone
done_testing
