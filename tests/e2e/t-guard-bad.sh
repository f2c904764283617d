#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bad rules are refused with their place in the file; so is what can't be withdrawn or cleared.
# Not in VMs: only words and numbers are read.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

# file_with LINE-NUMBER LINE: a good file with one line replaced (an empty one: left out). Ports that no other test
# uses: sockets of any namespace are seen.
file_with() {
    cat <<-END | awk -v n="$1" -v line="$2" 'NR == n { if (line != "") print line; next } { print }'
	services:
	  - name: one
	    vip: 10.77.0.100:80/tcp
	    baseline: stable
	    sample: 1/16
	    http: true
	    guard:
	      rules:
	        - connect_failures > 1%
	        - http_5xx > 1%
	        - p99 response_time > 50ms
	        - close_wait > 5%
	      false_alarm: 1e-6
	      on_trip: withdraw
	      live_flows: keep
	      close_wait_after: 30s
	    versions:
	      - name: stable
	        weight: 95%
	        backends: ["10.77.0.1:9201"]
	      - name: canary
	        weight: 5%
	        backends: ["10.77.0.1:9202"]
	END
}

# bad_line SENTENCE PATTERN LINE-NUMBER LINE
bad_line() {
    refused_file "$1" "$2" < <(file_with "$3" "$4")
}

# bad_rule SENTENCE PATTERN RULE: in line 9, column 11.
bad_rule() {
    bad_line "$1" "bad\\.yaml:9:11: .*$2" 9 "        - $3"
}

topology_routed
apply_services good_services
file_with 0 '' >"$TMP/good.yaml"
check "the file that the others are made from is good" fs apply "$TMP/good.yaml"
apply_services good_services

bad_rule "an unknown signal" 'conect_failures.*known.*connect_failures' 'conect_failures > 1%'
bad_rule "a limit of 0 %" '0%.*allowed' 'connect_failures > 0%'
bad_rule "a limit of 100 %" '100%.*allowed' 'connect_failures > 100%'
bad_rule "a limit above 100 %" '101%' 'connect_failures > 101%'
bad_rule "a negative limit" '-1%' 'connect_failures > -1%'
bad_rule "a share without its sign" 'connect_failures' 'connect_failures > 1'
bad_rule "no limit" 'limit is missing' 'connect_failures >'
bad_rule "no comparison" 'column 18: a > is missing' 'connect_failures 1%'
bad_rule "another comparison" 'column 18: .*<.*only >' 'connect_failures < 1%'
bad_rule "something behind the limit" 'column 23: .*of' 'connect_failures > 1% of all'
bad_rule "an empty rule" 'nothing' '""'
bad_rule "a time without its quantile" 'quantile' 'connect_time > 20ms'
bad_rule "a quantile of a share" 'quantile' 'p99 connect_failures > 1%'
bad_rule "a quantile of 100" 'p100' 'p100 connect_time > 20ms'
bad_rule "a quantile of 0" 'p0' 'p0 connect_time > 20ms'
bad_rule "a time without its unit" '20' 'p99 connect_time > 20'
bad_rule "a share for a time" '20%' 'p99 connect_time > 20%'
bad_rule "a negative time" '-20ms' 'p99 connect_time > -20ms'
bad_line "a rule given twice" 'bad\.yaml:10:11: .*line 9' 10 '        - connect_failures > 1%'
bad_line "http_5xx without http" 'bad\.yaml:9:11: .*http_5xx > 1%.*http: true' 6 ''
bad_line "an unknown key of a guard" 'bad\.yaml:14:7.*on_tripp' 14 '      on_tripp: withdraw'
bad_line "an unknown act" 'bad\.yaml:14:16.*explode.*withdraw.*report' 14 '      on_trip: explode'
bad_line "an unknown way with live flows" 'bad\.yaml:15:19.*kill.*keep.*drain.*cut' 15 '      live_flows: kill'
bad_line "a drain without its time" 'bad\.yaml:15:19.*drain' 15 '      live_flows: drain'
bad_line "a drain without a unit" 'bad\.yaml:15:19.*drain 5' 15 '      live_flows: drain 5'
bad_line "a false alarm that is no number" 'bad\.yaml:13:20.*often' 13 '      false_alarm: often'
bad_line "a false alarm of 0" 'bad\.yaml:13:20.*0' 13 '      false_alarm: 0'
bad_line "a false alarm of 1" 'bad\.yaml:13:20.*1' 13 '      false_alarm: 1'
bad_line "a negative false alarm" 'bad\.yaml:13:20.*-1e-6' 13 '      false_alarm: -1e-6'
bad_line "a close_wait_after that is no time" 'bad\.yaml:16:25.*soon' 16 '      close_wait_after: soon'
bad_line "a close_wait_after of 0" 'bad\.yaml:16:25.*0s' 16 '      close_wait_after: 0s'
bad_line "a sample of 1/3" 'bad\.yaml:5:13.*1/3.*1/2' 5 '    sample: 1/3'
bad_line "a sample of 1/0" 'bad\.yaml:5:13.*1/0' 5 '    sample: 1/0'
bad_line "a sample of 2/4" 'bad\.yaml:5:13.*2/4' 5 '    sample: 2/4'
bad_line "a sample that is a share" 'bad\.yaml:5:13.*10%' 5 '    sample: 10%'
bad_line "an http that is neither true nor false" 'bad\.yaml:6:11.*maybe' 6 '    http: maybe'
bad_line "rules that are no list" 'bad\.yaml:8:14.*rules' 8 '      rules: connect_failures > 1%'
refused_file "no rules" 'bad\.yaml:[0-9]+:[0-9]+: .*rules' < <(file_with 0 '' | sed '8,12d')
refused_file "an empty list of rules" 'bad\.yaml:8:14: .*empty' < <(file_with 8 '      rules: []' | sed '9,12d')
refused_file "a guard on a service with one version" 'bad\.yaml:[0-9]+:[0-9]+: .*one version' < <(
    file_with 19 '        weight: 100%' | sed '21,23d')
