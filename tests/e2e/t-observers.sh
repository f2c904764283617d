#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Programs that only observe: each may be refused or have nothing to look at. Status says so, and all else holds.
# Seldom in VMs: for each program that is refused all others are loaded anew, which takes an emulated CPU minutes.
. "$(dirname "$0")/lib.sh"

REFUSE_SO=$ROOT_DIR/build/tests/e2e/preload/refuse.so
CONNECTIONS=12

# As declared: the name of each program.
mapfile -t OBSERVERS < <(sed -n 's/^    X([A-Z_]*, "\([a-z_]*\)", .*/\1/p' "$ROOT_DIR/include/flowsplit/observers.h")
STEERING=(xdp_ingress tc_ingress tc_egress)

web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1 r1)"
}

unavailable() {
    status '.unavailable | sort | join(" ")'
}

# By the types that the kernel has of its tracepoints.
as_the_kernel_says() {
    local name missing=''
    grep -ao 'btf_trace_[a-z_]*' /sys/kernel/btf/vmlinux >"$TMP/known"
    for name in inet_sock_set_state tcp_receive_reset tcp_retransmit_skb tcp_send_reset; do
        grep -qx "btf_trace_$name" "$TMP/known" || missing+=${missing:+ }$name
    done
    echo "missing: $missing"
    equals "$(unavailable)" "$missing" "what status misses"
}

# Its link out of the way, as if there had been nothing to link to.
one_missing() {
    mv "$PIN/links/sockets_retransmit" "$PIN-sockets_retransmit"
    fs status >"$TMP/words"
    unavailable >"$TMP/unavailable" || true
    mv "$PIN-sockets_retransmit" "$PIN/links/sockets_retransmit"
    cat "$TMP/words" "$TMP/unavailable"
    equals "$(cat "$TMP/unavailable")" tcp_retransmit_skb "what status misses"
    tail -n 1 "$TMP/words" | grep -q '^not observed: .*retransmits.* (sockets_retransmit on tcp_retransmit_skb: ' ||
        fail "not in words"
}

# What the kernel counts of them, as another tool reads it; it leaves zeros out.
missed_as_the_kernel_says() {
    local link program sum=0
    for link in "$PIN"/links/*; do
        program=$(bpftool -j link show pinned "$link" | jq .prog_id)
        sum=$((sum + $(bpftool -j prog show id "$program" | jq '.recursion_misses // 0')))
    done
    equals "$(fs reasons --json | jq '.reasons[] | select(.name == "tracepoint_missed").packets')" $sum "what was missed"
}

# ---- one refused ----

# refusing PROGRAM COMMAND...: flowsplit, under a kernel that takes all but that.
refusing() {
    local program=$1
    shift
    REFUSE=$program LD_PRELOAD=$REFUSE_SO fs "$@"
}

# An instance of its own, for a program that is refused.
begin_without() {
    AT=$PIN-$1
    {
        echo 'services:'
        web
    } >"$TMP/web.yaml"
    refusing "$1" --quiet apply "$TMP/web.yaml"
    refusing "$1" --quiet attach lb0
    refusing "$1" --quiet attach lb1
}

end_without() {
    fs --quiet detach --all
    fs --quiet delete web
    AT=
}

# said_of PROGRAM: the errno, what it is on and what isn't seen, in words, JSON and metrics.
said_of() {
    fs status --json >"$TMP/status"
    jq -e --arg name "$1" '[.not_observed[] | select(.program == $name)] | length == 1 and
        (.[0] | .errno == 1 and .error == "Operation not permitted" and (.unseen | length > 10))' "$TMP/status" ||
        fail "$(jq .not_observed "$TMP/status")"
    fs status | grep "^not observed: .* ($1 on .*: Operation not permitted, errno 1)$"
    fs metrics | grep -x "flowsplit_observer_refused_errno{program=\"$1\"} 1"
}

# What is held is listed, whoever has to be asked, with what the kernel says of it.
conns_as_ss() {
    fs conns --json >"$TMP/conns"
    jq -r '.connections[] | select(.version == "stable") | .client' "$TMP/conns" | sort >"$TMP/got"
    sed 's/ [lr]1$//' "$TMP/live.ready" | sort | diff - "$TMP/got" || fail "others than are held"
    jq -e '.connections | all(.state == "ESTABLISHED" and .bytes_in > 0 and .bytes_out > 0 and .rtt_us > 0 and
        .segments > 0)' "$TMP/conns" || fail "$(cat "$TMP/conns")"
    fs conns | grep -c ESTABLISHED | grep -qx $CONNECTIONS || fail "in words: $(fs conns)"
}

holds_without() {
    begin_without "$1"
    hold live c --to "$VIP4:80" "${SOURCES[@]}" --count $CONNECTIONS --interval 50
    said_of "$1"
    poll 10 conns_as_ss || conns_as_ss
    background_end live TERM
    held live $CONNECTIONS
    end_without
}

fails_without() {
    AT=$PIN-steering
    ! refusing "$1" apply - <<<"services: []" 2>"$TMP/words" || fail "it says that it works"
    AT=
    cat "$TMP/words"
    grep -q "the kernel refuses the BPF program $1: Operation not permitted (errno 1)" "$TMP/words" || fail "not that"
    [ ! -e "$PIN-steering/maps" ] || fail "an instance is left"
}

# Who lacks a capability is told which, and who has all isn't told to get them.
who_you_are() {
    AT=$PIN-powerless
    ! fs_powerless >"$TMP/words" 2>&1 || fail "it works without"
    cat "$TMP/words"
    grep -q 'this process lacks CAP_BPF, CAP_PERFMON' "$TMP/words" || fail "not that"
    ! refusing xdp_ingress apply - <<<"services: []" 2>"$TMP/words" || fail "it works without"
    ! grep -q 'lacks' "$TMP/words" || fail "blamed: $(cat "$TMP/words")"
    AT=
}

fs_powerless() {
    in_ns lb setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin \
        "$FLOWSPLIT" --pin-dir "$AT" apply - <<<"services: []"
}

topology_routed
serve_all
apply_services web
check "status misses the tracepoints that this kernel lacks" as_the_kernel_says
check "one that there isn't is named, in words and in JSON" one_missing
check "when it is there again, nothing is missing" as_the_kernel_says
check "reasons has the runs that the kernel left out" missed_as_the_kernel_says
check "there are programs to refuse" test ${#OBSERVERS[@]} -ge 8
for program in "${OBSERVERS[@]}"; do
    check "without $program: said, and steering, status and conns hold" holds_without "$program"
done
for program in "${STEERING[@]}"; do
    check "without $program nothing begins, and the message names it" fails_without "$program"
done
check "a message about who you are is one of what was looked at" who_you_are
done_testing
