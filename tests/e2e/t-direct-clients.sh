#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A backend's own address stays usable, by the same source as the VIP, by this host, before and after attaching.
# Seldom in VMs: the packet tests have direct clients there, too.
. "$(dirname "$0")/lib.sh"

SOURCE=(--bind 10.77.1.1 --bind fd77:0:1::1)
NAMES="l1 l2 r1 r2"
FAMILIES="4 6"
INTERVAL_MS=$(scaled 100 2000)

both_families() {
    local family protocol
    for family in 4 6; do
        for protocol in tcp udp; do
            service $protocol$family "$(vip $family 80/$protocol)" flow 5m stable \
                "stable=50%:$(backends $family l1 r1)" "canary=50%:$(backends $family l2 r2)"
        done
    done
}

# Of a list of names: --to for each, in both families.
own_addresses() { # SUFFIX NAME...
    local suffix=$1 name family
    shift
    for name in "$@"; do
        for family in 4 6; do
            echo "--to $(backend $family "$name")$suffix"
        done
    done
}

# direct_hold TAG NAMESPACE SUFFIX: live connections to the backends' own addresses.
direct_hold() {
    local sources=("${SOURCE[@]}")
    [ "$2" = c ] || sources=()
    # shellcheck disable=SC2046 # words are wanted
    hold "$1" "$2" $(own_addresses "$3" l1 l2 r1 r2) "${sources[@]}" --count 16 --interval "$INTERVAL_MS"
}

# named NAMESPACE NAME: the one asked by its own address answers.
named() {
    local family
    for family in 4 6; do
        equals "$(peer_in "$1" ask --to "$(backend $family "$2")" --size 5000)" "$2" "who answers"
    done
}

named_udp() {
    local family
    for family in 4 6; do
        equals "$(peer_in "$1" ask --to "$(backend $family "$2")/udp" --size 900)" "$2" "who answers"
    done
}

# One source port, used in turn for the VIP and for the very backend that the VIP chose.
port_in_turn() {
    local family=$1 from=10.77.1.3:6000 round first
    [ "$family" = 4 ] || from='[fd77:0:3::1]:6000'
    for round in 1 2 3; do
        first=$(peer_in c ask --to "$(vip "$family" 80)" --bind "$from" --reset)
        equals "$(peer_in c ask --to "$(backend "$family" "$first")" --bind "$from" --reset)" \
            "$first" "round $round: who answers directly"
    done
}

# For UDP the steered flow is the one that counts, as long as it is fresh: a direct datagram may be forged.
port_direct_first() {
    local family=$1 from=10.77.1.3:6001 name=r1
    [ "$family" = 4 ] || from='[fd77:0:3::1]:6001'
    equals "$(peer_in c ask --to "$(backend "$family" $name)/udp" --bind "$from")" $name "who answers directly"
    peer_in c ask --to "$(vip "$family" 80)/udp" --bind "$from"
}

topology_routed
serve_all
for mode in native tc; do
    # In VMs one by one: these take a process each.
    [ "$FS_VM$mode" != 1native ] || { NAMES="l1 r2" FAMILIES=4; }
    [ "$FS_VM$mode" != 1tc ] || { NAMES="l2 r1" FAMILIES=6; }
    direct_hold early c ''
    direct_hold early-host lb ''
    direct_hold early-udp c /udp
    apply_services both_families
    fs --quiet attach lb0 --mode $mode
    hold vip c --to "$(vip 4 80)" --to "$(vip 6 80)" "${SOURCE[@]}" --count 40 --interval "$INTERVAL_MS"
    hold vip-udp c --to "$(vip 4 80/udp)" --to "$(vip 6 80/udp)" "${SOURCE[@]}" --count 40 --interval "$INTERVAL_MS"
    direct_hold late c ''
    direct_hold late-host lb ''
    direct_hold late-udp c /udp
    for name in $NAMES; do
        check "mode $mode: a client reaches $name at its own address, TCP" named c "$name"
        check "mode $mode: a client reaches $name at its own address, UDP" named_udp c "$name"
        check "mode $mode: this host reaches $name, TCP" named lb "$name"
        check "mode $mode: this host reaches $name, UDP" named_udp lb "$name"
    done
    for family in $FAMILIES; do
        check "mode $mode, v$family: one source port in turn for VIP and backend, TCP" \
            port_in_turn "$family"
        check "mode $mode, v$family: one source port for a backend and then the VIP, UDP" port_direct_first "$family"
    done
    fs --quiet set tcp4 canary=90%
    fs --quiet set tcp6 canary=10%
    sleep "$(scaled 1 3)" # every connection talks after the change, too
    for tag in early early-host late late-host vip early-udp late-udp vip-udp; do
        background_end $tag TERM
    done
    check "mode $mode: direct connections opened before attaching live on" held early 16
    check "mode $mode: this host's own, opened before, too" held early-host 16
    check "mode $mode: direct UDP flows begun before, too" held early-udp 16
    check "mode $mode: direct connections beside those of the VIP live" held late 16
    check "mode $mode: this host's own, too" held late-host 16
    check "mode $mode: direct UDP flows, too" held late-udp 16
    check "mode $mode: VIP connections of the same source live" held vip 40
    check "mode $mode: VIP UDP flows of the same source, too" held vip-udp 40
    fs --quiet detach lb0
    for name in tcp4 tcp6 udp4 udp6; do fs --quiet delete $name; done
done
done_testing
