#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `flowsplit run` as a service: signals, sd_notify, several plans; and steps that wait for traffic.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

EVIDENCE=100

silent_plan() { # THEN
    plan canary <<END
  steps:
    - set: {canary: 50%}
      hold: 1s
  evidence: $EVIDENCE connections
  no_traffic: {after: 2s, then: $1}
END
}

pauses_without_traffic() {
    poll 10 in_step 1 paused
    equals "$(rollout .why)" "no new connection for 2s" "why"
    equals "$(weights_of web)" "stable=5000 canary=5000" "the weights"
    is_withdrawn web && fail "withdrawn"
    ask resume
    in_step 1
    poll 10 in_step 1 paused
}

rolls_back_without_traffic() {
    ends_with 1
    equals "$(rollout .why)" "no new connection for 2s" "why"
}

waits_without_traffic() {
    sleep 5
    in_step 1
    equals "$(rollout .waits_for)" "$EVIDENCE more connections" "what it waits for"
}

# Three quarters of what it wants.
waits_for_the_rest() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count $((EVIDENCE * 3 / 2)) >/dev/null
    sleep 3
    in_step 1
    rollout .waits_for | grep -E '^[1-9][0-9]? more connections$'
    rollout '.connections > 0 and .connections < '$EVIDENCE
}

left_with_all_of_it() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count $((EVIDENCE * 2)) >/dev/null
    ends_with 0
}

notified() { # LINES
    equals "$(xargs <"$TMP/notify.out")" "$1" "what it told its manager"
}

log_says() {
    grep -- "$1" "$TMP/controller.err"
}

reload() {
    kill -HUP "${BACKGROUND[controller]}"
}

rereads_the_same() {
    reload
    poll 5 log_says 'web/canary: goes on: running'
    in_step 1
    poll 5 notified 'ready READY=1 RELOADING=1 READY=1'
}

rereads_another() {
    sed -i 's/50%/60%/' "$PLAN"
    reload
    poll 5 log_says 'service web is in a rollout of version canary by another plan'
    in_step 1
    equals "$(weights_of web)" "stable=5000 canary=5000" "the weights"
}

rereads_nonsense() {
    cp "$PLAN" "$TMP/kept"
    echo 'rollout: {service: web' >"$PLAN"
    reload
    poll 5 log_says 'plan.yaml:2:1'
    cp "$TMP/kept" "$PLAN"
    in_step 1
}

# What has ended makes room for a plan that is another.
rereads_after_the_end() {
    ask abort
    fs --quiet clear web canary
    reload
    poll 10 in_step 1
    equals "$(weights_of web)" "stable=4000 canary=6000" "the weights"
    reload
    sleep 1
    equals "$(journal 'map(select(.what == "started")) | length')" 2 "rollouts begun"
}

stopped() { # BEGIN-MS END-MS
    echo "took $(($2 - $1)) ms"
    equals "$(cat "$TMP/controller.status")" 0 "its exit status"
    [ $(($2 - $1)) -lt "$(scaled 2000 10000)" ] || fail "too long"
    [ ! -e "/run/flowsplit/sys-fs-bpf-${ID//-/%2d}.sock" ] || fail "its socket is left"
    notified 'ready READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 STOPPING=1'
}

begun_once() {
    poll 10 in_step 1
    equals "$(journal_words)" "started advancing holding rolling_back rolled_back started advancing holding" "the journal"
    equals "$(weights_of web)" "stable=4000 canary=6000" "the weights"
}

two() {
    web 0
    service api "$(vip 4 81/tcp)" flow 2s stable "stable=100%:$(backends 4 l3)" "canary=0%:$(backends 4 l4)"
}

both_under_way() {
    fs rollout status --json --state-dir "$STATE" |
        jq -e '[.rollouts[] | "\(.service) \(.step)"] | sort == ["api 1", "web 1"]'
}

one_of_two() {
    ask abort
    rollout_is rolled_back
    fs rollout status api --json --state-dir "$STATE" | jq -e '.rollouts[0].state == "running"'
    equals "$(weights_of api)" "stable=5000 canary=5000" "api's weights"
    fs history api --state-dir "$STATE" | grep -c . | grep -x 2
    fs rollout status --state-dir "$STATE" | grep -E 'web|api'
}

now_ms() {
    echo $(($("$PEER" now) / 1000000))
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(for i in 1 2 3 4; do server l$i; done)
fs --quiet attach lb0
afresh web 0
silent_plan pause
controller
check "no_traffic: after that time without a connection it pauses; resume gives it as long again" pauses_without_traffic
controller_end
afresh web 0
silent_plan rollback
controller
check "no_traffic: rollback" rolls_back_without_traffic
controller_end
afresh web 0
silent_plan hold
controller
check "no_traffic: hold" waits_without_traffic
check "a step isn't left with less than the evidence" waits_for_the_rest
check "a step is left with the evidence" left_with_all_of_it
controller_end

afresh web 0
silent_plan hold
background notify lb "$PEER" notify "$TMP/notify.sock"
poll 5 grep -q ready "$TMP/notify.out"
export NOTIFY_SOCKET=$TMP/notify.sock
controller
unset NOTIFY_SOCKET
poll 10 in_step 1
check "its manager is told when it is ready" notified 'ready READY=1'
check "SIGHUP with the same plan changes nothing" rereads_the_same
check "SIGHUP with another plan for a service in a rollout is refused" rereads_another
check "SIGHUP with a file that is wrong says so and goes on" rereads_nonsense
check "SIGHUP with another plan after the end begins it, once" rereads_after_the_end
stop_ms=$(now_ms)
controller_end
check "SIGTERM ends it at once, and nothing of it is left" stopped "$stop_ms" "$(now_ms)"
controller
check "a new one goes on with what the journal has under way" begun_once
controller_end

afresh two
silent_plan hold
sed 's/service: web/service: api/' "$PLAN" >"$TMP/api.yaml"
RUN=("$TMP/api.yaml")
controller
check "a controller conducts the plans of several files" poll 10 both_under_way
check "what happens to one service's rollout is nothing to the other's" one_of_two
controller_end
done_testing
