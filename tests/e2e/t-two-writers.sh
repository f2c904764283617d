#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Two writers at once are serialised: both succeed and neither undoes the other's change.
# Not in VMs: writers agree by a lock in user space.
. "$(dirname "$0")/lib.sh"

ROUNDS=$(scaled 30 4)

web() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=100%:$(backends 4 l1)" \
        "canary=0%:$(backends 4 l2)" "beta=0%:$(backends 4 l3)"
}

# A lost update would leave one of the two at its old weight.
pairs_of_sets() {
    local i first second status
    for ((i = 1; i <= ROUNDS; i++)); do
        status=0
        fs --quiet set web canary=$i% &
        first=$!
        fs --quiet set web beta=$i.5% &
        second=$!
        wait $first || status=$?
        wait $second || status=$?
        equals $status 0 "round $i: an exit status"
        equals "$(weights_of web)" \
            "stable=$((10000 - 200 * i - 50)) canary=$((i * 100)) beta=$((i * 100 + 50))" "round $i"
    done
}

many_at_once() {
    local i pids=() before
    before=$(of web .generation)
    for ((i = 0; i < 10; i++)); do
        fs --quiet set web canary=$((i + 40))% &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(of web .generation)" -ge $((before + 10)) ] || fail "generation $before -> $(of web .generation)"
}

# Stops a writer in the middle of its work, by chance, and sees the next one wait for it.
stopped_holder() {
    local i first share
    for ((i = 0; i < 200; i++)); do
        share=$((i % 30 + 1))
        in_ns lb true # warm
        nsenter --net="/run/netns/$ID-lb" -- "$FLOWSPLIT" --pin-dir "$PIN" --quiet set web canary=$share% &
        first=$!
        sleep "0.0$(printf '%03d' $((RANDOM % $(scaled 40 999))))"
        kill -STOP $first 2>/dev/null || { wait $first; continue; }
        if ! in_ns lb timeout "$(scaled 1 8)" "$FLOWSPLIT" --pin-dir "$PIN" --quiet set web beta=$share.25%; then
            nsenter --net="/run/netns/$ID-lb" -- "$FLOWSPLIT" --pin-dir "$PIN" --quiet set web beta=$share.75% &
            second=$!
            kill -CONT $first
            wait $first || fail "the first writer failed"
            wait $second || fail "the waiting writer failed"
            equals "$(weights_of web)" \
                "stable=$((10000 - share * 200 - 75)) canary=$((share * 100)) beta=$((share * 100 + 75))" \
                "what both left"
            echo "caught in round $i"
            return 0
        fi
        kill -CONT $first
        wait $first
    done
    fail "never caught a writer at work"
}

topology_routed
serve_all
apply_services web
fs --quiet attach lb0
check "two sets at once, $ROUNDS times: both take effect" pairs_of_sets
check "ten sets at once: each makes a generation" many_at_once
fs --quiet set web canary=0% beta=0%
check "a writer waits for one that was stopped at its work, and sees its state" stopped_holder
done_testing
