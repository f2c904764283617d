#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Two instances with pin directories of their own live side by side.
# Not in VMs: pin directories are names to a kernel, one like the other.
. "$(dirname "$0")/lib.sh"

first() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)"
}

# The same name, for clients on the side of b1.
second() {
    service web 10.78.1.1:80/tcp flow 5m stable "stable=100%:$(backends 4 l3)" "canary=0%:$(backends 4 l4)"
}

answers() { # NAMESPACE TARGET NAME
    equals "$(peer_in "$1" ask --to "$2")" "$3" "who answers"
}

interfaces() {
    fs status --json | jq -r '.interfaces | map("\(.name)=\(.mode)") | join(" ")'
}

topology_routed
serve_all
TWO=$PIN-two
apply_services first
fs --quiet attach lb0
AT=$TWO apply_services second
AT=$TWO check "a second instance attaches to another interface" fs attach lb1 --mode tc
check "the first shows its own interface" equals "$(interfaces)" lb0=native
check "the second shows its own" equals "$(AT=$TWO interfaces)" lb1=tc
check "the first's clients are served by the first" answers c "$VIP4:80" l1
check "the second's by the second" answers b1 10.78.1.1:80 l3
AT=$TWO fs --quiet set web canary=100%
check "a weight set in the second changes the second" answers b1 10.78.1.1:80 l4
check "and not the first" answers c "$VIP4:80" l1
check "nor its table" equals "$(weights_of web)" "stable=10000 canary=0"
hold live c --to "$VIP4:80" "${SOURCES[@]}" --count 10 --interval 100
AT=$TWO check "detach --all of the second" fs detach --all
check "leaves the first attached" equals "$(interfaces)" lb0=native
check "and serving" answers c "$VIP4:80" l1
AT=$TWO check "delete in the second" fs delete web
check "leaves the first's service" answers c "$VIP4:80" l1
background_end live TERM
check "connections of the first lived on" held live 10
done_testing
