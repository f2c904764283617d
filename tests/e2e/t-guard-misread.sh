#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What looks like a failure and is none: bodies that say what a failing response says, requests that come slowly.
# Seldom in VMs: the packet tests say the same to the programs there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

# Of the body that looks like answers; packets of the size of its pieces, so that each begins with one of them.
PIECE=500 # of these, ten are read at a time
BODY=99500
TIMES=6

watched() {
    printf '    sample: 1/1\n    http: true\n'
    rules 'http_5xx > 1%' 'p99 response_time > 200ms'
    echo '      clients: 1'
}

# on_connection SERVICE FUNCTION: with the connection as 3.
on_connection() {
    local at
    at=$(vip_of "$1")
    at=${at%:*}
    # shellcheck disable=SC2016 # for the inner shell
    in_ns c bash -c "$(declare -f "$2")"' && exec 3<>"/dev/tcp/$0/$1" && '"$2 $PIECE $BODY" "${at//[][]/}" "$(port_of "$1")"
}

port_of() {
    case $1 in
    local*) echo 80 ;;
    *) echo 81 ;;
    esac
}

# While the client says something now and then, that may be taken for requests.
download() {
    local got
    printf 'GET / HTTP/1.1\r\n\r\n' | cat >&3 # at once: bash writes line by line
    for ((got = 0; got < $1 + $2; got += 10 * $1)); do
        head -c $((10 * $1)) <&3 >/dev/null
        ((got % (40 * $1))) || printf '\n' >&3
    done 2>/dev/null
}

# Two requests, each in two parts, with a pause that is the client's.
slow_upload() {
    local i
    for i in 1 2; do
        printf 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab' | cat >&3
        sleep 0.4
        printf 'cd' >&3
        head -c $(($1 + $2)) <&3 | wc -c | grep -qx $(($1 + $2)) || return 1
    done
}

# misread SERVICE FUNCTION RESPONSES: as many are seen on each connection, and nothing bad.
misread() {
    local i before
    before=$(health "$1" canary '.http["2xx"]')
    for ((i = 0; i < TIMES; i++)); do
        on_connection "$1" "$2" || fail "connection $i"
    done
    health "$1" canary '{http, guard}'
    equals $(($(health "$1" canary '.http["2xx"]') - before)) $((TIMES * $3)) "good responses"
    equals "$(health "$1" canary '.http | .["1xx"] + .["3xx"] + .["4xx"] + .["5xx"]')" 0 "others"
    no_bad_outcome "$1" canary
}

topology_routed
# Packets that begin where pieces do: the options take 12 bytes of each.
ip_in c route change default via $LB4 advmss $((PIECE + 12))
ip_in c route replace 10.77.0.0/16 dev c0 advmss $((PIECE + 12))
ip_in c -6 route replace fd77::/32 dev c0 advmss $((PIECE + 12)) metric 1
# shellcheck disable=SC2046 # words are wanted
faulty lb --body $BODY $(at l1 l2)
# shellcheck disable=SC2046
faulty b1 --body $BODY $(at r1)
# shellcheck disable=SC2046
faulty b2 --body $BODY $(at r2)
for mode in native tc; do
    guarded_for "$mode"
    fs --quiet attach lb0 --mode "$mode"
    apply_anew all_guarded 100 watched
    for service in "${GUARDED[@]}"; do
        check "mode $mode, $service: bodies that say HTTP/1.1 500 are none" misread "$service" download 1
        check "mode $mode, $service: the time that a request takes isn't the answer's" misread "$service" slow_upload 2
    done
    fs --quiet detach lb0
done
done_testing
