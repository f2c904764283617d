#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `flowsplit lint` says of files what `apply` and `run` would, without root and without an instance; a rollout in a file
# of services doesn't disturb `apply`.
# Not in VMs: only files are read.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

# plan_with LINE-NUMBER LINE: the plan that the others are made from, with one line replaced (an empty one: left out).
plan_with() {
    cat <<-END | awk -v n="$1" -v line="$2" 'NR == n { if (line != "") print line; next } { print }'
	rollout:
	  service: one
	  version: canary
	  steps:
	    - set: {canary: 6%}
	      hold: 5m
	    - ramp: {to: 50%, by: double, every: 5m}
	    - pause
	    - set: {canary: 100%}
	  evidence: 500 connections
	  compare:
	    - connect_failures <= baseline + 0.5%
	  checks:
	    - exec: {command: [./smoke.sh, "{{version}}"]}
	END
}

services() {
    cat <<-END
	services:
	  - name: one
	    vip: 10.1.0.1:80/tcp
	    baseline: stable
	    versions:
	      - name: stable
	        weight: 95%
	        backends: [10.1.1.1:8080, 10.1.1.2:8080]
	      - name: canary
	        weight: 5%
	        backends: [10.1.2.1:8080]
	END
}

# Nobody has no rights, and the instance isn't there.
lint() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$TMP/flowsplit" --pin-dir "$PIN/nosuch" lint "$@"
}

# says WANTED ARGUMENTS...: on stdout, and nothing on stderr.
says() {
    local wanted=$1
    shift
    lint "$@" >"$TMP/said" 2>"$TMP/words"
    equals "$(cat "$TMP/words")" '' "stderr"
    equals "$(cat "$TMP/said")" "$wanted" "stdout"
}

# fails WANTED ARGUMENTS...: on stderr, and nothing on stdout, with exit code 1.
fails() {
    local wanted=$1 code=0
    shift
    lint "$@" >"$TMP/said" 2>"$TMP/words" || code=$?
    equals "$code" 1 "the exit code"
    equals "$(cat "$TMP/said")" '' "stdout"
    equals "$(cat "$TMP/words")" "$wanted" "stderr"
}

# json_says FILTER ARGUMENTS...: true of the list of values that are printed, whatever the exit code.
json_says() {
    local filter=$1
    shift
    lint "$@" --json >"$TMP/said" 2>"$TMP/words" || true
    equals "$(cat "$TMP/words")" '' "stderr"
    jq -es "$filter" "$TMP/said" >/dev/null || fail "not $filter: $(cat "$TMP/said")"
}

misused() {
    local code=0
    lint "$@" >/dev/null 2>"$TMP/words" || code=$?
    equals "$code" 2 "the exit code"
    grep -q "usage: flowsplit lint" "$TMP/words" || fail "$(cat "$TMP/words")"
}

both_results() {
    local code=0
    lint "$TMP/plan.yaml" "$TMP/bad.yaml" "$TMP/services.yaml" >"$TMP/said" 2>"$TMP/words" || code=$?
    equals "$code" 1 "the exit code"
    equals "$(wc -l <"$TMP/said") $(wc -l <"$TMP/words")" "2 1" "the numbers of lines"
}

# plan_refused SENTENCE PATTERN LINE-NUMBER LINE: by lint, and by apply behind services.
plan_refused() {
    plan_with "$3" "$4" >"$TMP/bad.yaml"
    check "$1 is refused" is_refused 1 "^flowsplit: $TMP/bad.yaml:$2" lint "$TMP/bad.yaml"
    services_and "$3" "$4"
    check "$1 is refused by apply, too" is_refused 1 "^flowsplit: $TMP/bad.yaml:[0-9]+:[0-9]+: " fs apply "$TMP/bad.yaml"
}

# services_and LINE-NUMBER LINE: the plan behind services.
services_and() {
    { services; plan_with "$@"; } >"$TMP/bad.yaml"
}

applies_both() {
    fs --quiet apply "$TMP/both.yaml"
    fs status --json | jq -e '[.services[] | .name, .versions[].weight_bp] == ["one", 9500, 500]' >/dev/null
}