for rule in 'close_wait > 5%' 'retransmits > 2%'; do
    refused_file "$rule with no backend on this host" \
        "bad\\.yaml:9:11: .*${rule%% *}.*on this host.*\"stable\"" < <(
        file_with 9 "        - $rule" | sed -e 12d -e 's/"10.77.0.1:/"203.0.113.9:/')
    refused_file "$rule with none of one version's" \
        "bad\\.yaml:9:11: .*${rule%% *}.*on this host.*\"canary\"" < <(
        file_with 9 "        - $rule" | sed -e 12d -e 's/"10.77.0.1:9202/"203.0.113.9:9202/')
done
# An address that no other test has.
ip_in b1 addr add 10.78.1.201/24 dev b0
file_with 0 '' | sed 's/10.77.0.1:9202/10.78.1.201:9202/' >"$TMP/good.yaml"
check "close_wait > 5% with one in another namespace is good" fs apply "$TMP/good.yaml"
ip_in b1 addr del 10.78.1.201/24 dev b0
check "so it stays when that is gone, and other things change" fs apply - < <(
    sed '/baseline: stable/a\    drain: 4m' "$TMP/good.yaml")
refused_file "but not when the rules change" 'bad\.yaml:12:11: .*close_wait' < <(
    sed 's/http_5xx > 1%/http_5xx > 2%/' "$TMP/good.yaml")
mv "$PIN/links/sockets_retransmit" "$PIN/elsewhere"
refused_file "retransmits where the kernel has no such tracepoint" \
    'bad\.yaml:9:11: .*retransmits.*tcp_retransmit_skb' < <(file_with 9 '        - retransmits > 1%')
check "status says so" eval "status .unavailable | grep -q tcp_retransmit_skb &&
    fs status | grep -q tcp_retransmit_skb"
mv "$PIN/elsewhere" "$PIN/links/sockets_retransmit"
apply_services good_services
refused_file "a guard of a UDP service" 'bad\.yaml:8:11: .*UDP' < <(
    file_with 3 '    vip: 10.77.0.100:80/udp' | sed 6d | sed -e 9d)

refused "withdraw of the baseline" 1 'stable.*baseline' withdraw web stable
refused "withdraw in an unknown service" 1 'nosuch' withdraw nosuch canary
refused "withdraw of an unknown version" 1 'nosuch' withdraw web nosuch
refused "withdraw without a version" 2 'withdraw' withdraw web
refused "withdraw with two ways" 2 'only one' withdraw web canary --keep --cut
refused "withdraw with a drain that is no time" 2 'soon' withdraw web canary --drain soon
refused "clear of what has not tripped" 1 'canary.*not tripped' clear web canary
refused "clear in an unknown service" 1 'nosuch' clear nosuch canary
refused "clear of an unknown version" 1 'nosuch' clear web nosuch
fs --quiet withdraw web canary
refused "withdraw of what is withdrawn" 1 'canary.*withdrawn already' withdraw web canary
fs --quiet clear web canary
refused "a second clear" 1 'canary.*not tripped' clear web canary

# What is withdrawn stays so while its flows last, though a file leaves it out and takes it in again.
without_canary() {
    good_services | sed '/name: canary/,+2d; s/weight: 95%/weight: 100%/'
}

# applied COMMAND...: what it says.
applied() {
    {
        echo 'services:'
        "$@"
    } | fs apply - | tee "$TMP/said"
}

back_and_withdrawn() {
    applied good_services
    # shellcheck disable=SC2016 # a command in words
    grep -qx 'web: version canary is still withdrawn; `flowsplit clear web canary` ends that' "$TMP/said"
    fs status web | grep -q 'WITHDRAWN .* by hand'
}

replaced() {
    # shellcheck disable=SC2016 # expanded by eval
    applied eval 'good_services | sed "s/$VIP4:80/$VIP4:88/"'
    grep -q 'web: VIP, mode or affinity differs: replaced, its live flows end; canary is no longer withdrawn' \
        "$TMP/said"
}

fs --quiet withdraw web canary
applied without_canary >/dev/null
check "a version that comes back withdrawn is said to be" back_and_withdrawn
check "so is one that is no longer withdrawn, since its service is another" replaced
apply_services good_services
refused "conns of an unknown service" 1 'nosuch' conns nosuch
refused "events with an argument" 2 'events' events web
done_testing
