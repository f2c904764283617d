# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# The topologies of the end-to-end tests. In all of them:
#   c        clients: 10.77.1.1 to .60, fd77:0:1::1 to fd77:0:3c::1 (each in a /64 of its own)
#   lb       "this host": runs flowsplit and the local servers l1 to l4
#   b1, b2   remote hosts: servers r1, r3 and r2, r4; they answer by way of lb
# routed: c0--lb0, lb1--b1, lb2--b2. one_armed: all of them on one bridge, lb by lb0 alone.

VIP4=10.77.0.100
VIP6=fd77::64
# What holds the addresses of both ends: another device when the link has tags.
CLIENT_DEV=c0
LB_DEV=lb0
LB4=10.77.0.1
LB6=fd77::1
SOURCES4=10.77.1.1-10.77.1.60
SOURCES6=fd77:0:1::1-fd77:0:3c::1
SOURCES=(--bind "$SOURCES4" --bind "$SOURCES6")
# By host: the addresses of b1 and b2.
declare -A B4=([1]=10.78.1.2 [2]=10.78.2.2)
declare -A B6=([1]=fd78:0:1::2 [2]=fd78:0:2::2)

ns_add() {
    local key
    ip netns add "$ID-$1"
    for key in ipv6.conf.all.accept_dad=0 ipv6.conf.default.accept_dad=0 ipv4.conf.all.rp_filter=0 \
        ipv4.conf.default.rp_filter=0 ipv4.conf.all.send_redirects=0 \
        ipv4.conf.default.send_redirects=0 ipv4.conf.all.accept_redirects=0 \
        ipv6.conf.all.accept_redirects=0 ipv6.conf.default.accept_redirects=0; do
        echo "net.$key"
    done | in_ns "$1" sysctl -q -p -
    ip_in "$1" link set lo up
}

forwarding_on() {
    in_ns "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# offload NAMESPACE INTERFACE on|off: whether checksums are left to the device.
offload() {
    in_ns "$1" ethtool -K "$2" tx "$3" >/dev/null
}

# link NAMESPACE INTERFACE NAMESPACE INTERFACE: full checksums, and GRO, with which a veth end
# takes frames that were redirected to its peer.
link() {
    ip link add "$2" netns "$ID-$1" type veth peer name "$4" netns "$ID-$3"
    ip_in "$1" link set "$2" up
    ip_in "$3" link set "$4" up
    in_ns "$1" ethtool -K "$2" tx off gro on >/dev/null
    in_ns "$3" ethtool -K "$4" tx off gro on >/dev/null
}

clients_configure() {
    local i
    for i in $(seq 1 60); do
        echo "addr add 10.77.1.$i/16 dev $CLIENT_DEV"
        printf 'addr add fd77:0:%x::1/32 dev %s nodad\n' "$i" $CLIENT_DEV
    done | ip_in c -batch -
    ip_in c route add default via $LB4
    ip_in c -6 route add default via $LB6
}

lb_configure() {
    local addr
    forwarding_on lb
    for addr in $LB4/16 $VIP4/16 "$LB6/32 nodad" "$VIP6/32 nodad"; do
        echo "addr add $addr dev $LB_DEV"
    done >"$TMP/batch"
    # Answers to sources that nobody has go nowhere.
    printf 'route add blackhole default\nroute add blackhole ::/0\n' >>"$TMP/batch"
    ip_in lb -batch "$TMP/batch"
}

# remote_configure HOST-NUMBER GATEWAY4 GATEWAY6
remote_configure() {
    ip_in "b$1" addr add "${B4[$1]}/24" dev b0
    ip_in "b$1" addr add "${B6[$1]}/64" dev b0 nodad
    ip_in "b$1" route add default via "$2"
    ip_in "b$1" -6 route add default via "$3"
}

all_reachable() {
    in_ns c ping -q -c 1 -W 1 "$VIP4" && in_ns c ping -q -c 1 -W 1 $VIP6 &&
        in_ns c ping -q -c 1 -W 1 "${B4[1]}" && in_ns c ping -q -c 1 -W 1 "${B6[1]}" &&
        in_ns c ping -q -c 1 -W 1 "${B4[2]}" && in_ns c ping -q -c 1 -W 1 "${B6[2]}"
}

topology_routed() {
    topology_routed_with true
}

# topology_routed_with COMMAND...: which runs before the first link gets its addresses.
topology_routed_with() {
    local i
    for i in c lb b1 b2; do
        ns_add $i
    done
    link c c0 lb lb0
    "$@"
    clients_configure
    lb_configure
    for i in 1 2; do
        link lb lb$i b$i b0
        ip_in lb addr add 10.78.$i.1/24 dev lb$i
        ip_in lb addr add fd78:0:$i::1/64 dev lb$i nodad
        remote_configure $i 10.78.$i.1 fd78:0:$i::1
    done
    poll 20 all_reachable
}

topology_one_armed() {
    local i
    B4=([1]=10.78.0.2 [2]=10.78.0.3)
    B6=([1]=fd78::2 [2]=fd78::3)
    for i in sw c lb b1 b2; do
        ns_add $i
    done
    in_ns sw sysctl -q -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 \
        2>/dev/null || true
    ip_in sw link add br0 type bridge
    ip_in sw link set br0 up
    for i in c:c0 lb:lb0 b1:b0 b2:b0; do
        link "${i%:*}" "${i#*:}" sw "p-${i%:*}"
        ip_in sw link set "p-${i%:*}" master br0
    done
    # What lb sends back out of lb0 needs it there; GRO isn't enough.
    background pass sw "$PEER" pass --dev p-lb
    poll 10 grep -q ready "$TMP/pass.out"
    clients_configure
    lb_configure
    ip_in lb addr add 10.78.0.1/24 dev lb0
    ip_in lb addr add fd78::1/64 dev lb0 nodad
    for i in 1 2; do
        remote_configure $i 10.78.0.1 fd78::1
    done
    poll 20 all_reachable
}

# port NAME: the last digit is the name's; the others are of this test alone, for a socket is known by address and port
# in whichever namespace it is, also by the instance of a test that runs at the same time.
port() {
    echo $((8000 + 10 * ${FS_E2E_NUMBER:-0} + ${1#?}))
}

# backend 4|6 NAME: l1 to l4 are local, r1 to r4 remote.
backend() {
    local i=${2#?}
    case $1$2 in
    4l*) echo "$LB4:$(port "$2")" ;;
    6l*) echo "[$LB6]:$(port "$2")" ;;
    4r*) echo "${B4[$((2 - i % 2))]}:$(port "$2")" ;;
    6r*) echo "[${B6[$((2 - i % 2))]}]:$(port "$2")" ;;
    esac
}

# backends 4|6 NAME...: with commas between.
backends() {
    local family=$1 list='' name
    shift
    for name in "$@"; do
        list+=${list:+,}$(backend "$family" "$name")
    done
    echo "$list"
}

# server NAME: its arguments for peer serve: both families, both protocols.
server() {
    echo "$1 $(backend 4 "$1") $(backend 4 "$1")/udp $(backend 6 "$1") $(backend 6 "$1")/udp"
}

serve_all() {
    # shellcheck disable=SC2046 # words are wanted
    serve lb $(for i in 1 2 3 4; do server l$i; done)
    # shellcheck disable=SC2046
    serve b1 $(server r1) $(server r3)
    # shellcheck disable=SC2046
    serve b2 $(server r2) $(server r4)
}

# vip 4|6 PORT/PROTOCOL
vip() {
    if [ "$1" = 4 ]; then echo "$VIP4:$2"; else echo "[$VIP6]:$2"; fi
}
