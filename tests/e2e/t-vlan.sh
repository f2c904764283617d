#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Clients behind one or two VLAN tags are served, whether the tag is in the packet or beside it.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/matrix.sh"

# tag NAMESPACE DEVICE TAGS
tag() {
    if [ "$3" = 1 ]; then
        ip_in "$1" link add link "$2" name "$2.20" type vlan id 20
    else
        ip_in "$1" link add link "$2" name "$2.10" type vlan proto 802.1ad id 10
        ip_in "$1" link set "$2.10" up
        ip_in "$1" link add link "$2.10" name "$2.20" type vlan id 20
    fi
    ip_in "$1" link set "$2.20" mtu 1500 up
}

# tagged_link TAGS on|off
tagged_link() {
    # Room for tags that are in the packet.
    ip_in c link set c0 mtu 1508
    ip_in lb link set lb0 mtu 1508
    in_ns c ethtool -K c0 txvlan "$2" tx-vlan-stag-hw-insert "$2" >/dev/null
    in_ns lb ethtool -K lb0 txvlan "$2" tx-vlan-stag-hw-insert "$2" >/dev/null
    tag c c0 "$1"
    tag lb lb0 "$1"
}

vlan_known() {
    ns_add vlan
    ip_in vlan link add v0 type veth peer name v1
    ip_in vlan link add link v0 name v0.20 type vlan id 20 2>/dev/null
}

if ! vlan_known; then
    skip "clients behind VLAN tags are served" "this kernel has no 802.1Q devices"
    done_testing
    exit
fi
CLIENT_DEV=c0.20
LB_DEV=lb0.20
for tags in 1 2; do
    for offload in on off; do
        topology_routed_with tagged_link $tags $offload
        serve_all
        apply_services matrix_services
        for mode in native generic tc; do
            # In VMs not all: generic parses as native does.
            case $FS_VM$mode$tags$offload in 1generic2* | 1native?on) continue ;; esac
            check "attach --mode $mode to the device below" fs attach lb0 --mode $mode
            # XDP doesn't see a tag beside the packet: what it redirects may go out with the tag, to nobody. What it
            # leaves to the stack is right.
            MATRIX_PLACES="l r"
            [ $offload$mode = ontc ] || [ $offload = off ] || MATRIX_PLACES=l
            matrix_check "$tags tags, tag offload $offload, mode $mode"
            fs --quiet detach lb0
        done
        topology_down
    done
done
done_testing
