#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `make demo`: a canary release from 5 % to 100 % and back, on real connections between network namespaces, while
# long-lived ones stay open; then the same by a plan, on evidence; then the canary dies, and the kernel withdraws it.
# Exits 0 only if before that none broke, none was misrouted, and the shares are what was wished.
set -euo pipefail

ROOT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=demo/network.sh
. "$ROOT_DIR/scripts/demo/network.sh"
# shellcheck source=demo/screen.sh
. "$ROOT_DIR/scripts/demo/screen.sh"
# shellcheck source=demo/rollout.sh
. "$ROOT_DIR/scripts/demo/rollout.sh"
# shellcheck source=demo/failure.sh
. "$ROOT_DIR/scripts/demo/failure.sh"

# A step opens so many connections, in batches of which none takes less than batch_us, so that one sees them come;
# on a slow machine it ends after step_us with as many as there are.
readonly batches=16 batch_size=250 batch_us=200000 step_us=8000000
readonly long_lived_each=200

# By step.
names=() wishes=() canaries=() totals=()
http_opened=0 http_broken=0 http_misrouted=0
long_opened=0
passed=false

die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

now_us() {
    REPLY=${EPOCHREALTIME//[.,]/}
}

# run ARGUMENTS...: flowsplit, seen by the audience.
run() {
    show_command "$@"
    (cd "$tmp" && flowsplit "$@") >"$tmp/run.out" 2>&1 || die "flowsplit $*: $(cat "$tmp/run.out")"
    show_output "$tmp/run.out"
}

# ---- one step ----

# step NAME CANARY-PERCENT: new connections by that weight, counted by who answered.
step() {
    local i begin took stable=0 canary=0 other=0 failed=0 drawn=false
    now_us
    begin=$REPLY
    for ((i = 0; i < batches; i++)); do
        count_batch $i
        draw "$2"
        drawn=true
        now_us
        took=$((REPLY - begin))
        ((took < step_us)) || break
        ((took >= (i + 1) * batch_us)) || sleep "$(printf '0.%06d' $(((i + 1) * batch_us - took)))"
    done
    $live || draw_bars "$2"
    names+=("$1") wishes+=("$2") canaries+=("$canary") totals+=($((stable + canary)))
    http_opened=$((http_opened + stable + canary + other))
    http_broken=$((http_broken + failed))
    http_misrouted=$((http_misrouted + other))
    # A version without weight must not answer any of them.
    (($2 != 100)) || http_misrouted=$((http_misrouted + stable))
}

# Adds a batch to step's counts: a request fails that got no answer, or not by one new connection.
count_batch() {
    local line
    while IFS= read -r line; do
        case $line in
        stable) stable=$((stable + 1)) ;;
        canary) canary=$((canary + 1)) ;;
        '200 1') ;;
        [0-9][0-9][0-9]\ [0-9]*) failed=$((failed + 1)) ;;
        *) other=$((other + 1)) ;;
        esac
    done < <(http_batch "$1" $batch_size)
    ((stable + canary > 0)) || die "no answer from $VIP that names a version: $(head -n 3 "$tmp/curl.err")"
}

# draw CANARY-PERCENT: in place, or a line now and then.
draw() {
    local total=$((stable + canary))
    if $live; then
        ! $drawn || printf '\e[4A'
        draw_bars "$1"
    elif (((i + 1) % (batches / 4) == 0 && i + 1 < batches)); then
        percent $canary $total
        say "after $total: canary $REPLY"
    fi
}

# draw_bars CANARY-PERCENT
draw_bars() {
    local total=$((stable + canary)) opened alive at_stable at_canary
    alive=$(long_lived_at c) at_stable=$(long_lived_at b1) at_canary=$(long_lived_at b2)
    share_line stable $stable $total $((100 - $1)) "$blue"
    share_line canary $canary $total "$1" "$yellow"
    with_commas $total
    opened=$REPLY
    say "${dim}new:$normal $opened HTTP connections, $failed failed$clear"
    say "${dim}long-lived:$normal $alive of $long_opened open: $at_stable at stable, $at_canary at canary$clear"
}

# long_lived TAG: opens some more.
long_lived() {
    long_lived_open "$1" $long_lived_each
    long_opened=$((long_opened + long_lived_each))
}

# ---- the summary ----

# share_row STEP: false when chance can't explain what came of the wish (5 sigma).
share_row() {
    awk -v name="${names[$1]}" -v wish="${wishes[$1]}" -v got="${canaries[$1]}" -v n="${totals[$1]}" \
        -v good="$green" -v odd="$yellow" -v bad="$red" -v normal="$normal" 'BEGIN {
        sigma = 100 * sqrt(wish / 100 * (1 - wish / 100) / n)
        off = 100 * got / n - wish
        if (off < 0)
            off = -off
        share = int(10000 * got / n + 0.5) / 100
        if (off > 5 * sigma + 1e-9)
            verdict = bad "NOT by chance"
        else if (sigma == 0)
            verdict = good "exact"
        else
            verdict = off > 3 * sigma ? odd "by chance, but rare" : good "within chance"
        printf "  %-16s %8.2f %% %8.2f %% %10.2f %10.2f     %s%s\n", name, wish, share, off, sigma, verdict, normal
        exit off > 5 * sigma + 1e-9
    }'
}

