# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What every end-to-end test shares: TAP, polling, running flowsplit and the traffic tool in
# namespaces of this test's own, and the clean-up of all that. Topologies are in topology.sh.
set -euo pipefail

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT_DIR=$(cd "$E2E_DIR/../.." && pwd)
FLOWSPLIT=${FLOWSPLIT:-$ROOT_DIR/build/flowsplit}
PEER=${PEER:-$ROOT_DIR/build/tests/e2e/peer}
# In the names of all that a test makes; given by the runner.
ID=${FS_E2E_ID:-fse2e-$$}
PIN=/sys/fs/bpf/$ID
TMP=$(mktemp -d "/tmp/$ID.XXXXXX")
FS_VM=${FS_VM:-0}

PIDS=()
declare -A BACKGROUND=()
tap_count=0
tap_failed=0
tap_finished=0

# ---- TAP ----

ok() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

# not_ok SENTENCE [FILE]: the file's text explains.
not_ok() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    [ -z "${2:-}" ] || tail -n 40 "$2" | sed 's/^/#   /'
}

skip() {
    ok "$1 # SKIP $2"
}

# check SENTENCE COMMAND...: the command runs in a subshell under errexit; what it says is shown
# when it fails.
check() {
    local sentence=$1 status
    shift
    set +e
    (
        set -e
        "$@"
    ) >"$TMP/check.out" 2>&1
    status=$?
    set -e
    if [ $status -eq 0 ]; then
        ok "$sentence"
    else
        echo "(status $status of: $*)" >>"$TMP/check.out"
        not_ok "$sentence" "$TMP/check.out"
    fi
}

done_testing() {
    tap_finished=1
    echo "1..$tap_count"
    [ $tap_failed -eq 0 ]
}

# fail MESSAGE: for use in what check runs.
fail() {
    echo "$*" >&2
    return 1
}

# equals GOT WANTED WHAT
equals() {
    [ "$1" = "$2" ] || fail "${3:-it} is '$1', not '$2'"
}

# ---- time ----

# scaled HERE IN_A_VM: a figure that an emulated machine gets smaller or larger.
scaled() {
    if [ "$FS_VM" = 1 ]; then echo "$2"; else echo "$1"; fi
}

# Between two looks, each of which takes an emulated CPU long. The first comes sooner.
FIRST_PAUSE_S=$(scaled 0.05 0.1)
PAUSE_S=$(scaled 0.05 0.5)

# jq takes an emulated CPU half a second to start, gojq a tenth of that.
JQ=$(scaled jq gojq)
jq() {
    command $JQ "$@"
}

# poll SECONDS COMMAND...: until it succeeds; ten times as long in a VM.
poll() {
    local until_s=$((SECONDS + $(scaled "$1" $(($1 * 10))) + 1))
    local pause=$FIRST_PAUSE_S
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until_s ] || fail "waited in vain for: $*" || return 1
        sleep "$pause"
        pause=$PAUSE_S
    done
}

# ---- namespaces and processes ----

in_ns() {
    local name=$1
    shift
    "$PEER" in "/run/netns/$ID-$name" "$@"
}

ip_in() {
    local name=$1
    shift
    ip -n "$ID-$name" "$@"
}

peer_in() {
    local name=$1
    shift
    in_ns "$name" "$PEER" "$@"
}

# flowsplit on "this host"; AT names another instance than the test's first.
AT=
fs() {
    in_ns lb "$FLOWSPLIT" --pin-dir "${AT:-$PIN}" "$@"
}

# background TAG NAMESPACE COMMAND...: output in $TMP/TAG.out and .err.
background() {
    local tag=$1 name=$2
    shift 2
    "$PEER" in "/run/netns/$ID-$name" "$@" >"$TMP/$tag.out" 2>"$TMP/$tag.err" &
    BACKGROUND[$tag]=$!
    PIDS+=("$!")
}

# background_end TAG [SIGNAL]: waits for its end, after a signal if one is named; status in
# $TMP/TAG.status.
background_end() {
    local status=0
    [ -z "${2:-}" ] || kill -s "$2" "${BACKGROUND[$1]}" 2>/dev/null || true
    wait "${BACKGROUND[$1]}" || status=$?
    echo $status >"$TMP/$1.status"
}

# serve NAMESPACE NAME ADDR... (as peer serve); returns when it listens.
serve_count=0
serve() {
    local name=$1 tag=serve$((serve_count += 1))
    shift
    background "$tag" "$name" "$PEER" serve "$@"
    poll 10 grep -q ready "$TMP/$tag.out" || fail "$(cat "$TMP/$tag.err")"
}

# The most bytes of an exchange; several hundred segments in a second are all that an emulated CPU can do.
HOLD_BYTES=$(scaled 20000 3000)

# hold TAG NAMESPACE ARGUMENTS...: live connections, all open when it returns.
hold() {
    local tag=$1 name=$2
    shift 2
    rm -f "$TMP/$tag.ready" # of one that had this tag before
    background "$tag" "$name" "$PEER" hold --ready-file "$TMP/$tag.ready" --max-payload "$HOLD_BYTES" "$@"
    poll 30 eval "[ -e '$TMP/$tag.ready' ] || ! kill -0 ${BACKGROUND[$tag]}"
    [ -e "$TMP/$tag.ready" ]
}

