# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the tests of attaching share: whether packets of both ways reach the programs of lb0, as status, metrics and
# clients see it, and other programs beside them.

# Another's program, for filters, ends the chain with TC_ACT_OK.
OTHER=$PIN-other

other_pinned() {
    in_ns lb "$PEER" tc --pin "$OTHER"
}

answers() {
    equals "$(in_ns c curl -s --max-time "$(scaled 3 15)" "http://$VIP4/")" l1 "the answer"
}

no_answer() {
    ! in_ns c curl -s --max-time "$(scaled 1 5)" "http://$VIP4/" || fail "answered all the same"
}

# looked_at NAME EXIT-STATUS WAY-IN WAY-BACK: what status and metrics say, the ways by patterns.
looked_at() {
    local code=0 ways wanted="in: $3, back: $4"
    fs status --json >"$TMP/looked" || code=$?
    cat "$TMP/looked"
    equals "$code" "$2" "status' exit status"
    ways=$(jq -r --arg name "$1" '.interfaces[] | select(.name == $name) | "in: \(.way_in), back: \(.way_back)"' "$TMP/looked")
    # shellcheck disable=SC2053 # a pattern
    [[ $ways == $wanted ]] || fail "status says '$ways'"
    fs metrics >"$TMP/metrics"
    grep -qxF "flowsplit_interface_attached{interface=\"$1\",way=\"in\"} $([[ $3 != ok ]]; echo $?)" "$TMP/metrics"
    grep -qxF "flowsplit_interface_attached{interface=\"$1\",way=\"back\"} $([[ $4 != ok ]]; echo $?)" "$TMP/metrics"
}

sound() {
    looked_at lb0 0 ok ok
    answers
}

attached_and_sound() {
    fs attach lb0 "$@"
    sound
}

mended() {
    fs attach lb0 | grep ': attached'
    sound
}

# lost WAY PATTERN: status tells, in words too, and clients get no answer.
lost() {
    if [ "$1" = in ]; then looked_at lb0 1 "$2" ok; else looked_at lb0 1 ok "$2"; fi
    fs status >"$TMP/words" && fail "exit status 0"
    grep "lb0: the way $1: " "$TMP/words"
    no_answer
}

unattached() {
    equals "$(fs status --json | jq -r '.interfaces | length')" 0 "the number of interfaces"
    ! in_ns lb ip -d link show lb0 | grep -i xdp || fail "an XDP program is left"
    ! in_ns lb tc filter show dev lb0 egress | grep tc_egress || fail "a filter is left"
    ! find "$PIN/links" -name 'tcx_*' | grep . || fail "a link is left"
}

other_filter() { # OPTIONS...
    in_ns lb tc qdisc add dev lb0 clsact 2>/dev/null || true
    in_ns lb tc filter add dev lb0 egress "$@" bpf da object-pinned "$OTHER"
}

no_qdisc() {
    in_ns lb tc qdisc del dev lb0 "${1:-clsact}"
}

# other_link TAG [OPTIONS...]: until other_ends TAG.
other_link() {
    local tag=$1
    shift
    background "$tag" lb "$PEER" tc --dev lb0 "$@"
    poll 10 grep -q ready "$TMP/$tag.out" || fail "$(cat "$TMP/$tag.err")"
}

detached() {
    fs --quiet detach lb0
    unattached
}

readdressed() {
    ip_in lb addr replace "$LB4/16" dev lb0
    ip_in lb addr replace "$VIP4/16" dev lb0
    poll 10 in_ns c ping -q -c 1 -W 1 "$LB4"
}
