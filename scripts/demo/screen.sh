# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # colours are used by who sources this
# How the demo shows things: colours and live bars on a terminal, plain lines elsewhere.

live=false
utf8=false
clear='' # to the end of a line that is drawn again
bold='' dim='' red='' green='' blue='' yellow='' normal=''

screen_setup() {
    if [[ -t 1 && $(locale charmap 2>/dev/null) == UTF-8 ]]; then
        utf8=true
    fi
    if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
        bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' blue=$'\e[36m' yellow=$'\e[33m' normal=$'\e[0m'
        # A line that wraps can't be drawn again in its place.
        (($(tput cols 2>/dev/null || echo 80) < 78)) || live=true
        ! $live || clear=$'\e[K'
    fi
    export LC_ALL=C # decimal points, and lengths in bytes
    ! $live || printf '\e[?25l'
}

screen_restore() {
    ! $live || printf '%s\e[?25h' "$normal"
}

say() {
    printf '  %s\n' "$*"
}

title() {
    printf '\n%s%s%s\n' "$bold" "$*" "$normal"
}

# with_commas NUMBER: 1234567 as 1,234,567, in $REPLY.
with_commas() {
    REPLY=$1
    while [[ $REPLY =~ ^([0-9]+)([0-9]{3}.*)$ ]]; do
        REPLY=${BASH_REMATCH[1]},${BASH_REMATCH[2]}
    done
}

# percent PART WHOLE: with two digits, in $REPLY.
percent() {
    local bp=$((($1 * 20000 + $2) / (2 * $2)))
    printf -v REPLY '%d.%02d %%' $((bp / 100)) $((bp % 100))
}

show_command() {
    printf '  %s$ flowsplit %s%s\n' "$bold" "$*" "$normal"
}

# show_output FILE
show_output() {
    sed "s/^.*$/    $dim&$normal/" "$1"
}

readonly bar_width=40

# bar COUNT TOTAL WISHED-PERCENT COLOUR: with a mark where it should end, in $REPLY.
bar() {
    local full='#' rest='.' mark='|' eighths=0 i
    local -a parts=('' '' '' '' '' '' '' '')
    if $utf8; then
        full='█' rest=' ' mark='│'
        parts=('' '▏' '▎' '▍' '▌' '▋' '▊' '▉')
    fi
    local steps=$((($1 * bar_width * 8 + $2 / 2) / $2)) wished=$(($3 * bar_width / 100))
    $utf8 || steps=$(((steps + 4) / 8 * 8))
    REPLY=$4
    for ((i = 0; i <= bar_width; i++)); do
        ((i != wished)) || REPLY+=$normal$mark$4
        ((i < bar_width)) || break
        eighths=$((steps - i * 8))
        if ((eighths >= 8)); then
            REPLY+=$full
        elif ((eighths > 0)); then
            REPLY+=${parts[eighths]:-$rest}
        else
            REPLY+=$rest
        fi
    done
    REPLY+=$normal
}

# share_line VERSION COUNT TOTAL WISHED-PERCENT COLOUR
share_line() {
    local drawn share
    bar "$2" "$3" "$4" "$5"
    drawn=$REPLY
    percent "$2" "$3"
    share=$REPLY
    printf '  %s %s %s%9s%s  wished %3d %%\n' "$1" "$drawn" "$bold" "$share" "$normal" "$4"
}
