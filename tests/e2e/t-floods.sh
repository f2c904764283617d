#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Floods of all kinds at once, while buckets move, break no live connection. `make floods`: more and longer.
# Not in VMs: emulated, the flood would be a trickle; the attacker of the layer attacks plays there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/changes.sh"

CONNECTIONS=${FLOODS_CONNECTIONS:-300}
SECONDS_LONG=${FLOODS_SECONDS:-5}
# Each says something a few times in a short run; ten thousand at once leave the flood some of the machine.
INTERVAL_MS=$((CONNECTIONS > 1000 ? 8000 : 1000))
# Where a flood takes all of the machine, an answer may take long. What is asked is whether it comes.
PATIENCE_S=300
KINDS='syn,syn-ack,ack,rst,fin,fin-ack,rst-ack,data'
ANY_NUMBER='syn?,syn-ack?,ack?,rst?,fin?,fin-ack?,rst-ack?,data?'
FLOODS=()

# to PROTOCOL NAME...: both families' addresses, as arguments.
to() {
    local protocol=$1 name family
    shift
    for name; do
        for family in 4 6; do
            if [ "$name" = vip ]; then
                echo "--to $(vip $family "80/$protocol")"
            else
                echo "--to $(backend $family "$name")/$protocol"
            fi
        done
    done
}

# flood WHAT ARGUMENTS...: begins it.
flood() {
    local what=$1
    shift
    FLOODS+=("$what")
    background "$what" c "$PEER" synflood --dev c0 --dmac "$mac" --count 512 --seconds "$SECONDS_LONG" "$@"
}

# What a stranger can send: in his own name or anybody's, in the names of the live clients, and of the backends to
# these clients; to the VIPs, and to the backends themselves.
floods_begin() {
    local backends=(l1 l2 l3 l4 r1 r2 r3 r4) mac
    mac=$(ip_in lb -j link show lb0 | jq -r '.[0].address')
    FLOODS=()
    # shellcheck disable=SC2046 # words are wanted
    {
        flood anybody-to-vips $(to tcp vip) --script "$KINDS"
        flood anybody-to-backends $(to tcp "${backends[@]}") --script "$KINDS"
        flood datagrams $(to udp vip "${backends[@]}") --script data
        flood clients-to-vips $(to tcp vip) --script "$ANY_NUMBER" --from-file "$TMP/live.ready"
        flood clients-to-backends $(to tcp "${backends[@]}") --script "$ANY_NUMBER" --from-file "$TMP/live.ready"
        flood backends-to-clients $(to tcp "${backends[@]}") --script "$ANY_NUMBER" --from-file "$TMP/live.ready" \
            --swapped
    }
}

arrived() {
    ip_in lb -j -s link show lb0 | jq '.[0].stats64.rx.packets'
}

live_begin() {
    rm -f "$TMP/live.ready"
    background live c "$PEER" hold --ready-file "$TMP/live.ready" --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" \
        --count "$CONNECTIONS" --interval "$INTERVAL_MS" --timeout $PATIENCE_S --max-payload 4000
    poll 120 test -e "$TMP/live.ready"
}

# flooded: all floods at once, and a change every now and then until they end.
flooded() {
    local what before changes=0 until_s
    before=$(arrived)
    floods_begin
    until_s=$((SECONDS + SECONDS_LONG))
    while [ $SECONDS -lt $until_s ]; do
        random_set
        changes=$((changes + 1))
        sleep 0.2
    done
    for what in "${FLOODS[@]}"; do
        background_end "$what"
        [ "$(cat "$TMP/$what.status")" = 0 ] || fail "$what: $(cat "$TMP/$what.err")"
        jq -c --arg what "$what" '{$what, sent, seconds}' "$TMP/$what.out"
    done >"$TMP/sent"
    echo "$(($(arrived) - before)) $changes" >"$TMP/arrived"
}

# Else there was no flood.
most_arrived() {
    cat "$TMP/sent"
    echo "$(sent) sent, $(cut -d' ' -f1 "$TMP/arrived") arrived"
    [ "$(cut -d' ' -f1 "$TMP/arrived")" -ge $(($(sent) / 2)) ] || fail "less than half has arrived"
    [ "$(jq -s 'map(select(.sent < 1000)) | length' "$TMP/sent")" = 0 ] || fail "not all floods were any"
}

sent() {
    jq -s 'map(.sent) | add' "$TMP/sent"
}

figures() {
    sed 's/^/# /' "$TMP/sent"
    read -r arrived changes <"$TMP/arrived"
    echo "# $1: $(sent) forged packets in $SECONDS_LONG s, $arrived arrived, $changes changes; of $CONNECTIONS" \
        "connections $(jq .broken "$TMP/live.out") broken, with $(jq .exchanges "$TMP/live.out") exchanges"
}

# As in t-syn-flood: not what the kernel gives up by itself.
never_given_up() {
    local name
    for name in c lb b1 b2; do
        in_ns $name sysctl -q -w net.ipv4.tcp_retries2=255
    done
}

RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
topology_routed
never_given_up
serve_all
for mode in native tc; do
    apply_services random_services
    fs --quiet attach lb0 --mode $mode
    live_begin
    random_set # from here on all of the floods meet moving buckets
    flooded
    sleep $((INTERVAL_MS / 1000 + 1)) # each connection talks once more
    background_end live TERM
    at="mode $mode, $CONNECTIONS connections"
    check "$at: floods of all kinds arrive" most_arrived
    check "$at: none broken, none misrouted" held live "$CONNECTIONS"
    figures "$at"
    fs --quiet detach lb0
done
done_testing
