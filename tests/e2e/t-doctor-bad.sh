#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a kernel or a container may withhold: doctor says it, with a remedy, and so do the commands that fail for it.
# Not in VMs: the kernel has no part in what is refused.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/doctor.sh"

interpreted() {
    LD_PRELOAD=$ROOT_DIR/build/tests/e2e/preload/no_jit.so fs "$@"
}

# untried SETTING ARGUMENTS...: no program may be loaded, so the setting of the JIT is read.
untried() {
    echo "$1" >"$TMP/setting"
    # shellcheck disable=SC2016 # for the shell in the namespace
    unshare --mount bash -c 'mount --bind "$1" /proc/sys/net/core/bpf_jit_enable && shift &&
        exec setpriv --bounding-set -all --inh-caps -all "$@"' - "$TMP/setting" "$FLOWSPLIT" --pin-dir "$PIN" "${@:2}"
}

unreadable() {
    in_ns lb setpriv --bounding-set -all --inh-caps -all "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

# locked_down TEXT ARGUMENTS...: what stands in the kernel's file is TEXT.
locked_down() {
    # shellcheck disable=SC2016
    in_ns lb unshare --mount bash -c 'mount -t tmpfs none /sys/kernel/security && echo "$1" >/sys/kernel/security/lockdown &&
        shift && exec "$@"' - "$1" "$FLOWSPLIT" --pin-dir "$PIN" "${@:2}"
}

filtered() {
    in_ns lb "$PEER" seccomp "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

confined() {
    unshare --user --map-root-user --mount "$FLOWSPLIT" --pin-dir "$PIN" "$@"
}

# fails_for PATTERN COMMAND...: with one word of why.
fails_for() {
    ! "${@:2}" apply - <<<'services: []' >"$TMP/out" 2>"$TMP/words" || fail "it says that it works"
    cat "$TMP/words"
    grep -q "$1" "$TMP/words"
}

ns_add lb

doctor interpreted interpreted
check "the JIT is off: degraded, and how to have it" says interpreted degraded JIT 'interpreted' 'bpf_jit_enable=1'
check "no more is wrong for it" equals "$(jq .failing "$TMP/interpreted.json")" 0
doctor off untried 0
check "it can't be tried, but the setting is read: off" says off degraded JIT 'interpreted' 'bpf_jit_enable=1'
doctor on untried 1
check "or on, and it is said that it is the setting" says on good JIT 'says the setting'
doctor neither unreadable
check "it can be neither tried nor read, in another network namespace" says neither degraded JIT "can't be tried" sudo

doctor lock locked_down 'none integrity [confidentiality]'
check "lockdown for confidentiality is degraded" says lock degraded lockdown 'confidentiality' 'boot without'
check "and has a remedy for all" sums lock
doctor integrity locked_down 'none [integrity] confidentiality'
check "for integrity it is none that concerns BPF" says integrity good lockdown 'none'

doctor filter filtered
check "a seccomp filter is degraded" says filter degraded seccomp 'filter of system calls' 'seccomp=unconfined'
check "no program can be tried under it" says filter failing program 'Operation not permitted' 'seccomp'
check "so it fails" equals "$(cat "$TMP/filter.status")" 1
check "and has a remedy for all" sums filter
check "a command that fails for it says so" fails_for 'Operation not permitted (errno 1); a seccomp filter is in force' filtered
check "for want of capabilities, too" fails_for 'this process lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON' unreadable

doctor confined confined
check "root of a user namespace has capabilities that don't count" says confined failing rights 'user namespace' 'root of the host'
check "and they aren't called good" eval '! says confined good rights . 2>/dev/null'
check "and has a remedy for all" sums confined
check "a command that fails for it says so" fails_for 'in a user namespace, whose capabilities' confined
done_testing
