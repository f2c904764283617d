#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# status names the tracepoints that aren't there to observe sockets, and no other.
. "$(dirname "$0")/lib.sh"

SOCKETS='inet_sock_set_state tcp_receive_reset tcp_retransmit_skb tcp_send_reset'

unavailable() {
    status '.unavailable | sort | join(" ")'
}

# By the types that the kernel has of its tracepoints.
as_the_kernel_says() {
    local name missing=''
    grep -ao 'btf_trace_[a-z_]*' /sys/kernel/btf/vmlinux >"$TMP/known"
    for name in $SOCKETS; do
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
    equals "$(tail -n 1 "$TMP/words")" "not available on this kernel: tracepoint tcp_retransmit_skb"
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

ns_add lb
web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)"
}
apply_services web
check "status misses the tracepoints that this kernel lacks" as_the_kernel_says
check "one that there isn't is named, in words and in JSON" one_missing
check "when it is there again, nothing is missing" as_the_kernel_says
check "reasons has the runs that the kernel left out" missed_as_the_kernel_says
done_testing
