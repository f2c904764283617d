#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# apply adds, changes and removes services to match the file, all or nothing, and says when nothing changed.
# Not in VMs: what a file makes of the tables is the same everywhere.
. "$(dirname "$0")/lib.sh"

first() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=95%:$(backends 4 l1 r1)" "canary=5%:$(backends 4 l2)"
    service dns "$VIP4:53/udp" none 5m stable "stable=100%:$(backends 4 l3)"
}

# web changed in weights and backends, dns removed, api added.
second() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=70.5%:$(backends 4 l1 l3)" \
        "canary=29.5%:$(backends 4 l2 r2)"
    service api "[$VIP6]:443/tcp" source 10s stable "stable=100%:$(backends 6 l1)"
}

# One good change and one that is refused.
half_bad() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=50%:$(backends 4 l1)" "canary=50%:$(backends 4 l2)"
    service bad "$VIP4:81/tcp" flow 5m stable "stable=100%:"
}

file() {
    echo services:
    "$@"
}

# Without what traffic or time may change.
state() {
    status '[.services[] | {name, vip, mode, affinity, baseline, generation,
        versions: [.versions[] | {name, weight_bp, backends: [.backends[].address]}]}]' >"$TMP/state"
    cat "$TMP/state"
}

shape() {
    status '[.services[] | "\(.name) \(.vip) \(.mode) \(.affinity) \(.baseline): " + ([.versions[] |
        "\(.name)=\(.weight_bp) " + ([.backends[] | select(.draining | not) | .address] | sort | join(","))] | join(" "))] | sort | join("; ")'
}

says_unchanged() {
    local before
    before=$(state)
    fs apply "$TMP/file.yaml" >"$TMP/said" 2>&1
    cat "$TMP/said"
    grep -iE 'nothing|no change|unchanged|not changed' "$TMP/said" || fail "doesn't say so"
    equals "$(state)" "$before" "the state"
}

from_stdin() {
    file first | fs apply -
}

all_or_nothing() {
    local before
    before=$(state)
    file half_bad >"$TMP/half.yaml"
    ! fs apply "$TMP/half.yaml" || fail "accepted"
    equals "$(state)" "$before" "the state"
}

# The example of the documentation, word for word but for the addresses; with an unquoted v6 VIP.
plain_words() {
    cat >"$TMP/plain.yaml" <<-END
	services:
	  - name: web
	    vip: $VIP4:80/tcp            # a comment
	    mode: nat
	    affinity: flow                  # flow | source | none
	    baseline: stable
	    drain: 5m                       # how long
	    versions:
	      - name: stable
	        weight: 95%
	        backends: [10.0.0.11:8080, 10.0.0.12:8080]
	      - name: canary
	        weight: 5%
	        backends: [10.0.0.21:8080]
	  - name: six
	    vip: [$VIP6]:80/tcp
	    mode: nat
	    baseline: stable
	    versions:
	      - name: stable
	        weight: 100%
	        backends:
	          - "[2001:db8::1]:8080"
	END
    fs apply "$TMP/plain.yaml"
    equals "$(of web .vip)" "$VIP4:80/tcp" "the VIP"
    equals "$(of six .vip)" "[$VIP6]:80/tcp" "the VIP"
    equals "$(of six '.versions[0].backends[0].address')" "[2001:db8::1]:8080" "the backend"
}

sizes() { # VERSIONS BACKENDS-OF-EACH
    local v b
    printf 'services:\n  - name: big\n    vip: 10.9.0.1:80/tcp\n    mode: nat\n    baseline: v1\n    versions:\n'
    for ((v = 1; v <= $1; v++)); do
        printf '      - name: v%d\n        weight: %s\n        backends: [' $v "$([ $v = 1 ] && echo 100% || echo 0%)"
        for ((b = 0; b < $2; b++)); do
            printf '%s10.%d.%d.%d:80' "$([ $b = 0 ] || echo ', ')" $((100 + v)) $((b / 250)) $((b % 250 + 1))
        done
        printf ']\n'
    done
}

size_taken() {
    sizes "$1" "$2" | fs apply -
    equals "$(status '.services[0].versions | length')" "$1" versions
    equals "$(status '.services[0].versions[0].backends | length')" "$2" backends
}

size_refused() {
    ! sizes "$1" "$2" | fs apply - || fail "accepted"
}

topology_routed
serve_all
fs --quiet attach lb0
file first >"$TMP/file.yaml"
check "apply of a file" fs apply "$TMP/file.yaml"
check "status shows it" equals "$(shape)" \
    "dns $VIP4:53/udp nat none stable: stable=10000 $(backend 4 l3); web $VIP4:80/tcp nat flow stable: stable=9500 $(backend 4 l1),$(backend 4 r1) canary=500 $(backend 4 l2)"
check "apply of the same file changes nothing and says so" says_unchanged
hold live c --to "$VIP4:80" "${SOURCES[@]}" --count 40 --interval 100
file second >"$TMP/file.yaml"
check "apply of a file that adds, changes and removes" fs apply "$TMP/file.yaml"
check "status matches it" equals "$(shape)" \
    "api [$VIP6]:443/tcp nat source stable: stable=10000 $(backend 6 l1); web $VIP4:80/tcp nat flow stable: stable=7050 $(backend 4 l1),$(backend 4 l3) canary=2950 $(backend 4 l2),$(backend 4 r2)"
check "a service that was added is served" peer_in c ask --to "[$VIP6]:443"
check "apply from standard input" from_stdin
check "a file with one bad service changes nothing" all_or_nothing
background_end live TERM
check "connections live through these changes" held live 40
check "16 versions are taken" size_taken 16 2
check "17 versions are refused" size_refused 17 1
check "4096 backends are taken" size_taken 1 4096
check "4097 backends are refused" size_refused 1 4097
check "the documented example is taken as it is written" plain_words
check "a file of no services removes all" bash -c 'echo "services: []" | "$@"' - \
    nsenter --net="/run/netns/$ID-lb" -- "$FLOWSPLIT" --pin-dir "$PIN" apply -
check "none is left" equals "$(status '.services | length')" 0
done_testing
