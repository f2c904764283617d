# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Random changes of weights and backends to four services (v4 and v6, TCP and UDP), each with three
# versions of local and remote backends.

AFFINITY=flow
DRAIN=5m
declare -A POOL=([stable]="l1 r1 r2" [canary]="l3 r3" [beta]="l2 l4 r4")

percent() { # of basis points
    printf '%d.%02d%%' $(($1 / 100)) $(($1 % 100))
}

# Two shares in basis points that leave something or nothing for the third.
random_shares() {
    local first=$((RANDOM % 10001))
    echo "$first $((RANDOM % (10001 - first)))"
}

# random_pool VERSION FAMILY: one or more of its backends.
random_pool() {
    local name chosen=()
    while [ ${#chosen[@]} -eq 0 ]; do
        for name in ${POOL[$1]}; do
            [ $((RANDOM % 2)) -eq 0 ] || chosen+=("$name")
        done
    done
    backends "$2" "${chosen[@]}"
}

# random_service NAME FAMILY PROTOCOL
random_service() {
    local canary beta
    read -r canary beta <<<"$(random_shares)"
    service "$1" "$(vip "$2" "80/$3")" "$AFFINITY" "$DRAIN" stable \
        "stable=$(percent $((10000 - canary - beta))):$(random_pool stable "$2")" \
        "canary=$(percent "$canary"):$(random_pool canary "$2")" \
        "beta=$(percent "$beta"):$(random_pool beta "$2")"
}

random_services() {
    local family
    for family in 4 6; do
        random_service "web$family" $family tcp
        # Sources that share a version say nothing about UDP here.
        AFFINITY=flow random_service "dns$family" $family udp
    done
}

random_set() {
    local canary beta names=(web4 web6 dns4 dns6)
    read -r canary beta <<<"$(random_shares)"
    fs --quiet set "${names[RANDOM % 4]}" "canary=$(percent "$canary")" "beta=$(percent "$beta")"
}

# random_changes COUNT: half of them weights, half backends and weights.
random_changes() {
    local i
    for ((i = 0; i < $1; i++)); do
        if ((RANDOM % 2)); then
            random_set || fail "change $i: set failed"
        else
            apply_services random_services || fail "change $i: apply failed"
        fi
    done
}
