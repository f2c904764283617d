#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# explain agrees with real connections: any source port, any affinity, settled and moving buckets.
# Not in VMs: the packet tests ask the same of explain there.
. "$(dirname "$0")/lib.sh"

# Of TCP; of UDP fewer will do. Much fewer, and one day none of them is of a sort that has to be seen.
SAMPLES=$(scaled 200 40)
UDP_SAMPLES=$(scaled 50 40)
# 2: half of the kinds only with settled buckets, the others only with moving ones.
STRIDE=$(scaled 1 2)

# Names: flow4, flow6 on port 80, source4, source6 on port 81 (TCP), udp4, udp6, none4, none6 (UDP).
all_kinds() {
    local family
    for family in 4 6; do
        service flow$family "$(vip $family 80/tcp)" flow 5m stable \
            "stable=60%:$(backends $family l1 r1)" "canary=40%:$(backends $family l2 r2)"
        service source$family "$(vip $family 81/tcp)" source 5m stable \
            "stable=60%:$(backends $family l3 r3)" "canary=40%:$(backends $family l4 r4)"
        service udp$family "$(vip $family 80/udp)" flow 5m stable \
            "stable=60%:$(backends $family l1 r1)" "canary=40%:$(backends $family l2 r2)"
        service none$family "$(vip $family 81/udp)" none 5m stable \
            "stable=60%:$(backends $family l3 r3)" "canary=40%:$(backends $family l4 r4)"
    done
}

# random_sources FAMILY COUNT: addresses with ports, one a line, none twice.
random_sources() {
    local i
    for ((i = 0; i < $2 + 20; i++)); do
        if [ "$1" = 4 ]; then
            echo "10.77.1.$((RANDOM % 60 + 1)):$((RANDOM % 30000 + 1024))"
        else
            printf '[fd77:0:%x::1]:%d\n' $((RANDOM % 60 + 1)) $((RANDOM % 30000 + 1024))
        fi
    done | sort -u | shuf -n "$2"
}

# name_of FAMILY BACKEND-ADDRESS
name_of() {
    echo "${NAMES[$1 $2]:-}"
}

declare -A NAMES=()
names_learn() {
    local name family
    for name in l1 l2 l3 l4 r1 r2 r3 r4; do
        for family in 4 6; do
            NAMES[$family $(backend $family $name)]=$name
        done
    done
}

# explained_as_answered SERVICE TARGET: explains each line of $TMP/sources, then asks for real.
explained_as_answered() {
    local service=$1 family=${1: -1} target=$2 source moving version explained answered wrong=0
    while read -r source; do
        fs explain "$service" "$source" --json
    done <"$TMP/sources" | jq -r '"\(.moving) \(.version) \(.backend)"' >"$TMP/explained"
    # shellcheck disable=SC2046 # words are wanted
    peer_in c ask --to "$target" $(sed 's/^/--bind /' "$TMP/sources") --reset >"$TMP/answered"
    paste -d' ' "$TMP/sources" "$TMP/explained" "$TMP/answered" >"$TMP/both"
    grep -qv '^-$' "$TMP/answered" || fail "nothing answered"
    while read -r source moving version explained answered; do
        case $version:$answered in stable:?[13] | canary:?[24]) ;; *) explained='' ;; esac
        if [ "$(name_of "$family" "$explained")" != "$answered" ]; then
            echo "$source moving=$moving version=$version backend=$explained answered=$answered"
            wrong=$((wrong + 1))
        fi
    done <"$TMP/both"
    [ $wrong -eq 0 ] || fail "$wrong of $(wc -l <"$TMP/both") differ"
}

# sorts_seen settled|moving KIND: both versions came up, and no or some moving buckets.
sorts_seen() {
    cut -d' ' -f2,3 "$TMP/both" | sort | uniq -c
    grep -q ' stable ' "$TMP/both" || fail "canary only"
    grep -q ' canary ' "$TMP/both" || fail "stable only"
    case $1-$2 in
    *-none) ;; # whose buckets need no time to move
    moving-*) grep -q ' true ' "$TMP/both" || fail "no sample in a moving bucket" ;;
    settled-*) ! grep -q ' true ' "$TMP/both" || fail "a sample in a moving bucket" ;;
    esac
}

# explain_all settled|moving
kinds_seen=0
explain_all() {
    local family kind port samples turn
    for family in 4 6; do
        for kind in flow:80/tcp source:81/tcp udp:80/udp none:81/udp; do
            turn=$((kinds_seen / 8 + kinds_seen / 4 + kinds_seen))
            kinds_seen=$((kinds_seen + 1))
            ((turn % STRIDE == 0)) || continue
            port=${kind#*:}
            kind=${kind%:*}
            samples=$SAMPLES
            [[ $port == */tcp ]] || samples=$UDP_SAMPLES
            random_sources $family "$samples" >"$TMP/sources"
            check "$1 buckets, $kind, v$family: $samples flows go where explain says" \
                explained_as_answered "$kind$family" "$(vip $family "$port")"
            check "$1 buckets, $kind, v$family: the samples are of all sorts" sorts_seen "$1" "$kind"
        done
    done
}

# A live flow stays where it is, and explain says so.
live_flows_explained() {
    local source name family explained wrong=0
    while read -r source name; do
        family=4
        [[ $source != \[* ]] || family=6
        explained=$(fs explain flow$family "$source" --json | jq -r .backend)
        if [ "$(name_of $family "$explained")" != "$name" ]; then
            echo "$source is held by $name, explained as $explained"
            wrong=$((wrong + 1))
        fi
    done <"$TMP/live.ready"
    [ $wrong -eq 0 ] || fail "$wrong live flows explained wrongly"
}

fields_present() {
    fs explain "$1" "$2" --json | tee "$TMP/explain" |
        jq -e 'has("service") and has("source") and has("bucket") and has("moving") and
            has("version") and has("previous_version") and has("backend")' || fail "$(cat "$TMP/explain")"
    jq -e --arg s "$1" '.service == $s and (.bucket >= 0 and .bucket < 10000)
        and (.moving | type == "boolean")' "$TMP/explain"
}

explains_in_words() {
    fs explain flow4 10.77.1.1:4000 >"$TMP/words"
    cat "$TMP/words"
    grep -q -e stable -e canary "$TMP/words" && grep -q 10.7 "$TMP/words"
}

topology_routed
serve_all
names_learn
apply_services all_kinds
fs --quiet attach lb0
RANDOM=${SEED:=$$}
echo "# SEED=$SEED"
check "explain --json has the fields it promises" fields_present flow4 10.77.1.1:4000
check "explain takes a source address alone for affinity source" fields_present source6 fd77:0:1::1
check "explain in words names version and backend" explains_in_words
explain_all settled
hold live c --to "$VIP4:80" --to "[$VIP6]:80" "${SOURCES[@]}" --count 40 --interval "$(scaled 200 1000)"
for service in flow4 flow6 source4 source6 udp4 udp6 none4 none6; do
    fs --quiet set $service canary=80%
done
explain_all moving
check "live flows in moving buckets are explained where they are" live_flows_explained
background_end live TERM
check "these flows lived on" held live 40
done_testing
