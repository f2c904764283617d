# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Eight services, one for each of v4 and v6, TCP and UDP, local and remote backends, and the check
# that each answers new flows in the shares wished and counts them.

MATRIX_FLOWS=$(scaled 1000 60)
# whole, or half: of the services half at one check and the others at the next. In each half any two of v4, v6, TCP,
# UDP, local and remote meet that can.
MATRIX_PART=$(scaled whole half)
# Where the backends are of the services that are asked.
MATRIX_PLACES="l r"

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

# One line for each service that was asked, by one jq, which takes an emulated CPU a second: its name, the flows that its
# stable and its canary backends answered, then "new_flows packets bytes" of stable and of canary before, and after.
matrix_figures() {
    jq -r --slurpfile before "$TMP/before" --slurpfile after "$TMP/after" '
        def counts($status; $name): $status[0].services[] | select(.name == $name) | .versions |
            sort_by(.name) | reverse | map(.new_flows, .packets, .bytes);
        (input_filename | sub(".*/load-"; "")) as $name | .by_name as $by |
        [$name] + ([[1, 2], [3, 4]] | map(map($by["\($name[0:1])\(.)"] // 0) | add)) +
            counts($before; $name) + counts($after; $name) | join(" ")' "$TMP"/load-* >"$TMP/figures"
}

# counted WHAT BEFORE AFTER EXPECTED PROTOCOL: a SYN that was repeated may count again, and a UDP
# socket that got the port of an earlier one goes on with its flow.
counted() {
    local flows=$(($3 - $2)) again=0
    [ "$5" = tcp ] || again=$(($4 / 100 + 2))
    ((flows >= $4 - again && flows <= $4 + $4 / 20 + 5)) ||
        fail "$1: $flows new flows counted, $4 seen"
}

# matrix_load FAMILY PROTOCOL PLACE
matrix_load() {
    local name=$3-$2-$1 port=80
    [ "$3" = l ] || port=81
    peer_in c load --to "$(vip "$1" $port/"$2")" --count "$MATRIX_FLOWS" --timeout 20 "${SOURCES[@]}" \
        >"$TMP/load-$name" 2>"$TMP/words-$name" || echo "load ended with status $?" >>"$TMP/words-$name"
}

# matrix_flows FAMILY PROTOCOL PLACE: judges the figures.
matrix_flows() {
    local name=$3-$2-$1 stable canary least=1 before after figures
    [ "$2" = udp ] || least=4
    [ ! -s "$TMP/words-$name" ] || fail "$(cat "$TMP/words-$name" "$TMP/load-$name")"
    figures=$(grep "^$name " "$TMP/figures") || fail "status knows no $name"
    read -ra figures <<<"${figures#* }"
    stable=${figures[0]} canary=${figures[1]} before=("${figures[@]:2:6}") after=("${figures[@]:8:6}")
    equals $((stable + canary)) "$MATRIX_FLOWS" "what these versions answered"
    within_binomial "$canary" "$MATRIX_FLOWS" 3000
    echo "before: ${before[*]}; after: ${after[*]}"
    counted stable "${before[0]}" "${after[0]}" "$stable" "$2"
    counted canary "${before[3]}" "${after[3]}" "$canary" "$2"
    [ $((after[1] - before[1])) -ge $((stable * least)) ] || fail "stable: too few packets"
    [ $((after[4] - before[4])) -ge $((canary * least)) ] || fail "canary: too few packets"
    [ $((after[2] - before[2])) -ge $((stable * least * 40)) ] || fail "stable: too few bytes"
    [ $((after[5] - before[5])) -ge $((canary * least * 40)) ] || fail "canary: too few bytes"
}

# Whose turn it is: of eight in a row the first, fourth, sixth and seventh, then the others.
matrix_turn=0
matrix_choose() {
    local family protocol place at
    chosen=()
    for family in 4 6; do
        for protocol in tcp udp; do
            for place in l r; do
                at=$((matrix_turn++))
                [ "$MATRIX_PART" = half ] && (((at ^ at >> 1 ^ at >> 2 ^ at >> 3) % 2)) && continue
                [[ $MATRIX_PLACES == *$place* ]] || continue
                chosen+=("$family $protocol $place")
            done
        done
    done
}

# matrix_check PREFIX
matrix_check() {
    local chosen service family protocol place
    matrix_choose
    rm -f "$TMP"/load-* "$TMP"/words-*
    fs status --json >"$TMP/before"
    for service in "${chosen[@]}"; do
        # shellcheck disable=SC2086 # words are wanted
        matrix_load $service
    done
    fs status --json >"$TMP/after"
    matrix_figures
    for service in "${chosen[@]}"; do
        read -r family protocol place <<<"$service"
        [ "$place" = l ] && place=local || place=remote
        # shellcheck disable=SC2086
        check "$1: v$family $protocol to $place backends, by weight and counted" matrix_flows $service
    done
}
