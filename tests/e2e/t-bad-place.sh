#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# No root, no bpffs, foreign pins: each refused with one message that says what to do.
# Not in VMs: the kernel has no part in what is refused.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

as_nobody() {
    in_ns lb setpriv --reuid=65534 --regid=65534 --clear-groups "$TMP/flowsplit" --pin-dir "$PIN" "$@"
}

# In a mount namespace whose /sys/fs/bpf is a plain directory.
without_bpffs() {
    in_ns lb unshare --mount bash -c 'umount /sys/fs/bpf && "$@"' - "$FLOWSPLIT" "$@"
}

# Either it mounts one itself, or says that one is to be mounted.
bpffs_is_mounted_or_asked_for() {
    local code=0
    without_bpffs --pin-dir "$PIN-none" attach lo --mode generic >"$TMP/bad.out" 2>"$TMP/bad.err" || code=$?
    cat "$TMP/bad.err"
    [ $code -eq 0 ] || {
        equals $code 1 "exit code"
        one_message "$TMP/bad.err"
        grep -q 'mount' "$TMP/bad.err" || fail "doesn't say to mount it"
    }
    in_ns lb ip -d link show lo | grep -q xdp && in_ns lb ip link set lo xdpgeneric off
    return 0
}

# What another version would have left: every pin of ours replaced by a map of another shape.
another_abi() {
    local pin
    mkdir -p "$PIN-abi"
    AT=$PIN-abi fs --quiet apply "$TMP/services.yaml"
    find "$PIN-abi" -path '*maps/*' -type f >"$TMP/pins"
    [ -s "$TMP/pins" ] || fail "no maps pinned"
    while read -r pin; do
        rm "$pin"
        bpftool map create "$pin" type array key 4 value 12 entries 3 name other
    done <"$TMP/pins"
}

topology_routed
apply_services good_services
fs --quiet attach lb0
chmod 711 "$TMP"
install -m 755 "$FLOWSPLIT" "$TMP/flowsplit"
for command in "attach lb0" "detach lb0" "detach --all" "apply $TMP/services.yaml" "delete web" \
    "set web canary=7%" "status" "explain web 10.0.0.1:80" "reasons"; do
    # shellcheck disable=SC2086 # words are wanted
    check "no root: $command" is_refused 1 'root|CAP_|privilege' as_nobody $command
done
check "help needs no root" as_nobody help
check "version needs no root" as_nobody version
check "bpffs missing: it is mounted, or the message says to" bpffs_is_mounted_or_asked_for
AT=$TMP/pins.d refused "a pin directory that isn't on a bpffs" 1 'bpffs|BPF file system' apply "$TMP/services.yaml"
check "pins of another version can be made" another_abi
for command in "status" "apply $TMP/services.yaml" "set web canary=7%" "attach lb1"; do
    # shellcheck disable=SC2086
    AT=$PIN-abi refused "pins left by another version: $command" 1 "$PIN-abi|version|ABI" $command
done
done_testing
