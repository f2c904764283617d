# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# The check that an input is refused: by exit code, with one message that holds the offending word,
# nothing on stdout, and nothing changed.

good_services() {
    service web "$VIP4:80/tcp" flow 5m stable "stable=95%:$(backends 4 l1)" "canary=5%:$(backends 4 l2)" \
        "beta=0%:$(backends 4 l4)"
    service six "[$VIP6]:80/tcp" flow 5m stable "stable=100%:$(backends 6 l1)"
}

# But for sockets, which are seen in all namespaces: other tests have some with the same addresses.
whole_state() {
    AT='' fs status --json | jq -S 'del(.services[].versions[].health.connections)'
}

# one_message FILE: a line that begins with nothing but text, and at most a hint below it.
one_message() {
    [ -s "$1" ] || fail "no message"
    [ "$(wc -l <"$1")" -le 3 ] || fail "more than one message and a hint"
}

# is_refused CODES PATTERN COMMAND...: CODES as "1", "2" or "1|2"; the pattern is an extended
# regular expression for the message.
is_refused() {
    local codes=$1 pattern=$2 code=0 before
    shift 2
    before=$(whole_state)
    "$@" >"$TMP/bad.out" 2>"$TMP/bad.err" || code=$?
    echo "exit $code, stderr: $(cat "$TMP/bad.err")"
    [[ $code =~ ^($codes)$ ]] || fail "exit code $code, not $codes"
    [ ! -s "$TMP/bad.out" ] || fail "on stdout: $(cat "$TMP/bad.out")"
    [ "$code" = 2 ] || one_message "$TMP/bad.err"
    grep -qE -- "$pattern" "$TMP/bad.err" || fail "the message doesn't hold /$pattern/"
    equals "$(whole_state)" "$before" "the state"
}

# refused SENTENCE CODES PATTERN ARGUMENTS-OF-FLOWSPLIT...
refused() {
    local sentence=$1 codes=$2 pattern=$3
    shift 3
    check "$sentence" is_refused "$codes" "$pattern" fs "$@"
}

# refused_file SENTENCE PATTERN: the file is on stdin.
refused_file() {
    cat >"$TMP/bad.yaml"
    check "$1" is_refused 1 "$2" fs apply "$TMP/bad.yaml"
}
