# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# A real Prometheus: Debian's server and promtool, unpacked by scripts/deps.sh or installed.

# prometheus_program NAME: its path.
prometheus_program() {
    local dir
    for dir in "${FLOWSPLIT_CACHE:-/var/cache/flowsplit}" "${HOME:-/root}/.cache/flowsplit"; do
        if [ -x "$dir/unpacked/prometheus/usr/bin/$1" ]; then
            echo "$dir/unpacked/prometheus/usr/bin/$1"
            return
        fi
    done
    command -v "$1" || fail "no $1: run scripts/deps.sh test"
}

promtool() {
    "$(prometheus_program promtool)" "$@"
}

PROMETHEUS_AT=127.0.0.1:9090

prometheus_config() {
    local target
    printf 'global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n'
    [ ! -e "$TMP/rules.yaml" ] || printf 'rule_files: ["%s"]\n' "$TMP/rules.yaml"
    printf 'scrape_configs:\n  - job_name: flowsplit\n    static_configs:\n      - targets:\n'
    for target; do
        printf '          - "%s"\n' "$target"
    done
}

# prometheus_start NAMESPACE TARGET...: scrapes each once a second; with the alerts of $TMP/rules.yaml if that is there.
# Returns when it answers. Its tag is prometheus.
prometheus_start() {
    local name=$1 program
    shift
    program=$(prometheus_program prometheus)
    prometheus_config "$@" >"$TMP/prometheus.yaml"
    background prometheus "$name" env -C "$TMP" "$program" --config.file="$TMP/prometheus.yaml" \
        --storage.tsdb.path="$TMP/prometheus" --web.listen-address=$PROMETHEUS_AT --log.level=warn
    poll 20 prometheus_get "$name" /-/ready || fail "$(cat "$TMP/prometheus.err")"
}

# prometheus_get NAMESPACE PATH CURL-ARGUMENT...
prometheus_get() {
    local name=$1 path=$2
    shift 2
    in_ns "$name" curl -sf --noproxy '*' --max-time 10 "$@" "http://$PROMETHEUS_AT$path"
}

# prometheus_query NAMESPACE QUERY: its answers, an object a line with `metric` and `value` (a text).
prometheus_query() {
    prometheus_get "$1" /api/v1/query -G --data-urlencode "query=$2" |
        jq -ec '.data.result[] | {metric, value: .value[1]}'
}

# prometheus_says NAMESPACE QUERY VALUE: the one answer; for poll and check.
prometheus_says() {
    local got
    got=$(prometheus_query "$1" "$2" | jq -r .value) || fail "no answer to $2"
    equals "$got" "$3" "$2"
}
