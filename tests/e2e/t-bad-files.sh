#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bad files are refused with one message that names the place or the word, and nothing changes.
# Not in VMs: only files are read.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

# file_with LINE-NUMBER LINE: a good file with one line replaced (an empty one: left out).
file_with() {
    cat <<-END | awk -v n="$1" -v line="$2" 'NR == n { if (line != "") print line; next } { print }'
	services:
	  - name: one
	    vip: 10.1.0.1:80/tcp
	    mode: nat
	    affinity: flow
	    baseline: stable
	    drain: 5m
	    versions:
	      - name: stable
	        weight: 95%
	        backends: [10.1.1.1:8080, 10.1.1.2:8080]
	      - name: canary
	        weight: 5%
	        backends: [10.1.2.1:8080]
	  - name: two
	    vip: 10.1.0.2:80/tcp
	    mode: nat
	    baseline: only
	    versions:
	      - name: only
	        weight: 100%
	        backends: [10.1.3.1:8080]
	END
}

# bad_line SENTENCE PATTERN LINE-NUMBER LINE
bad_line() {
    refused_file "$1" "$2" < <(file_with "$3" "$4")
}

topology_routed
apply_services good_services
file_with 0 '' >"$TMP/good.yaml"
check "the file that the others are made from is good" fs apply "$TMP/good.yaml"
apply_services good_services

bad_line "an unknown key at the top" 'bad\.yaml:1:1.*servces' 1 'servces:'
bad_line "an unknown key of a service" 'bad\.yaml:5:5.*afinity' 5 '    afinity: flow'
bad_line "an unknown key of a version" 'bad\.yaml:10:9.*wait' 10 '        wait: 95%'
bad_line "a key given twice" 'bad\.yaml:5:5.*name' 5 '    name: again'
bad_line "text that isn't YAML" 'bad\.yaml:(11|12):' 11 '        backends: [10.1.1.1:8080'
bad_line "a tab for indentation" 'bad\.yaml:4:' 4 "$(printf '\tmode: nat')"
bad_line "a negative weight" 'bad\.yaml:10:.*-5%' 10 '        weight: -5%'
bad_line "a weight above 100 %" 'bad\.yaml:10:.*101%' 10 '        weight: 101%'
bad_line "a weight finer than 0.01 %" 'bad\.yaml:10:.*94\.999%' 10 '        weight: 94.999%'
bad_line "a weight that is not a number" 'bad\.yaml:10:.*most' 10 '        weight: most'
bad_line "weights that come to less than 100 %" 'bad\.yaml:[0-9]+:.*(99|100) ?%' 10 '        weight: 94%'
bad_line "weights that come to more than 100 %" 'bad\.yaml:[0-9]+:.*(100|101) ?%' 10 '        weight: 96%'
bad_line "no weight" 'bad\.yaml:[0-9]+:.*weight' 13 ''
bad_line "no backends" 'bad\.yaml:[0-9]+:.*backends' 11 ''
bad_line "an empty pool with weight" 'bad\.yaml:[0-9]+:.*stable' 11 '        backends: []'
bad_line "no VIP" 'bad\.yaml:[0-9]+:.*vip' 3 ''
bad_line "a VIP without a port" 'bad\.yaml:3:.*10\.1\.0\.1' 3 '    vip: 10.1.0.1/tcp'
bad_line "a VIP without a protocol" 'bad\.yaml:3:.*10\.1\.0\.1:80' 3 '    vip: 10.1.0.1:80'
bad_line "a VIP of an unknown protocol" 'bad\.yaml:3:.*sctp' 3 '    vip: 10.1.0.1:80/sctp'
bad_line "a VIP that is no address" 'bad\.yaml:3:.*10\.1\.0:80' 3 '    vip: 10.1.0:80/tcp'
bad_line "a VIP with port 0" 'bad\.yaml:3:.*10\.1\.0\.1:0' 3 '    vip: 10.1.0.1:0/tcp'
bad_line "a VIP with a port beyond 65535" 'bad\.yaml:3:.*65536' 3 '    vip: 10.1.0.1:65536/tcp'
bad_line "two services with one VIP" 'bad\.yaml:[0-9]+:.*10\.1\.0\.1:80/tcp' 16 '    vip: 10.1.0.1:80/tcp'
bad_line "two services with one name" 'bad\.yaml:[0-9]+:.*one' 15 '  - name: one'
bad_line "a backend in two services" 'bad\.yaml:[0-9]+:.*10\.1\.1\.1:8080' 22 '        backends: [10.1.1.1:8080]'
bad_line "a backend twice in one pool" 'bad\.yaml:[0-9]+:.*10\.1\.1\.1:8080' 11 \
    '        backends: [10.1.1.1:8080, 10.1.1.1:8080]'
