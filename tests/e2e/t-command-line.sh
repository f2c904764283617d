#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The command line: help, version, quiet, watch, and the JSON fields that others rely on.
# Not in VMs: words, files and numbers in and out.
. "$(dirname "$0")/lib.sh"

web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=95%:$(backends 4 l1 r1)" "canary=5%:$(backends 4 l2)"
}

# says_on_stdout PATTERN ARGUMENTS...
says_on_stdout() {
    local pattern=$1
    shift
    fs "$@" >"$TMP/said" 2>"$TMP/words"
    [ ! -s "$TMP/words" ] || fail "on stderr: $(cat "$TMP/words")"
    grep -qE -- "$pattern" "$TMP/said" || fail "no /$pattern/ in: $(cat "$TMP/said")"
}

silent() {
    fs --quiet "$@" >"$TMP/said" 2>&1
    [ ! -s "$TMP/said" ] || fail "said: $(cat "$TMP/said")"
}

help_of_each() {
    local command
    for command in attach detach apply lint delete set status explain reasons help version; do
        says_on_stdout "$command" help $command
        fs help | grep -q "$command" || fail "help doesn't list $command"
    done
}

status_fields() {
    fs status --json >"$TMP/status"
    jq -e '
        (.interfaces | length == 1 and (.[0] | .name == "lb0" and .mode == "native")) and
        (.services | length == 1) and (.services[0] |
            .name == "web" and .vip == "10.77.0.100:80/tcp" and .mode == "nat" and
            .affinity == "flow" and .baseline == "stable" and .moving_buckets == 0 and
            .tracked_buckets == 0 and .flow_entries == 0 and (.generation | type == "number") and
            (.versions | length == 2) and
            ([.versions[] | [.name, .weight_bp, .buckets]] | sort ==
                [["canary", 500, 500], ["stable", 9500, 9500]]) and
            all(.versions[]; (.packets, .bytes, .new_flows | type == "number") and
                all(.backends[]; (.address | type == "string") and
                    (.packets, .bytes, .new_flows | type == "number"))))
    ' "$TMP/status" || fail "$(cat "$TMP/status")"
}

counters_add_up() {
    peer_in c load --to "$VIP4:80" "${SOURCES[@]}" --count 200
    fs status --json >"$TMP/status"
    jq -e '.services[0].versions | all(.[]; . as $v | all(("packets", "bytes", "new_flows");
        . as $k | $v[$k] == ([$v.backends[][$k]] | add)))' "$TMP/status" || fail "$(cat "$TMP/status")"
    [ "$(jq '[.services[0].versions[].new_flows] | add' "$TMP/status")" -ge 200 ] || fail "too few flows"
}

# Deleted and applied again, a service begins at zero.
counters_begin_at_zero() {
    fs --quiet delete web
    apply_services web
    equals "$(status '[.services[0].versions[] | .packets + .new_flows] | add')" 0 "packets and flows"
}

generation_rises() {
    local before
    before=$(of web .generation)
    fs --quiet set web canary=6%
    [ "$(of web .generation)" -gt "$before" ] || fail "generation $before -> $(of web .generation)"
}

one_service_only() {
    fs status web --json | jq -e '.services | length == 1 and .[0].name == "web"'
    fs status web | grep -q canary
}

# It goes on until it is told to end, and shows what changed.
watch_shows_changes() {
    local pid
    nsenter --net="/run/netns/$ID-lb" -- "$FLOWSPLIT" --pin-dir "$PIN" status --watch >"$TMP/watched" 2>&1 &
    pid=$!
    PIDS+=("$pid")
    poll 10 grep -q canary "$TMP/watched"
    fs --quiet set web canary=43.21%
    poll 10 grep -q '43[.]21' "$TMP/watched"
    kill -TERM $pid
    poll 10 eval "! kill -0 $pid"
}

reasons_in_json() {
    fs reasons --json | tee "$TMP/reasons" | jq -e '.. | objects | select(has("name"))' >/dev/null ||
        fail "$(cat "$TMP/reasons")"
}

topology_routed
serve_all
apply_services web
fs --quiet attach lb0
check "help lists the commands" says_on_stdout explain help
check "each command has its help" help_of_each
check "--help is help" says_on_stdout explain --help
check "version is shown" says_on_stdout '[0-9]+\.[0-9]+' version
check "status --json has the promised fields" status_fields
check "a version's counters are the sum of its backends'" counters_add_up
check "counters of a service that was made anew begin at zero" counters_begin_at_zero
check "a change makes a new generation" generation_rises
check "status of one service" one_service_only
check "status --watch shows changes until it is ended" watch_shows_changes
check "reasons are shown" says_on_stdout '[a-z]' reasons
check "reasons as JSON" reasons_in_json
check "set --quiet says nothing" silent set web canary=7%
check "apply --quiet says nothing" silent apply "$TMP/services.yaml"
check "detach --quiet says nothing" silent detach lb0
check "attach --quiet says nothing" silent attach lb0
done_testing
