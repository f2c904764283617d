# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the tests of `flowsplit doctor` share: its findings, kept under a tag, and what is asked of them.

# doctor TAG COMMAND...: findings in $TMP/TAG.json, exit status in $TMP/TAG.status.
doctor() {
    local tag=$1 status=0
    shift
    "$@" doctor --json >"$TMP/$tag.json" 2>"$TMP/$tag.words" || status=$?
    echo $status >"$TMP/$tag.status"
    cat "$TMP/$tag.words"
    jq -e '.findings | length > 3' "$TMP/$tag.json" >/dev/null
}

# says TAG LEVEL CHECK TEXT [REMEDY]: there is such a finding; the last two are regular expressions.
says() {
    jq -e --arg level "$2" --arg check "$3" --arg text "$4" --arg remedy "${5:-}" \
        'any(.findings[]; .level == $level and .check == $check and (.text | test($text)) and (.remedy | test($remedy)))' \
        "$TMP/$1.json" >/dev/null || {
        jq -r --arg check "$3" '.findings[] | select(.check == $check)' "$TMP/$1.json"
        fail "no such finding"
    }
}

# sums TAG: what it counts is what it lists, the exit status says whether anything fails, and all
# that isn't good has a remedy.
sums() {
    jq -e '(.failing == ([.findings[] | select(.level == "failing")] | length)) and
        (.degraded == ([.findings[] | select(.level == "degraded")] | length)) and
        all(.findings[]; .level == "good" or .remedy != "")' "$TMP/$1.json" >/dev/null ||
        fail "$(jq -c '.findings[] | select(.level != "good" and .remedy == "")' "$TMP/$1.json")"
    equals "$(cat "$TMP/$1.status")" "$(jq 'if .failing > 0 then 1 else 0 end' "$TMP/$1.json")" "the exit status"
}
