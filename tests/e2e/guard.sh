# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the tests of observation and guard share: guards in files of services, servers that fail, and
# what status and events say of a version.

# rules RULE...: to follow `service`; further keys of the guard may follow, with six blanks.
rules() {
    printf '    guard:\n      rules:\n'
    printf '        - %s\n' "$@"
}

# In the four services of all_guarded: both families, local backends on port 80, remote ones on 81.
# l1 and r1 are the baseline, l2 and r2 the canary.
GUARDED=(local4 local6 remote4 remote6)

# What outcomes count for is asked of either mode by the packet tests in VMs, too; there one mode is enough for a test.
# guarded_for MODE: in VMs half of them, in modes native and tc not the same ones.
guarded_for() {
    [ "$FS_VM" = 0 ] || case $1 in
    tc) GUARDED=(local6 remote4) ;;
    *) GUARDED=(local4 remote6) ;;
    esac
}

# all_guarded SHARE-OF-CANARY COMMAND...: whose output follows each service.
all_guarded() {
    local share=$1 family
    shift
    for family in 4 6; do
        service local$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=$((100 - share))%:$(backends $family l1)" "canary=$share%:$(backends $family l2)"
        "$@"
        service remote$family "$(vip $family 81/tcp)" flow 5m stable \
            "stable=$((100 - share))%:$(backends $family r1)" "canary=$share%:$(backends $family r2)"
        "$@"
    done
}

# vip_of SERVICE: of all_guarded.
vip_of() {
    case $1 in
    local*) vip "${1: -1}" 80/tcp ;;
    *) vip "${1: -1}" 81/tcp ;;
    esac
}

# apply_anew FUNCTION-OR-COMMAND...: with nothing left of what was seen before.
apply_anew() {
    local name
    for name in $(status '.services[].name' 2>/dev/null || true); do
        fs --quiet delete "$name"
    done
    apply_services "$@"
}

# faulty NAMESPACE ARGUMENTS...: returns when it listens; its tag is in FAULTY.
faulty_count=0
FAULTY=
faulty() {
    local name=$1
    shift
    FAULTY=faulty$((faulty_count += 1))
    background $FAULTY "$name" "$PEER" faulty "$@"
    poll 10 grep -q ready "$TMP/$FAULTY.out" || fail "$(cat "$TMP/$FAULTY.err")"
}

# at BACKEND...: both families' addresses, for faulty.
at() {
    local name
    for name; do
        printf -- '--at %s --at %s ' "$(backend 4 "$name")" "$(backend 6 "$name")"
    done
}

# health SERVICE VERSION FILTER
health() {
    of "$1" ".versions[] | select(.name == \"$2\") | .health | $3"
}

# score SERVICE VERSION RULE FILTER: the rule by the beginning of its text.
score() {
    health "$1" "$2" ".guard[] | select(.rule | startswith(\"$3\")) | $4"
}

is_withdrawn() {
    [ "$(health "$1" "${2:-canary}" .withdrawn)" = true ]
}

# trip_of SERVICE [FILTER]: its last trip, from the events.
trip_of() {
    events | jq -es --arg s "$1" \
        'map(select(.service == $s and .trip)) | last | .trip | '"${2:-.}"
}

# A trip's moments come in their order: the last new flow is not after it, the first diverted not
# before it.
moments_in_order() {
    trip_of "$1"
    trip_of "$1" '.first_bad_ns > 0 and .first_bad_ns <= .trip_ns and .last_new_ns > 0
        and .last_new_ns <= .trip_ns and .first_diverted_ns >= .trip_ns' || fail "not in order"
}

# score_zero SERVICE VERSION: of all its rules, with no bad outcome.
no_bad_outcome() {
    health "$1" "$2" .guard
    health "$1" "$2" '[.guard[] | .bad == 0 and .score == 0] | all' || fail "bad outcomes"
    health "$1" "$2" '.tripped == null and (.withdrawn | not)' || fail "tripped"
}

no_process() {
    local pids
    pids=$(pgrep -f -- "--pin-dir $PIN" || true)
    [ -z "$pids" ] || fail "left: $(ps -o pid,args -p "${pids//$'\n'/,}")"
}
