#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a backend's socket sends again: lost segments count, but not what is for a client that is gone.
# Seldom in VMs: t-guard-loss loses segments there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

CLIENTS=8
# Until the answer comes; time enough to go away before that.
ANSWER_MS=$(scaled 1500 8000)

one_service() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=0%:$(backends 4 l1)" "canary=100%:$(backends 4 l2)"
    rules 'retransmits > 2%'
    echo '      clients: 1' # all of them have one address
}

# Each asks once, reads the answer and closes.
clients_ask() {
    local i
    for ((i = 0; i < CLIENTS; i++)); do
        # shellcheck disable=SC2016 # for the inner shell
        background "client$i" c bash -c 'exec 3<>"/dev/tcp/$0/80" && printf "GET / HTTP/1.1\r\n\r\n" >&3 &&
            head -n 4 <&3' $VIP4
    done
    poll 5 opened "$1"
    sleep 0.5 # until they have asked
}

opened() {
    equals "$(health web canary .connections.opened)" "$1" "opened"
}

# Frames to the address that they had until now are for nobody.
clients_go() {
    ip_in c link set c0 address 02:00:00:00:00:77
}

clients_return() {
    ip_in c link set c0 address "$mac"
}

# bad COUNT [MORE]: outcomes of the rule.
bad() {
    score web canary retransmits '{outcomes, bad, score}'
    score web canary retransmits ".bad == $1" || fail "not $1 bad"
}

repeats_seen() {
    fs conns web --json | jq -e "[.connections[] | select(.retransmits > 2)] | length == $CLIENTS"
}

gone() {
    clients_go
    poll 20 repeats_seen || fail "nothing was sent again: $(fs conns)"
    bad 0
}

# The repeats are the same segment's, and the clients are heard of again.
returned() {
    clients_return
    answered
}

# All that have asked.
answered() {
    local i
    poll 20 closed || fail "$(fs conns)"
    for ((i = 0; i < CLIENTS; i++)); do
        grep -qx ok "$TMP/client$i.out" || fail "client $i has no answer"
    done
}

closed() {
    equals "$(health web canary .connections.open)" 0 "open"
}

# Before, each had sent a segment that arrived; now one that did and one that was lost.
lost() {
    score web canary retransmits '{outcomes, bad}'
    score web canary retransmits ".bad == $CLIENTS and .outcomes == 3 * $CLIENTS" || fail "others"
    is_withdrawn web
}

none_lost() {
    answered
    bad 0
    score web canary retransmits '.outcomes' | grep -qx $CLIENTS || fail "not an outcome each"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
faulty lb --slow 100 --delay "$ANSWER_MS" $(at l1 l2)
mac=$(ip_in c -j link show c0 | jq -r '.[0].address')
apply_services one_service
fs --quiet attach lb0
clients_ask $CLIENTS
check "a segment that arrives is a good outcome" none_lost
clients_ask $((2 * CLIENTS))
check "what is sent again to clients that are gone tells nothing" gone
check "they come back and get it" returned
check "so it had been lost, once for each: the version is withdrawn" lost
done_testing
