#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# While a trip is in force, explain says where packets go; clear gives back the very same buckets.
# Not in VMs: the packet tests ask the same of trips and clears there, and explain is user space.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

SAMPLES=60

too_slow() {
    rules 'p99 connect_time > 1us'
    echo '      worse_than_baseline: false'
}

# sources_of SERVICE: addresses with ports, none twice, that no connection has used.
sources_of() {
    local i
    for ((i = 0; i < SAMPLES; i++)); do
        port=$((port + 1))
        if [ "${1: -1}" = 4 ]; then
            echo "10.77.1.$((i % 60 + 1)):$port"
        else
            printf '[fd77:0:%x::1]:%d\n' $((i % 60 + 1)) $port
        fi
    done
}
port=2000

# explained SERVICE: each line of $TMP/sources: bucket, version and backend.
explained() {
    local source
    while read -r source; do
        fs explain "$1" "$source" --json
    done <"$TMP/sources" | jq -r '"\(.bucket) \(.version) \(.backend)"'
}

# names SERVICE: for each line of explained, who answers at that backend.
names() {
    local bucket version backend name
    while read -r bucket version backend; do
        for name in l1 l2 r1 r2; do
            [ "$(backend "${1: -1}" $name)" != "$backend" ] || echo $name
        done
    done
}

# answered_as_explained SERVICE
answered_as_explained() {
    # shellcheck disable=SC2046 # words are wanted
    peer_in c ask --to "$(vip_of "$1")" $(sed 's/^/--bind /' "$TMP/sources") --reset >"$TMP/answered"
    explained "$1" | names "$1" >"$TMP/names"
    diff "$TMP/names" "$TMP/answered" || fail "explain and packets differ"
}

versions_seen() {
    awk '{ print $2 }' "$1" | sort -u | xargs
}

tripped() {
    peer_in c load --to "$(vip_of "$1")" "${SOURCES[@]}" --count 30 --concurrency 1
    is_withdrawn "$1"
}

all_are_the_baselines() {
    explained "$1" >"$TMP/during"
    equals "$(versions_seen "$TMP/during")" stable "the versions"
    equals "$(cut -d' ' -f1 "$TMP/during")" "$(cut -d' ' -f1 "$TMP/before")" "the buckets"
}

all_are_back() {
    fs --quiet clear "$1" canary
    explained "$1" >"$TMP/after"
    diff "$TMP/before" "$TMP/after" || fail "other places than before"
    equals "$(of "$1" '.versions | map("\(.weight_bp) \(.buckets)") | join(", ")')" "5000 5000, 5000 5000"
    no_bad_outcome "$1" canary
}

# The canary's live flows stay, and explain finds them.
live_as_explained() {
    local source name
    while read -r source name; do
        echo "$source" >"$TMP/sources"
        equals "$(explained "$1" | names "$1")" "$name" "the backend of $source"
    done <"$TMP/live.ready"
    grep -q ' [lr]2$' "$TMP/live.ready"
}

before() {
    explained "$1" >"$TMP/before"
    equals "$(versions_seen "$TMP/before")" 'canary stable' "the versions"
}

topology_routed
serve_all
fs --quiet attach lb0
apply_services all_guarded 50 too_slow
for service in "${GUARDED[@]}"; do
    sources_of "$service" >"$TMP/sources"
    check "$service: before, clients are with either version" before "$service"
    check "$service: the trip comes" tripped "$service"
    check "$service: explain says that all new flows go to the baseline" all_are_the_baselines "$service"
    cp "$TMP/sources" "$TMP/unused"
    sources_of "$service" >"$TMP/sources"
    check "$service: real connections of $SAMPLES clients go where explain says" \
        answered_as_explained "$service"
    mv "$TMP/unused" "$TMP/sources"
    check "$service: clear gives back the same clients, with the scores at zero" all_are_back "$service"
    hold live c --to "$(vip_of "$service")" "${SOURCES[@]}" --count 12 --interval 200
    check "$service: it trips again" tripped "$service"
    check "$service: explain finds its live flows where they are" live_as_explained "$service"
    sources_of "$service" >"$TMP/sources"
    check "$service: new ones go where explain says" answered_as_explained "$service"
    background_end live TERM
    check "$service: the live flows went on" held live 12
done
done_testing
