# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Eight services, one for each of v4 and v6, TCP and UDP, local and remote backends, and the check
# that each answers new flows in the shares wished and counts them.

MATRIX_FLOWS=$(scaled 1000 200)

matrix_services() {
    local family protocol place port
    for family in 4 6; do
        for protocol in tcp udp; do
            for place in l r; do
                port=80
                [ $place = l ] || port=81
                service $place-$protocol-$family "$(vip $family $port/$protocol)" flow 5m stable \
                    "stable=70%:$(backends $family ${place}1 ${place}2)" \
                    "canary=30%:$(backends $family ${place}3 ${place}4)"
            done
        done
    done
}

# version_counts SERVICE: "new_flows packets bytes" of stable, then of canary.
version_counts() {
    of "$1" '.versions | sort_by(.name) | reverse | map(.new_flows, .packets, .bytes) | join(" ")'
}

# counted WHAT BEFORE AFTER EXPECTED PROTOCOL: a SYN that was repeated may count again, and a UDP
# socket that got the port of an earlier one goes on with its flow.
counted() {
    local flows=$(($3 - $2)) again=0
    [ "$5" = tcp ] || again=$(($4 / 100 + 2))
    ((flows >= $4 - again && flows <= $4 + $4 / 20 + 5)) ||
        fail "$1: $flows new flows counted, $4 seen"
}

matrix_flows() {
    local family=$1 protocol=$2 place=$3 name=$3-$2-$1 port=80 before after stable canary least=1
    [ "$place" = l ] || port=81
    [ "$protocol" = udp ] || least=4
    read -ra before <<<"$(version_counts "$name")"
    peer_in c load --to "$(vip "$family" $port/"$protocol")" --count "$MATRIX_FLOWS" "${SOURCES[@]}" \
        >"$TMP/load" || fail "$(cat "$TMP/load")"
    stable=$(jq ".by_name | (.${place}1 // 0) + (.${place}2 // 0)" "$TMP/load")
    canary=$(jq ".by_name | (.${place}3 // 0) + (.${place}4 // 0)" "$TMP/load")
    equals $((stable + canary)) "$MATRIX_FLOWS" "what these versions answered"
    within_binomial "$canary" "$MATRIX_FLOWS" 3000
    read -ra after <<<"$(version_counts "$name")"
    echo "before: ${before[*]}; after: ${after[*]}"
    counted stable "${before[0]}" "${after[0]}" "$stable" "$protocol"
    counted canary "${before[3]}" "${after[3]}" "$canary" "$protocol"
    [ $((after[1] - before[1])) -ge $((stable * least)) ] || fail "stable: too few packets"
    [ $((after[4] - before[4])) -ge $((canary * least)) ] || fail "canary: too few packets"
    [ $((after[2] - before[2])) -ge $((stable * least * 40)) ] || fail "stable: too few bytes"
    [ $((after[5] - before[5])) -ge $((canary * least * 40)) ] || fail "canary: too few bytes"
}

# matrix_check PREFIX
matrix_check() {
    local family protocol place word
    for family in 4 6; do
        for protocol in tcp udp; do
            for place in l r; do
                word=local
                [ $place = l ] || word=remote
                check "$1: v$family $protocol to $word backends, by weight and counted" \
                    matrix_flows $family $protocol $place
            done
        done
    done
}
