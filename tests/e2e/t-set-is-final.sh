#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# From the moment set returns no new flow goes by the old weights, under load.
. "$(dirname "$0")/lib.sh"

CHANGES=$(scaled 100 6)

web() {
    service web "$(vip "$1" 80/tcp)" flow 5m stable "stable=100%:$(backends "$1" l1 r1)" \
        "canary=0%:$(backends "$1" l2 r2)"
}

# Writes "from to number" for each time in which only one version may get new flows.
alternate() {
    local i from
    for ((i = 0; i < CHANGES; i++)); do
        if ((i % 2)); then
            fs --quiet set web canary=0%
        else
            fs --quiet set web canary=100%
        fi
        from=$("$PEER" now)
        sleep "$(scaled 0.05 1)"
        echo "$from $("$PEER" now) $((2 - i % 2))"
    done >"$TMP/windows"
}

# Only connections that began and ended within one window say something.
judge_log() {
    sort -n "$TMP/load.out" | awk -v windows="$TMP/windows" -v changes="$CHANGES" '
        BEGIN {
            n = at = 0
            while ((getline line <windows) > 0) {
                split(line, field, " ")
                from[n] = field[1]; to[n] = field[2]; want[n++] = field[3]
            }
        }
        {
            while (at < n && $1 > to[at]) at++
            if (at < n && $1 >= from[at] && $2 <= to[at]) {
                judged++
                if (substr($3, 2) != want[at]) { wrong++; print "wrong:", $0, "in window", at }
            }
        }
        END {
            print judged, "connections judged,", wrong + 0, "wrong, in", n, "windows"
            exit wrong > 0 || judged < changes * 5
        }'
}

no_failures() {
    cat "$TMP/load.err"
    equals "$(cat "$TMP/load.status")" 0 "the exit status of the load"
}

topology_routed
serve_all
ALL_CHANGES=$CHANGES
for mode in native tc; do
    for family in 4 6; do
        case $FS_VM$mode$family in 1native6 | 1tc4) continue ;; esac
        CHANGES=$((family == 4 ? ALL_CHANGES : ALL_CHANGES / 5))
        apply_services web $family
        fs --quiet attach lb0 --mode $mode
        background load c "$PEER" load --log --max --seconds 600 --concurrency 16 \
            --to "$(vip $family 80)" "${SOURCES[@]}"
        check "mode $mode, v$family: $CHANGES changes under load" alternate
        background_end load TERM
        check "mode $mode, v$family: no connection failed meanwhile" no_failures
        check "mode $mode, v$family: no new flow went by the old weights" judge_log
        fs --quiet detach lb0
        fs --quiet delete web
    done
done
done_testing
