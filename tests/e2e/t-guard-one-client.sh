#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One client withdraws no version, by whatever signal, though all that it gets is bad; several do.
# Seldom in VMs: the packet tests count clients there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

ONE=(--bind 10.77.1.1 --bind fd77:0:1::1)
OTHERS=(--bind 10.77.1.2-10.77.1.5 --bind fd77:0:2::1-fd77:0:5::1)
TIMES=30
# More than wait for a server that serves one at a time, and hasn't done with the first.
IDLE=12
QUEUE=3

rule=
guarded() {
    printf '    sample: 1/1\n    http: true\n'
    rules "$rule"
    [[ $rule != close_wait* ]] || echo '      close_wait_after: 1s'
}

# servers ARGUMENTS...: the canaries.
servers() {
    # shellcheck disable=SC2046 # words are wanted
    faulty lb "$@" $(at l2)
    local_server=$FAULTY
    # shellcheck disable=SC2046
    faulty b2 "$@" $(at r2)
}

servers_end() {
    background_end "$local_server" TERM
    background_end "$FAULTY" TERM
}

# asks SERVICE SOURCES...: what comes of it is the guard's to say.
asks() {
    peer_in c http --to "$(vip_of "$1")" "${@:2}" --count $TIMES --exchanges 1 --timeout 2 --concurrency 4 || true
}

# idles SERVICE SOURCES...: connections that are open, or would be.
idles() {
    background idle c "$PEER" hold --to "$(vip_of "$1")" "${@:2}" --count $IDLE --interval 60000 --timeout 4
    background_end idle
}

bad_at_least() {
    score "$1" canary "$rule" .bad >"$TMP/bad"
    [ "$(cat "$TMP/bad")" -ge "$2" ]
}

# one SERVICE COMMAND LEAST: there is evidence, of one client.
one() {
    "$2" "$1" "${ONE[@]}"
    poll 5 bad_at_least "$1" "$3" || fail "no evidence: $(health "$1" canary '{handshakes, guard}')"
    sleep 0.5
    score "$1" canary "$rule" .
    score "$1" canary "$rule" '.clients == 1' || fail "not one client"
    health "$1" canary '.tripped == null and (.withdrawn | not)' || fail "withdrawn"
}

several() {
    "$2" "$1" "${OTHERS[@]}"
    poll 5 is_withdrawn "$1" || fail "not withdrawn: $(health "$1" canary .guard)"
}

# cases MODE RULE COMMAND LEAST SERVER-ARGUMENTS...
cases() {
    local mode=$1 command=$3 least=$4 service
    rule=$2
    if [[ $rule == close_wait* ]]; then # sockets are seen where they are
        GUARDED=(local4 local6)
    elif [ "$mode" = native ]; then
        GUARDED=(local4 remote6)
    else
        GUARDED=(local6 remote4)
    fi
    fs --quiet attach lb0 --mode "$mode"
    servers "${@:5}"
    apply_anew all_guarded 100 guarded
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service, $rule: one client withdraws nothing" one "$service" "$command" "$least"
        check "mode $mode, $service, $rule: several do" several "$service" "$command"
    done
    servers_end
    fs --quiet detach lb0
}

# Those who haven't been served tell nothing by being left unanswered.
served_and_idle() {
    peer_in c load --to "$(vip_of "$1")" "${@:2}" --count 8 --timeout 4 >/dev/null 2>&1 || true
    idles "$@"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
faulty lb $(at l1)
# shellcheck disable=SC2046
faulty b1 $(at r1)
cases native 'resets > 1%' asks 20 --reset 100
cases tc 'http_5xx > 1%' asks 20 --http-500 100
cases native 'p99 response_time > 50ms' asks 20 --slow 100 --delay 80
cases tc 'connect_failures > 1%' served_and_idle 4 --queue $QUEUE
# What a rule needs all services to have.
all_guarded() {
    local family
    for family in 4 6; do
        service local$family "$(vip $family 80/tcp)" flow 5m stable "stable=0%:$(backends $family l1)" \
            "canary=100%:$(backends $family l2)"
        guarded
    done
}
cases native 'close_wait > 5%' asks 20 --leak 100
done_testing
