#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A plan's checks: commands that are good, bad or hang, and a real Prometheus that scrapes the controller.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"
. "$E2E_DIR/prometheus.sh"

LOST_S=3
METRICS_AT=127.0.0.1:9911
ERRORS='sum(flowsplit_http_responses_total{service="{{service}}",version="{{version}}",code="5xx"} or vector(0))'

# checked_plan: the checks come by standard input.
checked_plan() {
    {
        cat <<END
  steps:
    - set: {canary: 20%}
      hold: 1s
    - set: {canary: 50%}
      hold: 1h
  evidence: 0
  heartbeat: {lost_after: ${LOST_S}s, then: hold}
  checks:
END
        cat
    } | plan canary
}

# Does what is asked for in $TMP/wish, and writes down what it was asked.
script() {
    cat >"$TMP/smoke.sh" <<END
#!/bin/bash
echo "\$FLOWSPLIT_SERVICE/\$FLOWSPLIT_VERSION \$*" >>$TMP/asked
case \$(cat $TMP/wish) in
good) echo all is well; exit 0 ;;
bad) echo two of three are down; exit 1 ;;
esac
sleep 4242 &
echo "\$\$ \$!" >>$TMP/hanging
wait
END
    chmod +x "$TMP/smoke.sh"
}

exec_check() {
    checked_plan <<END
    - exec: {command: [$TMP/smoke.sh, "{{version}}", "of {{service}}"], every: 1s}
END
}

prometheus_check() { # URL QUERY FAIL
    checked_plan <<END
    - prometheus:
        url: $1
        query: '$2'
        every: 1s
        fail: "$3"
END
}

begin() { # WISH
    echo "$1" >"$TMP/wish"
    afresh web 0
    controller
    poll 10 in_step 1
}

good_is_left() {
    poll 10 in_step 2
    sort -u "$TMP/asked"
    equals "$(sort -u "$TMP/asked")" "web/canary canary of web" "what the command was asked"
    equals "$(rollout '.checks[0] | .answer + ": " + .text')" "good: all is well" "the check in status"
}

rolls_back() { # WORDS
    ends_with 1
    rollout '{why, checks}'
    rollout '.state == "rolled_back" and (.why | test("^check 1 fails: '"$1"'"))' || fail "$(rollout .why)"
    equals "$(weights_of web)" "stable=10000 canary=0" "the weights"
    is_withdrawn web || fail "not withdrawn"
}

nothing_asked_any_more() {
    local before
    sleep 2 # for what had been asked before
    before=$(wc -l <"$TMP/asked")
    sleep 3
    equals "$(wc -l <"$TMP/asked")" "$before" "how often it was asked"
}

# no_answer STEP WORDS: it is shown first; after lost_after, the rollout pauses.
no_answer() {
    poll 10 rollout '.checks[0].answer == "no answer"'
    rollout '{state, why, checks}'
    poll 10 in_step "$1" paused
    rollout '{state, why, checks}'
    rollout '.why | startswith("check 1 has no answer: '"$2"'")' || fail "why: $(rollout .why)"
    rollout '.checks[0].text | startswith("'"$2"'")' || fail "text: $(rollout '.checks[0].text')"
    equals "$(weights_of web)" "stable=8000 canary=2000" "the weights"
    journal 'map(select(.what == "advancing" or .what == "paused") | .time | (.[0:19] + "Z" | fromdate)) | .[1] - .[0] >= '$LOST_S' - 1' ||
        fail "too soon"
}

goes_on_when_good() {
    echo good >"$TMP/wish"
    poll 10 rollout '.checks[0].answer == "good"'
    rollout_is paused
    ask resume
    poll 10 in_step 2
}

none_left() {
    local hook child
    while read -r hook child; do
        ! kill -0 "$hook" 2>/dev/null || fail "a command"
        ! kill -0 "$child" 2>/dev/null || fail "its child"
    done <"$TMP/hanging"
}

prometheus_is_good() {
    poll 20 in_step 2
    rollout .checks
    equals "$(rollout '.checks[0] | .answer + ": " + .text')" "good: 0, fails if > 0" "the check in status"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
SERVE=serve$serve_count
fs --quiet attach lb0
script
exec_check
begin good
check "a step is left when its command is good; names are put in" good_is_left
echo bad >"$TMP/wish"
check "a command that says no rolls it back" rolls_back 'two of three are down'
check "when it has ended, nothing is asked any more" nothing_asked_any_more
controller_end
begin hang
check "a command that hangs is no answer; it is shown, and after lost_after pauses" no_answer 1 'timed out after 1.0'
check "when it is good again, resume goes on" goes_on_when_good
check "commands that hung were killed with their children" poll 5 none_left
controller_end

RUN=(--metrics "$METRICS_AT")
prometheus_check http://127.0.0.1:1 'vector(0)' '> 0'
begin good
check "a Prometheus that is not there is no answer, and pauses" no_answer 1 ''
prometheus_start lb $METRICS_AT
check "Prometheus scrapes the controller" poll 20 prometheus_says lb 'up' 1
controller_end
prometheus_check http://$PROMETHEUS_AT 'nothing_of_this_name' '> 0'
begin good
check "a query that gives no series is no answer, and pauses" no_answer 1 'no series: nothing matches'
controller_end
prometheus_check http://$PROMETHEUS_AT 'vector(1) or on(x) label_replace(vector(2), "x", "y", "", "")' '> 0'
begin good
check "a query that gives several series is no answer, and pauses" no_answer 1 '2 series, and one is needed'
controller_end
prometheus_check http://$PROMETHEUS_AT 'sum(' '> 0'
begin good
check "a query that Prometheus refuses is no answer, and pauses" no_answer 1 'HTTP status 400, bad_data: '
controller_end
load
prometheus_check http://$PROMETHEUS_AT "$ERRORS" '> 0'
begin good
check "a version without errors in Prometheus goes on" prometheus_is_good
background_end "$SERVE" TERM
# shellcheck disable=SC2046
serve lb $(server l1)
# shellcheck disable=SC2046
serve lb --http-500 $(server l2)
check "a version with errors in Prometheus is rolled back" rolls_back '[0-9.]*, fails if > 0'
background_end load TERM
controller_end
done_testing
