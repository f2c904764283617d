#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Figures of connections that live: in conns as in ss, in status and metrics as their sum, and nothing counted twice.
# Seldom in VMs: t-guard-sockets asks the same there of fewer connections.
. "$(dirname "$0")/lib.sh"

CONNECTIONS=$(scaled 400 60)

webs() {
    service web4 "$(vip 4 80/tcp)" flow 5m stable "stable=50%:$(backends 4 l1 r1)" "canary=50%:$(backends 4 l2 r2)"
    service web6 "$(vip 6 80/tcp)" flow 5m stable "stable=50%:$(backends 6 l1 r1)" "canary=50%:$(backends 6 l2 r2)"
}

# client state bytes_received bytes_acked data_segs_out rtt_us retransmits, a line each, as ss has them.
as_ss_says() {
    local name
    for name in lb b1 b2; do
        in_ns $name ss -tinH state established "( sport = :$(port l1) or sport = :$(port l2) )"
    done | awk '
        function figure(name) { return match($0, name ":[0-9.]+") ? substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1) : 0 }
        /^[0-9]/ { client = $4; next }
        { again = match($0, "retrans:[0-9]+/[0-9]+") ? substr($0, RSTART, RLENGTH) : "/0"; sub(".*/", "", again)
          printf "%s %d %d %d %d %d\n", client, figure("bytes_received"), figure("bytes_acked"), figure("data_segs_out"),
              figure("rtt") * 1000 + 0.5, again }' | sort
}

as_conns_says() {
    fs conns --json | jq -r '.connections[] |
        "\(.client) \(.bytes_in) \(.bytes_out) \(.segments) \(.rtt_us) \(.retransmits)"' | sort
}

same_as_ss() {
    as_ss_says >"$TMP/ss"
    as_conns_says >"$TMP/conns"
    equals "$(wc -l <"$TMP/ss")" "$CONNECTIONS" "the number of connections"
    diff "$TMP/ss" "$TMP/conns"
}

# In words, too: as many lines, and the same clients.
same_in_words() {
    fs conns >"$TMP/words"
    awk '$5 == "ESTABLISHED" { print $4 }' "$TMP/words" | sort >"$TMP/clients"
    cut -d ' ' -f 1 "$TMP/ss" | diff - "$TMP/clients"
}

# sum FIELD: over all versions, in status.
sum() {
    status "[.services[].versions[].health.connections.$1] | add"
}

# column N: summed, of what ss said.
column() {
    awk -v n="$1" '{ sum += $n } END { print sum }' "$TMP/ss"
}

sums_are_those() {
    equals "$(sum bytes_in)" "$(column 2)" "bytes in"
    equals "$(sum bytes_out)" "$(column 3)" "bytes out"
    equals "$(sum segments)" "$(column 4)" "segments"
    equals "$(sum retransmits)" "$(column 6)" "retransmits"
    equals "$(sum closed)" 0 "closed"
    awk -v got="$(status '[.services[].versions[].health.connections | .mean_rtt_us * .open] | add')" \
        -v wanted="$(column 5)" -v n="$CONNECTIONS" 'BEGIN { exit !(got <= wanted && got > wanted - n) }' ||
        fail "RTTs: $(column 5) in all, but $(status '[.services[].versions[].health.connections.mean_rtt_us]')"
    fs metrics >"$TMP/metrics"
    awk -v wanted="$(column 2)" '/^flowsplit_connection_received_bytes_total/ { sum += $2 }
        END { print sum; exit sum != wanted }' "$TMP/metrics" || fail "$(grep received_bytes "$TMP/metrics")"
}

# Bytes that come while connections live are seen while they live.
grow_while_alive() {
    local first
    first=$(sum bytes_in)
    sleep 2
    [ "$(sum bytes_in)" -gt "$first" ] || fail "still $first"
    equals "$(sum closed)" 0 "closed"
}

# Commands that are killed at any moment, and many at once.
killed_looks() {
    local i
    for ((i = 0; i < 40; i++)); do
        fs status --json >/dev/null &
        fs conns --json >/dev/null &
        sleep "0.0$((RANDOM % 9))"
        kill -9 %% 2>/dev/null || true
    done
    wait
}

# All that was ever said, once: what the clients know they sent and got (a FIN may count for a byte on either side).
all_counted_once() {
    local bytes
    poll 20 none_open
    bytes=$(($(sum bytes_in) + $(sum bytes_out)))
    jq -e --argjson n "$bytes" --argjson c "$CONNECTIONS" '.bytes <= $n and $n <= .bytes + 2 * $c' "$TMP/talk.out" ||
        fail "$bytes bytes counted; $(cat "$TMP/talk.out")"
}

none_open() {
    equals "$(sum open)" 0
}

# within_fins GOT WANTED: a FIN may count as a byte.
within_fins() {
    (($1 >= $2 && $1 <= $2 + CONNECTIONS)) || fail "$1 bytes, not $2"
}

all_closed() {
    poll 20 none_open
    within_fins "$(sum bytes_in)" "$(column 2)"
    within_fins "$(sum bytes_out)" "$(column 3)"
    equals "$(sum segments)" "$(column 4)" "segments"
}

topology_routed
serve_all
apply_services webs
fs --quiet attach lb0
fs --quiet attach lb1
fs --quiet attach lb2
hold idle c --to "$(vip 4 80)" --to "$(vip 6 80)" "${SOURCES[@]}" --count "$CONNECTIONS" --interval 3600000
check "conns has the connections that ss has, with the same figures" poll 10 same_as_ss
check "and in words" same_in_words
check "status and metrics have their sums while they live" sums_are_those
check "twice looked is not twice counted" sums_are_those
background_end idle TERM
check "when they end nothing is added that was there" all_closed

fs --quiet apply - <<<"services: []"
apply_services webs
hold talk c --to "$(vip 4 80)" --to "$(vip 6 80)" "${SOURCES[@]}" --count "$CONNECTIONS" --interval 100
check "what live connections do is seen while they do it" grow_while_alive
check "looks may be killed" killed_looks
background_end talk TERM
check "connections lived on" held talk "$CONNECTIONS"
check "and all they did is counted once" all_counted_once
done_testing
