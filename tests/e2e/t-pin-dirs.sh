#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Pins are made and looked for only where they last: else each command says why not, and what to do.
# Not in VMs: the kernel has no part in what is refused.
. "$(dirname "$0")/lib.sh"


# As a new user would.
under_netns_exec() {
    ip netns exec "$ID-lb" "$@"
}

# refuses PATTERN COMMAND...: one message that holds the pattern, nothing on stdout.
refuses() {
    local pattern=$1 code=0
    shift
    "$@" >"$TMP/refuses.out" 2>"$TMP/refuses.err" </dev/null || code=$?
    cat "$TMP/refuses.out" "$TMP/refuses.err"
    equals $code 1 "the exit code"
    [ ! -s "$TMP/refuses.out" ] || fail "something on stdout"
    equals "$(wc -l <"$TMP/refuses.err")" 1 "the lines on stderr"
    grep -qE -- "$pattern" "$TMP/refuses.err" || fail "the message doesn't hold /$pattern/"
}

bpffs_mounts() {
    grep -c ' - bpf ' /proc/self/mountinfo || true
}

# Even where the file system is mounted by hand, in the namespace that will go.
mounted_there() {
    # shellcheck disable=SC2016 # for the shell in the namespace
    under_netns_exec bash -c 'mount -t bpf bpf /sys/fs/bpf && "$@"' - "$FLOWSPLIT" "$@"
}

chosen_there() {
    # shellcheck disable=SC2016
    under_netns_exec bash -c 'mount -t bpf bpf "$1" && echo "services: []" | "$2" --pin-dir "$1/x" apply - && ls "$1/x/maps"' \
        - "$TMP/bpffs" "$FLOWSPLIT"
}

# A namespace with the host's own bpffs in it, as a unit of systemd's has.
shared_view() {
    in_ns lb unshare --mount "$FLOWSPLIT" --pin-dir "$PIN-shared" apply "$TMP/none.yaml" && [ -d "$PIN-shared/maps" ]
}

away_is_down() {
    fs metrics >"$TMP/metrics"
    grep -qx 'flowsplit_up 0' "$TMP/metrics" && grep -q "^# .*pin directory $PIN-away doesn't exist" "$TMP/metrics"
}

makes() {
    fs "$@" && [ -d "$AT/maps" ]
}

goes() {
    fs "$@" && [ ! -e "$AT" ]
}

ns_add lb
mkdir "$TMP/bpffs" "$TMP/plain"
echo 'services: []' >"$TMP/none.yaml"
before=$(bpffs_mounts)

for words in "apply $TMP/none.yaml" "attach lo --mode generic" "set web canary=5%" "status" "save" "detach --all"; do
    # shellcheck disable=SC2086 # words are wanted
    check "ip netns exec: $words is refused, and says what to use" \
        refuses "nsenter --net=/run/netns/$ID-lb flowsplit" under_netns_exec "$FLOWSPLIT" $words
    # shellcheck disable=SC2086
    check "with a bpffs mounted there: $words" refuses 'nsenter --net=' mounted_there $words
done
check "nor is a bpffs mounted there for a directory that was given" \
    refuses 'nsenter --net=' under_netns_exec "$FLOWSPLIT" --pin-dir "$PIN" apply "$TMP/none.yaml"
check "one that was given and is on a bpffs is used" chosen_there
check "a mount namespace with the host's bpffs is as good as the host's" shared_view
for words in status "apply $TMP/none.yaml" save "detach --all"; do
    # shellcheck disable=SC2086
    check "not on a bpffs: $words" refuses 'is not on a BPF file system' fs --pin-dir "$TMP/plain" $words
    # shellcheck disable=SC2086
    check "doesn't exist: $words" refuses "doesn't exist.*BPF file system" fs --pin-dir "$TMP/away/x" $words
done
for words in status "status --watch" "status web" "status --json" reasons events conns save "explain web 10.0.0.1:80" \
    "set web canary=5%" "delete web" "detach lo" "detach --all"; do
    # shellcheck disable=SC2086
    AT=$PIN-away check "on a bpffs, but not there: $words" refuses "pin directory $PIN-away doesn't exist.*apply" fs $words
done
AT=$PIN-away check "metrics have it as a figure, for who collects them, and say why" away_is_down
check "nor is it made by any of these" [ ! -e "$PIN-away" ]
mkdir "$PIN-empty"
check "one that is there and empty reads as empty" equals "$(AT=$PIN-empty fs status --json | jq -c .services)" "[]"
AT=$PIN-empty check "but nothing is saved from it" refuses 'nothing is declared' fs save
AT=$PIN-made check "attach makes one" makes attach lo --mode generic
AT=$PIN-made check "which goes with the last that is in it" goes detach --all
check "apply on a bpffs" fs --quiet apply "$TMP/none.yaml"
check "mounts none over it" equals "$(bpffs_mounts)" "$before" "the mounts of bpffs"
done_testing
