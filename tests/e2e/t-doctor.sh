#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `flowsplit doctor` says what a machine allows, what it doesn't, and what to do then.
# Not in VMs: each look loads all programs one by one.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/doctor.sh"

plain() {
    local code=0
    fs doctor >"$TMP/text" || code=$?
    equals $code 0 "the exit status"
    ! grep -q $'\033' "$TMP/text" || fail "colours in a pipe"
    grep -qE '^good +kernel +Linux ' "$TMP/text" && tail -n 1 "$TMP/text" | grep -qE '^[0-9]+ good, [0-9]+ degraded, 0 failing$'
}

# on_terminal WORDS...: what it prints there.
on_terminal() {
    env "$@" script -qec "$PEER in /run/netns/$ID-lb $FLOWSPLIT --pin-dir $PIN doctor" /dev/null >"$TMP/terminal"
}

coloured() {
    on_terminal NO_COLOR=
    grep -q $'\033\\[32m' "$TMP/terminal" || fail "no colours"
    on_terminal NO_COLOR=1
    ! grep -q $'\033' "$TMP/terminal" || fail "colours in spite of NO_COLOR"
}

only_problems() {
    fs --quiet doctor >"$TMP/text" || true
    ! grep -q '^good' "$TMP/text"
}

# What there is to see before and after: nothing may be left behind.
traces() {
    find /sys/fs/bpf -path "$PIN*" | sort
    grep -c ' - bpf ' /proc/self/mountinfo
    in_ns lb bpftool net show
}

