#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A hook is told of all that happens, though the controller is killed before it could be.
# Not in VMs: the kernel has no part in it.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

HOOK_AT=127.0.0.1:9009

hooked_plan() {
    plan canary <<END
  steps:
    - set: {canary: 10%}
      hold: 1h
    - pause
    - set: {canary: 100%}
  evidence: 0
  notify:
    - webhook: {url: "http://$HOOK_AT/hook"}
    - exec: {command: [$TMP/hook.sh]}
    - exec: {command: ["false"], on: [promoted]}
END
}

hook() {
    cat >"$TMP/hook.sh" <<END
#!/bin/bash
echo "\$FLOWSPLIT_EVENT" >>$TMP/hooked
END
    chmod +x "$TMP/hook.sh"
}

posted() { # EVENTS
    equals "$(grep '^{' "$TMP/$WEBHOOK.out" | jq -r .event | xargs)" "$1" "what the webhook was told"
}

posted_as_it_was() {
    grep '^{' "$TMP/$WEBHOOK.out"
    grep '^{' "$TMP/$WEBHOOK.out" | jq -es 'map([.step, .weights_bp.canary]) == [[1, 0], [1, 1000], [2, 1000]]'
}

commanded() { # EVENTS
    equals "$(xargs <"$TMP/hooked")" "$1" "what the command was told"
}

# Each event and hook once, and what became of it.
journal_tells() {
    journal 'map(select(.what == "told") | [.hook, .of]) | length == (unique | length)'
    journal 'map(select(.what == "told") | select(.ok | not) | .text) == ["exec false: not told of promoted: exited with 1"]'
}

history_says() {
    fs history --state-dir "$STATE"
    fs history --state-dir "$STATE" | grep -q 'web/canary  hook: exec false: not told of promoted: exited with 1$' || return
    ! fs history --state-dir "$STATE" | grep -q ': told of' || fail "more than what failed"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
fs --quiet attach lb0
hook
afresh web 0
hooked_plan
controller
poll 10 in_step 1
ask promote
poll 10 commanded "started advanced paused"
# The webhook, which nobody answers yet, is between its attempts.
controller_kill
faulty lb --at $HOOK_AT --log
WEBHOOK=$FAULTY
controller
check "a webhook is told what a controller that was killed could not tell it" poll 10 posted "started advanced paused"
check "as it was when it happened" posted_as_it_was
check "a command that was told is not told again" commanded "started advanced paused"
controller_end
controller
ask promote
poll 10 rollout_is promoted
check "and all that happens from then on, once" poll 10 posted "started advanced paused advanced promoted"
check "the journal says who was told what, and who could not be" poll 10 journal_tells
check "history shows those who could not be" history_says
controller_end
done_testing
