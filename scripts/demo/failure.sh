# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by the other files of the demo
# The last scene: the canary's server dies while it has 30 % of the new connections, and what comes of it is compared
# with what somebody who looks every ten seconds would have seen.

readonly poller_s=10
readonly crash_share=30 crash_batches=20 crash_batch=100 crash_batch_us=150000 crash_after=6

# What the last scene counted.
crash_opened=0 crash_failed=0 crash_us=1

# New connections at a steady pace, all the while the server dies; a line for each request in $tmp/crash.
crash_load() {
    local i begin
    now_us
    begin=$REPLY
    for ((i = 0; i < crash_batches; i++)); do
        ((i != crash_after)) || kill -KILL "$canary_pid"
        http_batch $i $crash_batch >>"$tmp/crash"
        now_us
        ((REPLY - begin >= (i + 1) * crash_batch_us)) ||
            sleep "$(printf '0.%06d' $(((i + 1) * crash_batch_us - (REPLY - begin))))"
    done
    now_us
    crash_us=$((REPLY - begin))
}

# The trip's event, JSON, in $tmp/trip.
find_trip() {
    flowsplit events --json | jq -e 'select(.what == "trip")' >"$tmp/trip"
}

# moment WHAT NS: a line of the timeline, which ends with the last moment.
moment() {
    awk -v what="$1" -v ns="$2" -v first="$first_ns" -v last="$last_ns" -v dim="$dim" -v bold="$bold" \
        -v normal="$normal" -v full="$3" 'BEGIN {
        us = (ns - first) / 1000
        width = last > first ? int(40 * (ns - first) / (last - first) + 0.5) : 0
        line = ""
        for (i = 0; i < width; i++)
            line = line full
        printf "  %-24s %s%12.1f us%s  %s%s%s|\n", what, bold, us, normal, dim, line, normal
    }'
}

draw_timeline() {
    local first_ns trip_ns diverted_ns last_ns full='-'
    ! $utf8 || full='─'
    first_ns=$(jq .trip.first_bad_ns "$tmp/trip")
    trip_ns=$(jq .trip.trip_ns "$tmp/trip")
    diverted_ns=$(jq .trip.first_diverted_ns "$tmp/trip")
    last_ns=$((diverted_ns > trip_ns ? diverted_ns : trip_ns))
    moment 'first failure' "$first_ns" "$full"
    moment 'deciding failure' "$trip_ns" "$full"
    moment 'trip, in the same run' "$trip_ns" "$full"
    ((diverted_ns == 0)) || moment 'first flow diverted' "$diverted_ns" "$full"
}

# True if the kernel withdrew the canary, and afterwards nobody met it.
crash() {
    crash_load
    find_trip || die "the canary died, and nothing tripped"
    crash_opened=$(grep -cE '^[0-9]{3} [0-9]' "$tmp/crash")
    crash_failed=$((crash_opened - $(grep -cx '200 1' "$tmp/crash")))
    say "${yellow}$(jq -r '"\(.service)/\(.version) withdrawn: \(.why)"' "$tmp/trip")$normal"
    printf '\n'
    draw_timeline
}

# What a poller would have let through: the canary's share of the arrivals until it looks, half the time on average.
crash_summary() {
    local rate poller worst
    rate=$((crash_opened * 1000000 / crash_us))
    with_commas $((rate * crash_share * poller_s / 200))
    poller=$REPLY
    with_commas $((rate * crash_share * poller_s / 100))
    worst=$REPLY
    printf '\n  %s%-28s %22s%s\n' "$dim" 'when the canary died' 'failed connections' "$normal"
    printf '  %-28s %22s  %s\n' 'flowsplit' "$crash_failed" "${dim}counted, of $crash_opened at $rate/s$normal"
    printf '  %-28s %22s  %s\n' "a look every $poller_s s" "$poller" "${dim}on average, at that rate; up to $worst$normal"
}
