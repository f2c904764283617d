#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Installs the Debian packages for what is named: build, demo, test, vm; all if nothing is. Says and does nothing when
# none is missing. Needs root only if one is.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# NAME? is left out where this Debian doesn't have it; clang-passed is the newest that it has of those with which
# `make matrix` has passed.
declare -A packages=(
    [build]="gcc libc6-dev linux-libc-dev make clang-passed bpftool libbpf-dev libelf-dev zlib1g-dev libyaml-dev
        libjansson-dev libmicrohttpd-dev libsystemd-dev libcurl4-openssl-dev libncurses-dev"
    [demo]="iproute2 iputils-ping procps util-linux mount ethtool jq curl"
    [test]="libcmocka-dev clang libclang-rt-dev clang-14? clang-19? llvm iproute2 iputils-ping procps util-linux mount ethtool jq curl
        clang-format cppcheck shellcheck"
    [vm]="qemu-system-x86 busybox-static gojq xz-utils zstd util-linux debian-archive-keyring"
)
# What is fetched, but only unpacked, to unpacked/NAME in the cache: installed, it would be a daemon that runs.
declare -A unpacked=([test]="prometheus")
caches=("${FLOWSPLIT_CACHE:-/var/cache/flowsplit}" "${HOME:-/root}/.cache/flowsplit")

say() {
    echo "deps: $*" >&2
}

die() {
    say "$*"
    exit 1
}

has_package() {
    [[ -z $(missing_of "$1") ]] || apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

newest_clang() {
    local -a passed
    local i
    read -ra passed <"$here/clang-passed"
    for ((i = ${#passed[@]} - 1; i >= 0; i--)); do
        has_package "clang-${passed[i]}" && echo "clang-${passed[i]}" && return
    done
    echo clang
}

# The packages that the names in "$@" stand for here.
packages_of() {
    local name
    for name; do
        case $name in
        clang-passed) newest_clang ;;
        *\?) has_package "${name%\?}" && echo "${name%\?}" ;;
        *) echo "$name" ;;
        esac
    done
}

# Those of the packages in "$@" that are not installed.
missing_of() {
    local installed package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for package; do
        grep -qx "installed $package" <<<"$installed" || echo "$package"
    done
}

# Runs apt-get, whose many words are only shown when it fails.
apt() {
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null && return
    cat "$log" >&2
    die "apt-get $* failed"
}

# Those of the packages in "$@" that are nowhere.
not_unpacked_of() {
    local package
    for package in $(missing_of "$@"); do
        [[ -d ${caches[0]}/unpacked/$package || -d ${caches[1]}/unpacked/$package ]] || echo "$package"
    done
}

unpack() (
    package=$1 place=${caches[0]}/unpacked
    mkdir -p "$place" 2>/dev/null && [[ -w $place ]] || place=${caches[1]}/unpacked
    mkdir -p "$place"
    work=$(mktemp -d "$place/.unpack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    say "unpacking $package to $place"
    cd "$work"
    apt -o APT::Sandbox::User=root download "$package"
    dpkg-deb -x -- *.deb files
    chmod 755 files
    mv -T files "$place/$package"
)

# Sets missing and missing_unpacked.
find_missing() {
    local -a all
    mapfile -t all < <(packages_of "${wanted[@]}")
    mapfile -t missing < <(missing_of "${all[@]}" | sort -u)
    mapfile -t missing_unpacked < <(not_unpacked_of "${wanted_unpacked[@]}")
}

(($# > 0)) || set -- "${!packages[@]}"
wanted=() wanted_unpacked=()
for set; do
    [[ -n ${packages[$set]:-} ]] || die "no set named $set; there are: ${!packages[*]}"
    read -rd '' -a names <<<"${packages[$set]}" || true
    wanted+=("${names[@]}")
    read -rd '' -a names <<<"${unpacked[$set]:-}" || true
    wanted_unpacked+=("${names[@]}")
done
command -v dpkg-query >/dev/null || die "this is not Debian; see scripts/deps.sh for what is needed"
find_missing
all_missing=("${missing[@]}" "${missing_unpacked[@]}")
((${#all_missing[@]} > 0)) || exit 0
((EUID == 0)) || die "missing: ${all_missing[*]}; run this as root: scripts/deps.sh"

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt update
find_missing # once more: on a fresh machine apt has known nothing until now
if ((${#missing[@]} > 0)); then
    say "installing ${missing[*]}"
    apt install -y --no-install-recommends "${missing[@]}"
fi
for package in "${missing_unpacked[@]}"; do
    unpack "$package"
done