# connection_row WHAT OPENED BROKEN MISROUTED
connection_row() {
    local opened colour=$green
    with_commas "$2"
    opened=$REPLY
    (($3 == 0 && $4 == 0)) || colour=$red
    printf '  %-16s %10s %s%10s %10s%s\n' "$1" "$opened" "$colour" "$3" "$4" "$normal"
}

# long_lived_sum FIELD
long_lived_sum() {
    jq -s "map(.$1 // 0) | add" "$tmp"/long-*.out
}

# False unless all is as promised.
summary() {
    local i shares=true opened broken misrouted answers
    title 'What came of it'
    printf '\n  %s%-16s %10s %10s %10s %10s%s\n' "$dim" "canary's share" wished got 'off by' 'chance' "$normal"
    for i in "${!names[@]}"; do
        share_row "$i" || shares=false
    done
    say "${dim}chance: how far off, in percentage points, coin tosses typically are (1 sigma)$normal"
    opened=$(long_lived_sum opened)
    broken=$((long_opened - opened + $(long_lived_sum broken)))
    misrouted=$(long_lived_sum misrouted)
    printf '\n  %s%-16s %10s %10s %10s%s\n' "$dim" connections opened broken misrouted "$normal"
    connection_row 'new, HTTP' $http_opened $http_broken $http_misrouted
    connection_row long-lived "$opened" "$broken" "$misrouted"
    with_commas "$(long_lived_sum exchanges)"
    answers=$REPLY
    say "${dim}long-lived: $answers answers, each checked to be from the version that gave the first$normal"
    printf '\n'
    crash_summary
    printf '\n'
    if $shares && ((http_broken + http_misrouted + broken + misrouted == 0)); then
        say "$bold${green}PASSED$normal  Nobody lost a connection to a change; and the kernel took the dead canary out."
        return
    fi
    say "$bold${red}FAILED$normal  See the red figures above."
    cat "$tmp"/{curl,long-*}.err | head -n 20 >&2
    return 1
}

# ---- the story ----

check_place() {
    ((EUID == 0)) || die "needs root, for network namespaces and BPF: sudo make demo"
    # The traffic tool of the end-to-end tests serves the versions and holds the long-lived connections.
    [[ -x $FLOWSPLIT && -x $PEER ]] || make -s -C "$ROOT_DIR" all programs-e2e >/dev/null || die "make failed"
}

# Signals, too, get here by the EXIT trap; with traps of their own bash 5.2 now and then stumbles in the midst of a
# command substitution. A signal leaves no status, so a run has only passed if it says so.
# shellcheck disable=SC2317 # called by a trap
cleanup() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +e
    $passed || ((status != 0)) || status=1
    screen_restore 2>/dev/null
    if ! remove_all; then
        echo "demo: something named $ID-* is left: see ip netns list and /sys/fs/bpf" >&2
        status=1
    elif $passed; then
        say "${dim}Its namespaces, servers and pins are removed again. $SECONDS s.$normal"
    fi
    exit "$status"
}

scene() {
    title 'flowsplit demo: a canary release, steered in the kernel'
    cat <<END

  clients ------- this host, 192.0.2.1:80 --+-- ${blue}stable${normal}  10.0.1.2:8080
                  flowsplit on lb0          +-- ${yellow}canary${normal}  10.0.2.2:8080

  A release is one weight: each new connection goes to a version by it, and each
  live one stays where it is, for as long as it lives. No proxy, mesh or daemon is
  in the way: the commands below change tables in the kernel, then end.

  Four network namespaces, real TCP, HTTP servers that answer with their name.

END
}

story() {
    run attach lb0 --mode auto
    service_file 5% >"$tmp/web.yaml"
    run apply web.yaml

    title '1  A first look: 5 % of new connections meet the canary'
    long_lived long-1
    step 'first look' 5

    title '2  It looks well: 30 %. Whoever is connected stays put'
    run set web canary=30%
    step 'more of it' 30

    title '3  All new ones: 100 %. Stable keeps only its live connections'
    run set web canary=100%
    step 'all of it' 100
    long_lived long-2

    title '4  Second thoughts, back to 5 %. The canary keeps its connections, too'
    run set web canary=5%
    step 'back again' 5

    title '5  The same by a plan: each step is left on evidence, without anybody at the keyboard'
    rollout
    long_lived_end

    title "6  And then: the canary crashes while it has $crash_share %. Nobody is watching"
    run set web canary=$crash_share%
    crash
    run status web
}

check_place
trap cleanup EXIT
tmp=$(mktemp -d "/tmp/$ID.XXXXXX")
screen_setup
scene
network_up
servers_up
story
summary
passed=true
