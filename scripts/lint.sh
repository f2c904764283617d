#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Checks what a compiler doesn't: format, static analysis, licences, length of files. Prints TAP.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly max_lines=400
count=0 failed=0

# check SENTENCE COMMAND...: a test that fails with what the command says.
check() {
    local sentence=$1 output verdict=ok
    shift
    output=$("$@" 2>&1) || verdict="not ok"
    count=$((count + 1))
    [[ $verdict == ok ]] || failed=$((failed + 1))
    echo "$verdict $count - $sentence"
    [[ $verdict == ok || -z $output ]] || printf '%s\n' "$output" | sed 's/^/# /'
}

# Files of ours, by find's tests; no names with blanks.
files() {
    find . \( -path ./build -o -path ./.git \) -prune -o -type f \( "$@" \) -printf '%P\n' | sort
}

# Scripts are what says so in its first line, or is sourced and named so.
scripts() {
    local file
    for file in $(files -true); do
        if [[ $file == *.sh ]] || head -c 64 "$file" | head -n 1 | grep -aqE '^#!.*\b(ba)?sh\b'; then
            echo "$file"
        fi
    done
}

format() {
    clang-format --dry-run -Werror "${c_files[@]}"
}

# Not the BPF programs, whose sections cppcheck can't read. Formats of scanf() gcc checks, and better.
analysis() {
    local -a sources
    local -ra user_dirs=(user/*/)
    local -ra macros=(-D_GNU_SOURCE
        '-DLIBBPF_OPTS(type,name,...)=struct type name = {__VA_ARGS__}'
        '-Djson_array_foreach(array,i,item)=while ((item = json_array_get(array, i++)))')
    mapfile -t sources < <(files -path './user/*.c' -o -path './tests/*.c' ! -name '*.bpf.c')
    cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 --template=gcc -j "$(nproc)" --suppress=missingIncludeSystem \
        --suppress=invalidScanfArgType_int "${macros[@]}" -Iinclude "${user_dirs[@]/#/-I}" "${sources[@]}"
}

# One by one: what a script sources would else be taken for known to the next.
shell() {
    local file
    local -a bash_files=() dash_files=()
    local -ra check=(xargs -n 1 -P "$(nproc)" shellcheck --external-sources --source-path=SCRIPTDIR)
    for file in "${script_files[@]}"; do
        # What busybox runs is near to dash; shellcheck does not know its name.
        if head -n 1 "$file" | grep -q busybox; then dash_files+=("$file"); else bash_files+=("$file"); fi
    done
    printf '%s\n' "${bash_files[@]}" | "${check[@]}" && printf '%s\n' "${dash_files[@]}" | "${check[@]}" --shell=dash
}

licences() {
    local file status=0
    for file in "${c_files[@]}" "${script_files[@]}" Makefile; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || {
            echo "$file: no SPDX-License-Identifier in the first lines"
            status=1
        }
    done
    return $status
}

lengths() {
    wc -l "${c_files[@]}" "${script_files[@]}" |
        awk -v max=$max_lines '$2 != "total" && $1 > max { print $2 ": " $1 " lines"; bad = 1 } END { exit bad }'
}

# Names of tests stand in quotes there, and may go on in the next line.
threats() {
    local name status=0
    while read -r name; do
        grep -rqF -- "$name" tests || {
            echo "docs/threats.md: no test is called \"$name\""
            status=1
        }
    done < <(tr -s '\n ' ' ' <docs/threats.md | grep -o '"[^"]*"' | tr -d '"')
    return $status
}

mapfile -t c_files < <(files -name '*.[ch]')
mapfile -t script_files < <(scripts)
check "C code is formatted as .clang-format says" format
check "cppcheck finds nothing" analysis
check "shellcheck finds nothing" shell
check "every file says its licence" licences
check "no file has more than $max_lines lines" lengths
check "docs/threats.md names tests that there are" threats
echo "1..$count"
((failed == 0))
