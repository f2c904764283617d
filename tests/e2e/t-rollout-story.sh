#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Three clouds, from 100/0/0 to 34/33/33 by one plan; and the same plan when the second cloud fails.
# Not in VMs: the controller is user space; t-rollout shows one at work there.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

HELD=$(scaled 20 4) # at each stage as many more
COUNTED=$(scaled 250 15)
STAGE_S=$(scaled 3 20)

# One here, two elsewhere.
clouds() {
    service web "$(vip 4 80/tcp)" flow 2s a "a=100%:$(backends 4 l1)" "b=0%:$(backends 4 r1)" "c=0%:$(backends 4 r2)"
    printf '    sample: 1/1\n    http: true\n'
}

guarded() {
    clouds
    rules 'http_5xx > 1%' 'p99 response_time > 20ms'
}

story() { # EVIDENCE
    plan b <<END
  steps:
    - set: {b: 5%}
      hold: ${STAGE_S}s
    - set: {b: 30%}
      hold: ${STAGE_S}s
    - set: {b: 45%, c: 10%}
      hold: ${STAGE_S}s
    - set: {a: 34%, b: 33%, c: 33%}
      hold: ${STAGE_S}s
  evidence: $1 connections
END
}

hold_more() { # STAGE
    hold "hold$1" c --to "$VIP4:80" --bind "$SOURCES4" --count "$HELD" --interval 200
}

all_held() {
    local stage
    for stage in 0 1 2 3 4; do
        echo "stage $stage:"
        held "hold$stage" "$HELD"
    done
}

# From the journal: of each stage, its beginning and end in ms, and its weights.
stages() {
    # shellcheck disable=SC2016 # jq's
    journal 'def ms: .time | (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
        map(select(.what != "started")) as $lines
        | [{from: 0, to: ($lines[0] | ms), bp: .[0].weights_bp}]
        + [range($lines | length) as $i | $lines[$i] | select(.what == "holding")
           | {from: ms, to: ($lines[$i + 1] | ms), bp: $lines[$i - 1].weights_bp}]
        | .[] | "\(.from) \(.to) \(.bp.a) \(.bp.b) \(.bp.c)"'
}

# What began within a stage was counted under its weights; what began as they were being set isn't looked at.
shares_are_as_wished() {
    local from to a b c l1 r1 r2 seen=''
    while read -r from to a b c; do
        read -r l1 r1 r2 < <(awk -v from=$((from - offset_ms)) -v to=$((to - offset_ms)) '
            $1 / 1e6 > from && $1 / 1e6 < to - 1 { n[$3]++ }
            END { print n["l1"] + 0, n["r1"] + 0, n["r2"] + 0 }' "$TMP/count.out")
        echo "$a $b $c: $l1 $r1 $r2"
        within_binomial "$l1" $((l1 + r1 + r2)) "$a"
        within_binomial "$r1" $((l1 + r1 + r2)) "$b"
        within_binomial "$r2" $((l1 + r1 + r2)) "$c"
        [ $((l1 + r1 + r2)) -ge $((COUNTED * STAGE_S / 3)) ] || fail "too few"
        seen+="$((a / 100))/$((b / 100))/$((c / 100)) "
    done < <(stages)
    equals "$seen" "100/0/0 95/5/0 70/30/0 45/45/10 34/33/33 " "the stages"
}

kernel_trips() { # RULE
    rollout '{state, why}'
    fs events
    trip_of web '.rule == "'"$1"'" and .withdrawn' || fail "no trip"
    rollout '.state == "rolled_back" and .why == "withdrawn: '"$1"'"' || fail "not that"
    equals "$(weights_of web)" "a=10000 b=0 c=0" "the weights"
    is_withdrawn web b || fail "not withdrawn"
    equals "$(journal_words)" "started advancing holding rolling_back rolled_back" "the journal"
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count 50 | jq -e '.by_name == {l1: 50}' || fail "new flows"
}

fails_with() { # RULE
    story 1000000
    load
    controller
    check "a cloud that breaks the guard's rule $1 is rolled back" ends_with 1
    check "$1: the kernel has withdrawn it, and the rollout says so" kernel_trips "$1"
    controller_end
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1)
# shellcheck disable=SC2046
serve b1 $(server r1)
SERVE=serve$serve_count
# shellcheck disable=SC2046
serve b2 $(server r2)
for i in 0 1 2; do
    fs --quiet attach lb$i
done

afresh clouds
story 10
offset_ms=$(($(date +%s%3N) - $("$PEER" now) / 1000000))
background count c "$PEER" load --to "$VIP4:80" --bind "$SOURCES4" --rate "$COUNTED" --log
load
hold_more 0
sleep "$STAGE_S"
controller
for stage in 1 2 3 4; do
    poll 20 in_step $stage
    hold_more $stage
done
check "100/0/0, 95/5/0, 70/30/0, 45/45/10, 34/33/33: promoted" ends_with 0 20
controller_end
background_end count TERM
check "at each stage, counted shares are within binomial bounds" shares_are_as_wished
check "each counted connection was answered" equals "$(cat "$TMP/count.status") $(wc -c <"$TMP/count.err")" "0 0"
load_end
check "each HTTP connection was answered" all_answered
for stage in 0 1 2 3 4; do
    background_end hold$stage TERM
done
check "of all that were opened at any stage, none was broken or misrouted" all_held

background_end "$SERVE" TERM
# shellcheck disable=SC2046
serve b1 --http-500 $(server r1)
SERVE=serve$serve_count
afresh guarded
hold_more 0
fails_with 'http_5xx > 1%'
background_end hold0 TERM
check "none of the connections held meanwhile was broken or misrouted" held hold0 "$HELD"
load_end
check "each HTTP connection was answered while it failed" all_answered
background_end "$SERVE" TERM
faulty b1 --at "$(backend 4 r1)" --slow 100 --delay 60
afresh guarded
fails_with 'p99 response_time > 20ms'
load_end
check "each HTTP connection was answered while it was slow" all_answered
done_testing