bad_line "a backend of the other family" 'bad\.yaml:[0-9]+:.*2001:db8::1' 14 \
    '        backends: ["[2001:db8::1]:8080"]'
bad_line "a backend that is no address" 'bad\.yaml:14:.*somewhere' 14 '        backends: [somewhere]'
bad_line "a backend without a port" 'bad\.yaml:14:.*10\.1\.2\.1' 14 '        backends: [10.1.2.1]'
bad_line "an empty name" 'bad\.yaml:2:.*name' 2 '  - name: ""'
bad_line "a name of wrong letters" 'bad\.yaml:2:.*One' 2 '  - name: One'
bad_line "a name with a space" 'bad\.yaml:2:.*on e' 2 '  - name: on e'
bad_line "a name that is too long" 'bad\.yaml:2:.*aaaaaaaa' 2 "  - name: $(printf 'a%.0s' {1..300})"
bad_line "an empty version name" 'bad\.yaml:12:.*name' 12 '      - name: ""'
bad_line "a version name of wrong letters" 'bad\.yaml:12:.*can_ary' 12 '      - name: can_ary'
bad_line "two versions with one name" 'bad\.yaml:[0-9]+:.*stable' 12 '      - name: stable'
bad_line "a baseline that isn't there" 'bad\.yaml:[0-9]+:.*nosuch' 6 '    baseline: nosuch'
bad_line "an unknown affinity" 'bad\.yaml:5:.*sticky' 5 '    affinity: sticky'
bad_line "an unknown mode" 'bad\.yaml:4:.*teleport' 4 '    mode: teleport'
bad_line "a drain without its unit" 'bad\.yaml:7:.*drain|bad\.yaml:7:.*5' 7 '    drain: 5'
bad_line "a negative drain" 'bad\.yaml:7:.*-5m' 7 '    drain: -5m'
bad_line "a drain that is no time" 'bad\.yaml:7:.*soon' 7 '    drain: soon'
bad_line "a list where a word belongs" 'bad\.yaml:5:' 5 '    affinity: [flow]'
bad_line "a word where a list belongs" 'bad\.yaml:11:' 11 '        backends: 10.1.1.1:8080'
refused_file "an empty file" 'bad\.yaml' </dev/null
refused_file "a list at the top" 'bad\.yaml:1:' <<<'- name: one'
refused_file "a null byte" 'bad\.yaml' < <(printf 'services:\0\n')
refused_file "a very deep file" 'bad\.yaml' < <(printf '[%.0s' {1..10000})
refused_file "aliases that blow up" 'bad\.yaml' <<-'END'
	a: &a [x, x, x, x, x, x, x, x]
	b: &b [*a, *a, *a, *a, *a, *a, *a, *a]
	services: [*b, *b]
END
check "what is read from stdin is named too" is_refused 1 '(stdin|-|input):[0-9]+:[0-9]+' \
    bash -c 'echo "srvices: []" | "$@"' - nsenter --net="/run/netns/$ID-lb" -- "$FLOWSPLIT" \
    --pin-dir "$PIN" apply -
done_testing