without_capabilities() {
    in_ns lb setpriv --bounding-set -all --inh-caps -all "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

without_net_admin() {
    in_ns lb setpriv --bounding-set -net_admin,-sys_admin --inh-caps -net_admin,-sys_admin "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

as_nobody() {
    in_ns lb setpriv --reuid=65534 --regid=65534 --clear-groups "$TMP/flowsplit" --pin-dir "$PIN" "$@"
}

without_bpffs() {
    # shellcheck disable=SC2016 # for the shell in the namespace
    in_ns lb unshare --mount bash -c 'umount /sys/fs/bpf && "$@"' - "$FLOWSPLIT" "$@"
}

without_sysfs() {
    # shellcheck disable=SC2016
    in_ns lb unshare --mount bash -c 'umount -l /sys && "$@"' - "$FLOWSPLIT" "$@"
}

services() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=95%:$(backends 4 l1 r1)" "canary=5%:$(backends 4 l2)" \
        "beta=0%:$(backends 4 l3)"
    service dns "10.99.0.1:53/udp" none 5m stable "stable=100%:$(backends 4 l4)"
}

topology_routed
chmod 711 "$TMP"
install -m 755 "$FLOWSPLIT" "$TMP/flowsplit"

# ---- no instance ----
traces >"$TMP/before"
check "it runs without an instance" doctor new fs
doctor usual in_ns lb "$FLOWSPLIT"
check "nothing fails" equals "$(cat "$TMP/new.status")" 0
check "its sums are right" sums new
for program in xdp_ingress tc_ingress tc_egress sockets_state sockets_list; do
    check "$program was tried" says new good program "^$program \\(.*taken; helpers: [1-9]"
done
for subject in kernel BTF JIT bpffs rights memory limits; do
    check "$subject is good" says new good $subject .
done
check "no instance is no trouble" says new good instance 'no instance is there'
check "nor at the usual place" says usual good instance 'nothing is declared'
check "lb0 can have native XDP" says new good interface '^lb0 \(veth\): native'
check "no one else holds anything" says new good holder 'no one else'
check "the other ends' offloads are found in their namespaces" says new good veth '^3 of 3 '
check "forwarding is on" says new good forwarding '^lb0: ipv4 is on'
check "as text it is aligned and plain in a pipe" plain
check "on a terminal it is coloured, but for NO_COLOR" coloured
check "--quiet shows only what isn't good" only_problems
traces >"$TMP/after"
check "it leaves nothing behind" diff "$TMP/before" "$TMP/after"

# ---- what may go wrong ----
in_ns lb sysctl -q -w net.ipv4.conf.lb0.rp_filter=1 net.ipv4.conf.lb0.forwarding=0
in_ns c ethtool -K c0 gro off tx on >/dev/null
AT=$PIN-two fs --quiet attach lb1 --mode native
AT=$PIN-two fs --quiet attach lb2 --mode tc
in_ns lb tc qdisc add dev lb0 clsact
in_ns lb tc filter add dev lb0 ingress pref 7 bpf da pinned "$PIN-two/programs/tc_stand_in"
doctor bad fs
check "strict rp_filter is degraded" says bad degraded rp_filter '^lb0: strict' 'rp_filter=2'
check "forwarding that is off, too" says bad degraded forwarding '^lb0: ipv4 is off' 'lb0/forwarding=1'
check "another's XDP program has its name told" says bad degraded holder '^lb1: XDP \(native\) is held by xdp_ingress' 'mode tc'
check "so has another's TC program" says bad good holder '^lb2: TC ingress has .*tc_ingress.* after flowsplit'
check "and a filter that flowsplit gets in front of" says bad good holder '^lb0: TC ingress has .*bpf.*tc_stand_in.*priority 7, after'
check "a deaf peer that leaves checksums is degraded" says bad degraded veth '^lb0: .*c0 .*GRO.*checksums' 'ethtool -K c0 gro on tx off'
check "all that works, if worse" sums bad
AT=$PIN-two fs --quiet detach --all
in_ns lb tc qdisc del dev lb0 clsact
in_ns lb sysctl -q -w net.ipv4.conf.lb0.rp_filter=0 net.ipv4.conf.lb0.forwarding=1

# ---- who may do little ----
doctor caps without_capabilities
check "without capabilities it runs, and fails" equals "$(cat "$TMP/caps.status")" 1
check "and says which is missing" says caps failing rights 'CAP_BPF' 'cap-add BPF'
check "and that no program could be tried" says caps failing program 'Operation not permitted' CAP_BPF
check "and has a remedy for all" sums caps
doctor net without_net_admin
check "without CAP_NET_ADMIN: nothing can be attached" says net failing rights 'CAP_NET_ADMIN'
check "and programs that need it aren't taken" says net failing program 'xdp_ingress.*not permitted'
doctor nobody as_nobody
check "not root: it is said" says nobody failing user 'not root' sudo
check "what can be seen is" says nobody good kernel Linux
check "and has a remedy for all" sums nobody
doctor netns ip netns exec "$ID-lb" "$FLOWSPLIT"
check "ip netns exec: pins would vanish" says netns failing bpffs vanish "nsenter --net=/run/netns/$ID-lb"
doctor unmounted without_bpffs --pin-dir "$PIN"
check "without a bpffs, in another mount namespace" says unmounted failing bpffs 'mount namespace'
doctor sysfs without_sysfs --pin-dir "$PIN"
check "without /sys: no BTF" says sysfs failing BTF 'vmlinux' sysfs
doctor plain fs --pin-dir "$TMP"
check "a pin directory that isn't on a bpffs" says plain failing instance . 'not on a BPF file system'

refusing() {
    LD_PRELOAD=$ROOT_DIR/build/tests/e2e/preload/refuse.so REFUSE=$1 fs "${@:2}"
}
doctor watch refusing sockets_state
check "a program that only observes is missed" says watch degraded program "^sockets_state .*isn't seen"
doctor steer refusing xdp_ingress
check "without one that steers nothing works" says steer failing program '^xdp_ingress .*nothing can be steered'

# ---- an instance ----
serve lb l1 "$(backend 4 l1)"
serve lb l2 "$(backend 4 l2)"
apply_services services
fs --quiet attach lb0
doctor there fs
check "the instance is seen" says there good instance '2 services'
check "and its memory" says there good memory 'take [1-9][0-9]* MB'
check "and where it is attached" says there good interface '^lb0 .*attached: native'
check "and that packets reach the program of the way in" says there good 'way in' '^lb0: '
check "and of the way back" says there good 'way back' '^lb0: '
check "and how much it may hold" says there good limits '2 of 256 services, [1-9][0-9]* of 65536 backends'
check "and it holds nothing against itself" says there good holder 'no one else'
check "a VIP of this host is good" says there good VIP '^web: '
check "one that isn't is degraded" says there degraded VIP '^dns: 10.99.0.1:53/udp is no address' 'ip address add'
check "backends that answer are counted" says there good backend '^web/stable: 1 of 2 answer'
check "one that doesn't fails" says there failing backend "^web/stable: ${B4[1]}:$(port r1) doesn't answer \\(Connection refused\\)" start
check "if its version gets no flows, it is degraded" says there degraded backend '^web/beta: .*refused.*no new flows'
check "UDP isn't tried, and it is said" says there good backend '^dns: not tried'
check "its sums are right" sums there
in_ns lb ip link set lb0 xdp off
in_ns lb sysctl -q -w net.ipv4.conf.lb0.forwarding=0
doctor needed fs
check "a way on which packets don't reach the program fails" says needed failing 'way in' '^lb0: missing' 'flowsplit attach lb0'
check "the other is told apart" says needed good 'way back' '^lb0: '
check "forwarding that a declared backend needs fails" says needed failing forwarding '^lb0: ipv4'
in_ns lb sysctl -q -w net.ipv4.conf.lb0.forwarding=1
ip_in b1 link set b0 down
doctor silent fs
check "a backend whose host is away doesn't answer" says silent failing backend "$(port r1) doesn't answer" 'ip route get'
done_testing
