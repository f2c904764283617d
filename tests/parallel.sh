# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Runs programs several at a time and shows what they print one by one, in their order. For a layer's runner, which
# defines:
#
#   launch NAME LANE          becomes the program (in a subshell); no two programs have a LANE, from 1 on, at the same time
#   clean_up NAME LANE STATUS removes what it may have left, also when all is stopped
#   show NAME STATUS SECONDS  gets on stdin what it printed
#
# and then calls `run_parallel LANES NAME...`.
parallel=$(mktemp -d "${TMPDIR:-/tmp}/flowsplit-tests.XXXXXX")
scheduler=

# Whoever ends writes a line here; looking for files again and again would take half of an emulated CPU.
mkfifo "$parallel/news"
exec {news}<>"$parallel/news"

# To all that run; they are waited for, since a test cleans up after itself.
stop_parallel() {
    local file program keeper lane
    trap - EXIT INT TERM HUP
    [[ -z $scheduler ]] || kill "$scheduler" 2>/dev/null || true
    for file in "$parallel"/*.runs; do
        [[ -e $file ]] || continue
        read -r program keeper lane <"$file"
        kill "$keeper" "$program" 2>/dev/null || true
        while kill -0 "$program" 2>/dev/null; do sleep 0.1; done
        file=${file##*/}
        clean_up "${file%.runs}" "$lane" 143
    done
    rm -rf "$parallel"
}
trap stop_parallel EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

run_in_lane() {
    local name=$1 lane=$2 status=0 begin=$SECONDS
    launch "$name" "$lane" >"$parallel/$name.out" 2>&1 </dev/null &
    echo "$! $BASHPID $lane" >"$parallel/$name.runs"
    wait $! || status=$?
    clean_up "$name" "$lane" "$status"
    rm -f "$parallel/$name.runs"
    echo "$status $((SECONDS - begin))" >"$parallel/$name.ends"
    mv "$parallel/$name.ends" "$parallel/$name.ended"
    echo "$name" >&"$news"
}

fill_lanes() {
    local -a free=()
    local -A lane_of=()
    local name pid lane
    for ((lane = $1; lane >= 1; lane--)); do free+=("$lane"); done
    shift
    for name; do
        if ((${#free[@]} == 0)); then
            wait -n -p pid
            free+=("${lane_of[$pid]}")
        fi
        lane=${free[-1]}
        unset 'free[-1]'
        run_in_lane "$name" "$lane" &
        lane_of[$!]=$lane
    done
    wait
}

run_parallel() {
    local name status seconds
    fill_lanes "$@" &
    scheduler=$!
    shift
    for name; do
        until [[ -e $parallel/$name.ended ]]; do read -r _ <&"$news"; done
        read -r status seconds <"$parallel/$name.ended"
        show "$name" "$status" "$seconds" <"$parallel/$name.out"
    done
}
