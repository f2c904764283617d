#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# docs/metrics.md, the dashboard and the alerts are about metrics that there are, and the alerts go off when they should.
# Not in VMs: it is about text.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/prometheus.sh"

DOCS=$ROOT_DIR/docs

# The table's rows without the labels, which t-metrics looks at.
documented() {
    # shellcheck disable=SC2016 # a backquote is one
    sed -n 's/^| `\(flowsplit_[a-z0-9_]*\)` | \([a-z]*\) | [^|]*| \(.*\) |$/\1 \2 \3/p' "$DOCS/metrics.md"
}

exposed() {
    awk '$2 == "HELP" { name = $3; sub(/^# HELP [^ ]* /, ""); help = $0 } $2 == "TYPE" { print name, $4, help }' \
        "$TMP/metrics"
}

all_documented() {
    exposed >"$TMP/exposed"
    [ "$(wc -l <"$TMP/exposed")" -gt 50 ] || fail "few metrics"
    documented | diff "$TMP/exposed" -
}

# Names in expressions, without the ends of histograms.
names() {
    grep -oE 'flowsplit_[a-z0-9_]+' | sed -E 's/_(bucket|sum|count)$//' | sort -u
}

expressions_of_dashboard() {
    jq -r '.panels[].targets[]?.expr, .annotations.list[].expr, (.templating.list[].query | objects | .query)' \
        "$DOCS/grafana-dashboard.json"
}

expressions_of_alerts() {
    grep -v '^ *#' "$DOCS/prometheus-alerts.yaml"
}

# all_exist COMMAND: which prints expressions.
all_exist() {
    awk '$2 == "TYPE" { print $3 }' "$TMP/metrics" | sort >"$TMP/families"
    "$1" | names >"$TMP/names"
    [ "$(wc -l <"$TMP/names")" -ge 10 ] || fail "few names"
    comm -13 "$TMP/families" "$TMP/names" >"$TMP/unknown"
    [ ! -s "$TMP/unknown" ] || fail "there is no $(cat "$TMP/unknown")"
}

# As rules, for promtool reads no dashboards; with what Grafana puts in for its variables.
dashboard_is_valid() {
    # shellcheck disable=SC2016 # what begins with $ is Grafana's
    {
        printf 'groups:\n  - name: dashboard\n    rules:\n'
        jq '.panels[].targets[]?.expr, .annotations.list[].expr' "$DOCS/grafana-dashboard.json" |
            sed 's/\$__rate_interval/1m/g; s/\$__interval/1m/g; s/\$[a-z]\+/.*/g' | awk '{ print "      - record: r" NR "\n        expr: " $0 }'
    } >"$TMP/dashboard.yaml"
    promtool check rules "$TMP/dashboard.yaml"
}

dashboard_is_whole() {
    jq -e '(.panels | length > 20) and ([.panels[].id] | length == (unique | length))
        and ([.panels[] | select(.type != "row") | .title != "" and .description != ""
            and (.targets | length > 0) and .gridPos.x + .gridPos.w <= 24] | all)
        and ([.panels[] | select(.type != "row") | .datasource.uid == "${datasource}"] | all)' \
        "$DOCS/grafana-dashboard.json" || fail "not as it should be"
}

alerts_are_valid() {
    promtool check rules "$DOCS/prometheus-alerts.yaml"
    equals "$(grep -c ' summary: ' "$DOCS/prometheus-alerts.yaml")" "$(grep -c ' alert: ' "$DOCS/prometheus-alerts.yaml")" \
        "the number of summaries"
    equals "$(grep -c ' description: ' "$DOCS/prometheus-alerts.yaml")" \
        "$(grep -c ' alert: ' "$DOCS/prometheus-alerts.yaml")" "the number of descriptions"
}

alerts_go_off() {
    cp "$DOCS/prometheus-alerts.yaml" "$E2E_DIR/alerts.yaml" "$TMP"
    (cd "$TMP" && promtool test rules alerts.yaml)
    grep ' alert: ' "$DOCS/prometheus-alerts.yaml" | sed 's/.*: //' | sort >"$TMP/alerts"
    grep ' alertname: ' "$TMP/alerts.yaml" | sed 's/.*: //; s/}//' | sort -u | diff "$TMP/alerts" -
}

"$FLOWSPLIT" --pin-dir "$PIN" metrics >"$TMP/metrics"
check "docs/metrics.md has every metric, with its type and what it says" all_documented
check "the dashboard shows metrics that there are" all_exist expressions_of_dashboard
check "its expressions are PromQL" dashboard_is_valid
check "each of its panels has a title, a description and a place" dashboard_is_whole
check "the alerts are about metrics that there are" all_exist expressions_of_alerts
check "promtool takes the alerts, and each says what is wrong" alerts_are_valid
check "each alert goes off when it should, and only then" alerts_go_off
done_testing