# held TAG COUNT: for check, after background_end TAG: all COUNT lived and none was misrouted; of
# datagrams, which may get lost, next to none were.
held() {
    cat "$TMP/$1.out" "$TMP/$1.err"
    equals "$(cat "$TMP/$1.status")" 0 "the exit status"
    jq -e --argjson n "$2" '.opened == $n and .broken == 0 and .misrouted == 0 and .lost * 20 <= .exchanges' \
        "$TMP/$1.out" >/dev/null || fail "broken or misrouted connections, or datagrams lost"
}

# ---- flowsplit ----

# status FILTER [SERVICE]: from status --json, by jq.
status() {
    fs status --json | jq -er "$1"
}

# A service's entry: of web SERVICE FILTER.
of() {
    status ".services[] | select(.name == \"$1\") | $2"
}

weights_of() {
    of "$1" '[.versions[] | "\(.name)=\(.weight_bp)"] | join(" ")'
}

# service NAME VIP AFFINITY DRAIN BASELINE VERSION=WEIGHT:BACKEND,BACKEND...: one item of a file.
service() {
    local vip=$2 affinity=$3 drain=$4 baseline=$5 version weight
    printf '  - name: %s\n    vip: "%s"\n    mode: nat\n    affinity: %s\n' "$1" "$vip" "$affinity"
    printf '    baseline: %s\n    drain: %s\n    versions:\n' "$baseline" "$drain"
    shift 5
    for version in "$@"; do
        weight=${version#*=}
        printf '      - name: %s\n        weight: %s\n        backends: [' \
            "${version%%=*}" "${weight%%:*}"
        [ -z "${weight#*:}" ] || printf '"%s"' "${weight#*:}" | sed 's/,/", "/g'
        printf ']\n'
    done
}

# apply_services FUNCTION-OR-COMMAND...: whose output are the items.
apply_services() {
    {
        echo 'services:'
        "$@"
    } >"$TMP/services.yaml"
    fs --quiet apply "$TMP/services.yaml" 2>"$TMP/apply.words" || {
        cat "$TMP/services.yaml" "$TMP/apply.words" >&2
        return 1
    }
}

# within_binomial GOT TOTAL BASIS_POINTS: five standard deviations.
within_binomial() {
    awk -v got="$1" -v n="$2" -v p="$3" 'BEGIN {
        p /= 10000; wish = n * p; off = got - wish; if (off < 0) off = -off
        bound = 5 * sqrt(n * p * (1 - p)) + 0.5
        printf "%d of %d, wished %.1f, allowed +-%.1f\n", got, n, wish, bound
        exit !(off <= bound)
    }' || fail "a share out of bounds"
}

# events: those of this test, an object a line.
FIRST_EVENT=0
events() {
    if [ "$FIRST_EVENT" = 0 ]; then
        fs events --json
    else
        fs events --json | sed -n "/\"number\":$FIRST_EVENT,/,\$p"
    fi
}

# ---- the end ----

# Ends the processes and removes the namespaces, so that another topology can come. The instance stays.
topology_down() {
    local name pid
    for pid in "${PIDS[@]}"; do
        kill -CONT "$pid" 2>/dev/null || true
        kill "$pid" 2>/dev/null || true
    done
    # Not a bare wait: that would wait for the process behind stderr, too.
    [ ${#PIDS[@]} -eq 0 ] || wait "${PIDS[@]}" 2>/dev/null || true
    PIDS=()
    for name in $(ip netns list | awk -v id="$ID-" 'index($1, id) == 1 { print $1 }'); do
        ip netns del "$name"
    done
}

# An emulated CPU takes long to load the programs, so in a VM a test leaves its instance to the next one: with nothing
# attached and without services, as one finds it that has been used.
LEGACY=${FS_E2E_LEGACY:-}

leave_instance() {
    [ -n "$LEGACY" ] && [ -d "$PIN" ] && [ -e "/run/netns/$ID-lb" ] || return
    fs --quiet detach --all && fs --quiet apply - <<<'services: []' && mv "$PIN" "$LEGACY"
}

inherit_instance() {
    local last
    [ -n "$LEGACY" ] && [ -d "$LEGACY" ] || return 0
    mv "$LEGACY" "$PIN"
    last=$("$FLOWSPLIT" --pin-dir "$PIN" events --json | tail -n 1)
    [[ ! $last =~ \"number\":([0-9]+) ]] || FIRST_EVENT=$((BASH_REMATCH[1] + 1))
}

cleanup() {
    local status=$?
    trap - EXIT INT TERM
    set +e
    if [ $tap_finished -eq 0 ]; then
        cat "$TMP/trouble" "$TMP"/*.err >"$TMP/end" 2>/dev/null
        not_ok "the test runs to its end (it ended with status $status)" "$TMP/end"
        status=1
    fi
    [ $status -ne 0 ] || leave_instance
    topology_down
    rm -rf "$PIN" "$PIN"-* "$TMP" "/run/flowsplit/sys-fs-bpf-${ID//-/%2d}".*
    exit $status
}

start() {
    [ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
    mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    trap 'echo "line $LINENO of ${BASH_SOURCE[0]}: $BASH_COMMAND" >>"$TMP/trouble"' ERR
    # What commands outside a check say must not pass for TAP.
    exec 2> >(sed -u 's/^/# /' >&1)
    inherit_instance
}

# shellcheck source=topology.sh
. "$E2E_DIR/topology.sh"
start
