# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the other files of the demo
# What the demo makes and removes: namespaces, links, servers, connections, pins.
#
#   c  198.51.100.0/24  c0--lb0  lb, "this host",   lb1--b0  b1  10.0.1.2:8080, stable
#      clients                   VIP 192.0.2.1:80   lb2--b0  b2  10.0.2.2:8080, canary

readonly ROOT_DIR FLOWSPLIT="$ROOT_DIR/build/flowsplit" PEER="$ROOT_DIR/build/tests/e2e/peer"
readonly ID="fsdemo-$$"
readonly PIN_DIR="/sys/fs/bpf/$ID"
readonly NAMESPACES=(c lb b1 b2)
readonly VIP="192.0.2.1:80"
readonly STABLE_AT="10.0.1.2:8080" CANARY_AT="10.0.2.2:8080"
# Clients of short connections, and of long ones.
readonly SHORT_NET=198.51.100 SHORT_HOSTS=8 LONG_FROM=198.51.100.201-198.51.100.208
readonly LONG_NET=198.51.100.192/26

tmp=
pids=()
canary_pid=

in_ns() {
    local name=$1
    shift
    # nsenter and not `ip netns exec`, which would hide the pins by mounting /sys anew.
    nsenter --net="/run/netns/$ID-$name" -- "$@"
}

# The product, on "this host".
flowsplit() {
    in_ns lb "$FLOWSPLIT" --pin-dir "$PIN_DIR" "$@"
}

# background TAG NAMESPACE COMMAND...: output in $tmp/TAG.out and .err; pid in $!. It dies with this script,
# whatever ends that.
background() {
    local tag=$1 name=$2
    shift 2
    nsenter --net="/run/netns/$ID-$name" -- setpriv --pdeathsig KILL "$@" \
        >"$tmp/$tag.out" 2>"$tmp/$tag.err" </dev/null &
    pids+=("$!")
}

# poll SECONDS COMMAND...: until it succeeds.
poll() {
    local until_s=$((SECONDS + $1 + 1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until_s)) || die "waited in vain for: $*"
        sleep 0.05
    done
}

# link NAMESPACE INTERFACE NAMESPACE INTERFACE: full checksums, since nobody completes those of a redirected
# frame; and GRO, with which a veth end takes frames that were redirected to its peer.
link() {
    local end
    ip link add "$2" netns "$ID-$1" type veth peer name "$4" netns "$ID-$3"
    for end in "$1 $2" "$3 $4"; do
        ip -n "$ID-${end% *}" link set "${end#* }" up
        in_ns "${end% *}" ethtool -K "${end#* }" tx off gro on >/dev/null
    done
}

network_up() {
    local name i
    for name in "${NAMESPACES[@]}"; do
        ip netns add "$ID-$name"
        ip -n "$ID-$name" link set lo up
        in_ns "$name" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
    done
    in_ns lb sysctl -q -w net.ipv4.ip_forward=1
    link c c0 lb lb0
    for i in $(seq 1 $SHORT_HOSTS) $(seq 201 208); do
        echo "addr add $SHORT_NET.$i/24 dev c0"
    done | ip -n "$ID-c" -batch -
    ip -n "$ID-c" route add default via $SHORT_NET.254
    ip -n "$ID-lb" addr add $SHORT_NET.254/24 dev lb0
    ip -n "$ID-lb" addr add "${VIP%:*}/32" dev lb0
    for i in 1 2; do
        link lb lb$i b$i b0
        ip -n "$ID-lb" addr add 10.0.$i.1/24 dev lb$i
        ip -n "$ID-b$i" addr add 10.0.$i.2/24 dev b0
        ip -n "$ID-b$i" route add default via 10.0.$i.1
    done
    for name in "${VIP%:*}" "${STABLE_AT%:*}" "${CANARY_AT%:*}"; do
        poll 10 in_ns c ping -q -c 1 -W 1 "$name"
    done
}

servers_up() {
    background stable b1 "$PEER" serve stable "$STABLE_AT"
    background canary b2 "$PEER" serve canary "$CANARY_AT"
    canary_pid=$!
    poll 10 grep -q ready "$tmp/stable.out"
    poll 10 grep -q ready "$tmp/canary.out"
}

# service_file CANARY-WEIGHT
service_file() {
    cat <<END
services:
  - name: web
    vip: $VIP/tcp
    mode: nat
    affinity: flow
    baseline: stable
    drain: 10s
    guard:
      rules:
        - connect_failures > 1%
        - resets > 1%
      clients: 1
    versions:
      - name: stable
        weight: $((100 - ${1%\%}))%
        backends: [$STABLE_AT]
      - name: canary
        weight: $1
        backends: [$CANARY_AT]
END
}

# ---- connections ----

# http_batch NUMBER COUNT: as many HTTP requests, each on a connection of its own, from one client address. For each
# answer a line that names the version, for each request a line "STATUS CONNECTIONS-MADE".
http_batch() {
    in_ns c curl -q --no-progress-meter --noproxy '*' --parallel --parallel-immediate --parallel-max 32 \
        --interface "$SHORT_NET.$(($1 % SHORT_HOSTS + 1))" --max-time 10 \
        --write-out '%{http_code} %{num_connects}\n' "http://$VIP/[1-$2]" 2>>"$tmp/curl.err" || true
}

# Long-lived connections that ask all the time and check each answer: the same version and connection as the first?
# long_lived_open TAG COUNT: returns when they are open; "ADDRESS VERSION" a line in $tmp/TAG.ready.
long_lived_open() {
    background "$1" c "$PEER" hold --to "$VIP" --bind $LONG_FROM --count "$2" --interval 400 --timeout 15 \
        --ready-file "$tmp/$1.ready" --until-file "$tmp/end"
    long_lived_pids+=("$!")
    poll 20 long_lived_opened "$1" $!
    [[ -e $tmp/$1.ready ]] || die "long-lived connections did not open: $(cat "$tmp/$1.err")"
}

long_lived_pids=()

long_lived_opened() {
    [[ -e $tmp/$1.ready ]] || ! kill -0 "$2"
}

# long_lived_at NAMESPACE: how many are open, by the kernel of that end.
long_lived_at() {
    local end=dst
    [[ $1 != c ]] || end=src
    in_ns "$1" ss -Htn state established $end $LONG_NET | wc -l
}

# Ends them in order; their summaries, JSON, are in $tmp/TAG.out.
long_lived_end() {
    local pid
    touch "$tmp/end"
    for pid in "${long_lived_pids[@]}"; do
        wait "$pid" || true # the summary says what failed
    done
}

# ---- the end ----

# Removes all of it, also what is half made; true when nothing is left.
remove_all() {
    local name
    kill "${pids[@]}" 2>/dev/null
    # Not a bare wait: that would wait for other than ours, too.
    ((${#pids[@]} == 0)) || wait "${pids[@]}"
    [[ ! -e $PIN_DIR ]] || flowsplit --quiet detach --all
    rm -rf "$PIN_DIR"
    for name in "${NAMESPACES[@]}"; do
        [[ ! -e /run/netns/$ID-$name ]] || ip netns del "$ID-$name"
    done
    [[ -z $tmp ]] || rm -rf "$tmp"
    [[ ! -e $PIN_DIR && ! -e $tmp ]] && ! compgen -G "/run/netns/$ID-*"
} >/dev/null 2>&1
