#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# With a full flow table commands stay quick, live connections stay, and what is over is still found to be.
# Seldom in VMs: what is asked there is not how long a command takes.
. "$(dirname "$0")/lib.sh"

ENTRIES=$(scaled 1048576 150000)
CONNECTIONS=$(scaled 60 10)
CHANGES=$(scaled 40 10)
OVER_S=$((4 * 3600))
# Of its own time: how long it waits for others to let it run is not its doing.
COMMAND_MS=$(scaled 100 100000)
VERSIONS=32

web() {
    service web4 "$VIP4:80/tcp" flow 2s stable "stable=$1%:$(backends 4 l1 r1)" "canary=$((100 - $1))%:$(backends 4 l2 r2)"
    service web6 "[$VIP6]:80/tcp" flow 2s stable "stable=$1%:$(backends 6 l1)" "canary=$((100 - $1))%:$(backends 6 l2)"
}

# deployed NUMBER: a new version in the place of the last.
deployed() {
    web 0
    service app "$VIP4:81/tcp" flow 1s "v$1" "v$1=100%:$LB4:$((20000 + $1))"
}

sum() {
    status "[.services[] | select(.name | startswith(\"web\")) | .$1] | add"
}

none_moving() {
    [ "$(sum moving_buckets)" = 0 ]
}

# fill [ARGUMENTS]
fill() {
    peer_in lb fill --pin "$PIN/maps/flows" --count "$ENTRIES" "$@"
}

filled() {
    local entries
    fill
    entries=$(sum flow_entries)
    echo "$entries entries"
    [ "$entries" -ge $((ENTRIES * 9 / 10)) ] || fail "the table isn't full"
}

# takes COMMAND...: prints in ms how long it took, and of that its own time.
takes() {
    local TIMEFORMAT='%R %U %S' words
    words=$({ time "$@" >/dev/null 2>"$TMP/takes.err"; } 2>&1) || fail "$(cat "$TMP/takes.err")"
    awk '{ printf "%.0f %.0f\n", $1 * 1000, ($2 + $3) * 1000 }' <<<"$words"
}

# quick COMMAND...: each of ten times.
quick() {
    local i ms own
    for ((i = 0; i < 10; i++)); do
        read -r ms own <<<"$(takes "$@")"
        echo "$* took $ms ms, $own ms of its own"
        [ "$own" -lt "$COMMAND_MS" ] || fail "too long"
    done
}

set_another() {
    fs --quiet set web4 "canary=$((90 + (RANDOM % 10)))%"
}

apply_another() {
    apply_services web $((RANDOM % 10))
}

# figures: what the commands take, for people.
figures() {
    sed -n 's/^\(.*\) took \([0-9]*\) ms, \([0-9]*\) ms.*/\3 \2 \1/p' "$TMP/check.out" | sort -n |
        awk '{ own[NR] = $1; ms[NR] = $2; $1 = $2 = ""; name = $0 }
            END { if (NR) printf "#%s: %d ms of its own in the middle, %d at most, here within %d\n", name,
                own[int((NR + 1) / 2)], own[NR], ms[NR] }'
}

# More than there is room for, unless each that is over is found to be when room is needed.
deployments() {
    local i
    for ((i = 1; i < VERSIONS; i++)); do
        apply_services deployed $i || fail "deployment $i"
    done
    sleep 4 # until what moved for a second is at rest, as far as anybody looks
    for ((; i < VERSIONS + 8; i++)); do
        apply_services deployed $i || fail "deployment $i"
    done
}

# While sweeps that take many commands are under way.
changes() {
    local i
    for ((i = 0; i < CHANGES; i++)); do
        set_another
        sleep 0.1
    done
}

only_live_left() {
    [ "$(sum flow_entries)" -le "$CONNECTIONS" ]
}

tracked_as_needed() {
    [ "$(sum tracked_buckets)" -le "$CONNECTIONS" ]
}

nothing_left() {
    [ "$(sum moving_buckets)/$(sum tracked_buckets)/$(sum flow_entries)" = 0/0/0 ]
}

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
topology_routed
serve_all
apply_services web 100
fs --quiet attach lb0
hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count "$CONNECTIONS" --interval 700
fs --quiet set web4 canary=100%
fs --quiet set web6 canary=100%
poll 30 none_moving
check "the table is full of flows that live" filled
for command in "fs status" set_another apply_another; do
    # shellcheck disable=SC2086 # words are wanted
    check "$command: less than $COMMAND_MS ms" quick $command
    figures
done
check "deployments find room for new versions" deployments
fill --age $OVER_S >/dev/null
check "$CHANGES changes while it is found out what is over" changes
check "what is over leaves the table" poll 60 only_live_left
check "buckets without exceptions settle" poll 60 tracked_as_needed
sleep 1 # each connection talks once more
background_end live TERM
check "$CONNECTIONS live connections: none broken" held live "$CONNECTIONS"
check "when the last one ends, all settles" poll 60 nothing_left
done_testing