# The plan that the documentation shows.
documented() {
    awk '/^```yaml$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$ROOT_DIR/docs/rollouts.md" >"$TMP/documented.yaml"
    says "$TMP/documented.yaml: ok: a rollout of web/canary in 5 steps, at least 45m" "$TMP/documented.yaml"
    grep -qF ": ok: a rollout of web/canary in 5 steps, at least 45m" "$ROOT_DIR/docs/rollouts.md" || fail "not said"
}

topology_routed
apply_services good_services
chmod 755 "$TMP"
install -m 755 "$FLOWSPLIT" "$TMP/flowsplit"
plan_with 0 '' >"$TMP/plan.yaml"
services >"$TMP/services.yaml"
cat "$TMP/services.yaml" "$TMP/plan.yaml" >"$TMP/both.yaml"
plan_with 5 '    - set: {canary: 101%}' >"$TMP/bad.yaml"
readonly rollout="a rollout of one/canary in 4 steps, at least"
readonly message="$TMP/bad.yaml:5:21: weight \"101%\" is above 100%; a weight is from 0% to 100% in steps of 0.01%, as in 5% or 0.25%"

check "a plan is fine" says "$TMP/plan.yaml: ok: $rollout 25m" "$TMP/plan.yaml"
check "services are fine" says "$TMP/services.yaml: ok: 1 service" "$TMP/services.yaml"
check "both in one file are fine" says "$TMP/both.yaml: ok: 1 service, $rollout 25m" "$TMP/both.yaml"
check "standard input is fine" says "standard input: ok: $rollout 25m" - <"$TMP/plan.yaml"
check "quiet says nothing" says '' --quiet "$TMP/both.yaml"
check "what is wrong is said once, with its place" fails "flowsplit: $message" "$TMP/bad.yaml"
check "quiet says what is wrong" fails "flowsplit: $message" --quiet "$TMP/bad.yaml"
check "each of several files is looked at" both_results
check "a file that isn't there" fails "flowsplit: can't open $TMP/nosuch: No such file or directory" "$TMP/nosuch"
check "the plan in docs/rollouts.md is fine, and said to be" documented
check "no file is misuse" misused
check "an option of other commands is misuse" misused --all "$TMP/plan.yaml"
check "as JSON, what is fine" json_says ". == [{file: \"$TMP/both.yaml\", ok: true, services: 1,
    rollout: {service: \"one\", version: \"canary\", steps: 4, least_ms: 1500000}}]" "$TMP/both.yaml"
check "as JSON, services alone" json_says '.[0] | .ok and .services == 1 and .rollout == null' "$TMP/services.yaml"
check "as JSON, what is wrong" json_says ".[0] | .ok == false and .error == $(jq -R . <<<"$message")" "$TMP/bad.yaml"
check "as JSON, a value for each file" json_says 'map(.ok) == [true, false]' "$TMP/plan.yaml" "$TMP/bad.yaml"

plan_refused "an unknown key" '2:3: .*servce' 2 '  servce: one'
plan_refused "a plan without a version" '2:3: .*version' 3 ''
plan_refused "a step that isn't known" '8:7: .*wait' 8 '    - wait'
plan_refused "a ramp without a time" '7:13: .*every' 7 '    - ramp: {to: 50%, by: double}'
plan_refused "a rule that isn't one" '12:7: .*column 18.*>' 12 '    - connect_failures > 1%'
plan_refused "an unknown template" '14:36: .*verson.*version' 14 '    - exec: {command: [./smoke.sh, "{{verson}}"]}'
plan_refused "evidence without a number" '10:13: .*much' 10 '  evidence: much'
services_and 3 '  version: blue'
check "a version that the service hasn't" fails \
    "flowsplit: $TMP/bad.yaml:14:12: service \"one\" has no version \"blue\"; it has stable, canary" "$TMP/bad.yaml"
services_and 2 '  service: two'
check "a service that the file hasn't" fails \
    "flowsplit: $TMP/bad.yaml:13:12: service \"two\" is none of this file's services; it has one" "$TMP/bad.yaml"
services_and 5 '    - set: {canary: 6%, stable: 90%}'
check "weights that can't be set" fails "flowsplit: $TMP/bad.yaml:16:7: step 1: the weights of service \"one\", with\
 those kept, come to 96%; with the baseline \"stable\" named they must come to 100%" "$TMP/bad.yaml"
refused "apply refuses a file with a rollout only" 1 "plan\.yaml:2:3: .*flowsplit run" apply "$TMP/plan.yaml"
check "apply declares the services of a file with both" applies_both
done_testing
