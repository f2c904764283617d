#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is lost is counted by segments, also where the kernel hands on and loses many at once.
# Seldom in VMs: a download there is short.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

BODY=$(scaled 20000000 2000000)
LOST=10 # percent of what is handed on
DOWNLOADS=3

watched() {
    rules 'retransmits > 50%'
    echo '      on_trip: report'
}

both_families() {
    local family
    for family in 4 6; do
        service web$family "$(vip $family 80/tcp)" flow 5m stable "stable=0%:$(backends $family l1)" \
            "canary=100%:$(backends $family l2)"
        watched
    done
}

offloads_on() {
    in_ns lb ethtool -K lb0 tx on tso on gso on gro on >/dev/null
    in_ns c ethtool -K c0 tx on tso on gso on gro on >/dev/null
}

# download ADDRESS
download() {
    # shellcheck disable=SC2016 # for the inner shell
    in_ns c bash -c 'exec 3<>"/dev/tcp/$0/80" && printf "GET / HTTP/1.1\r\n\r\n" >&3 && head -c "$1" <&3 | wc -c' \
        "$1" "$BODY"
}

# seen_by_segments SERVICE ADDRESS: the rule's share is near the sockets'; some of what they sent again was for a timer,
# which counts once. By packets it would be a thirtieth.
seen_by_segments() {
    local i
    for ((i = 0; i < DOWNLOADS; i++)); do
        equals "$(download "$2")" "$BODY" "what came"
    done
    health "$1" canary '.connections | {segments, retransmits}'
    score "$1" canary retransmits '{outcomes, bad}'
    health "$1" canary '.connections.retransmits >= 20' || fail "next to nothing was lost"
    # shellcheck disable=SC2016 # variables of jq
    health "$1" canary '(.guard[0] | .bad / .outcomes) as $rule | (.connections | .retransmits / .segments) as $sockets |
        $rule > $sockets / 4 and $rule < $sockets * 2' || fail "the rule sees another share than the sockets do"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
faulty lb --body "$BODY" $(at l1 l2)
offloads_on
apply_services both_families
fs --quiet attach lb0 --mode tc
background loser c "$PEER" pass --dev c0 --whole --lose $LOST
poll 10 grep -q ready "$TMP/loser.out"
check "IPv4: of what is lost, the rule sees what the sockets do" seen_by_segments web4 $VIP4
check "IPv6: of what is lost, the rule sees what the sockets do" seen_by_segments web6 $VIP6
done_testing
