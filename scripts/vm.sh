#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs one command under another kernel: QEMU (emulation, no KVM), Debian's kernel package unpacked into a cache,
# this machine's files as a root file system that forgets what is written. Never needs root, never installs.
set -euo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
readonly vm_failed=125 # exit status when the VM, not the command, failed; 124 is a timeout

usage() {
    cat <<'EOF'
usage: scripts/vm.sh [--console FILE] KERNEL -- COMMAND [ARGUMENT...]
       scripts/vm.sh --fetch KERNEL...

KERNEL is the first two numbers of a version that Debian packages: 6.1, 6.12.
Boots it, runs COMMAND as root in the directory of this repository, shows its output as it comes and exits with its
status; 124 if it took too long, 125 if the VM failed. FS_VM=1 is set inside, and what is set here of FS_*.

  --console FILE   keep what the kernel printed
  --fetch          only fetch and unpack the kernels

  VM_TIMEOUT       seconds until a VM is stopped (900)
  VM_CPUS          CPUs of a VM (2)
  VM_MEMORY        memory of a VM (2G)
  FLOWSPLIT_CACHE  where kernels are kept (/var/cache/flowsplit, or ~/.cache/flowsplit); a kernel is fetched once,
                   to have a newer one remove kernels/ there
EOF
}

say() {
    echo "vm: $*" >&2
}

die() {
    say "$*"
    exit "$vm_failed"
}

misuse() {
    say "$*"
    usage >&2
    exit 2
}

need() {
    local program=$1 package=$2
    command -v "$program" >/dev/null || die "$program is missing: install Debian's package $package"
}

# --- the kernel: package, then what a VM needs of it

# The directory that holds KERNEL, or where it can be put.
cache_for() {
    local kernel=$1 dir
    local -a places=(/var/cache/flowsplit "${HOME:-/root}/.cache/flowsplit")
    [[ -z ${FLOWSPLIT_CACHE:-} ]] || places=("$FLOWSPLIT_CACHE")
    for dir in "${places[@]}"; do
        if is_unpacked "$dir/kernels/$kernel" || { mkdir -p "$dir/kernels" && [[ -w $dir/kernels ]]; } 2>/dev/null; then
            echo "$dir/kernels"
            return
        fi
    done
    die "no place for kernels: cannot write to ${places[*]}"
}

module_names() {
    sed 's/#.*//; /^$/d' "$root/tests/vm/modules"
}

# Unpacked, and with the modules asked for now.
is_unpacked() {
    [[ -f $1/asked && $(<"$1/asked") == "$(module_names)" ]]
}

# Address of the archive that this machine takes SUITE from.
archive_of() {
    apt-get --print-uris update | sed -n "s|^'\(.*\)/dists/$1/InRelease'.*|\1|p" | head -n 1
}

# An apt of our own, for when this machine's sources offer no such kernel or their lists are old: the same mirrors and
# keys, Debian 12's suites, all state under the cache. Sets apt_options.
use_private_apt() {
    local dir=$1/apt here main security
    # shellcheck source=/dev/null
    here=$(. /etc/os-release && echo "$VERSION_CODENAME")
    main=$(archive_of "$here")
    security=$(archive_of "$here-security")
    [[ -n $main ]] || die "apt has no source for $here: cannot tell where to fetch kernels"
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
    {
        echo "deb [signed-by=$keyring] $main bookworm main"
        echo "deb [signed-by=$keyring] $main bookworm-backports main"
        [[ -z $security ]] || echo "deb [signed-by=$keyring] $security bookworm-security main"
    } >"$dir/sources.list"
    apt_options+=(-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=-
        -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache")
    say "fetching package lists"
    apt-get "${apt_options[@]}" -qq update >&2 || say "apt-get update failed in part; trying with what there is"
}

# Newest plain image package of KERNEL that apt knows; nothing if none.
newest_package() {
    local kernel=${1//./\\.}
    apt-cache "${apt_options[@]}" search --names-only "^linux-image-$kernel\\.[0-9].*-amd64\$" |
        awk '$1 !~ /-(cloud|rt)-amd64$/ { print $1 }' | sort -V | tail -n 1
}

download_newest() {
    local kernel=$1 package
    package=$(newest_package "$kernel")
    [[ -n $package ]] || return 1
    say "fetching $package"
    rm -f -- *.deb
    apt-get "${apt_options[@]}" -qq download "$package" >&2
}

fetch_package() (
    kernel=$1 cache=$2
    apt_options=(-o APT::Sandbox::User=root)
    work=$(mktemp -d "$cache/.fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    if ! download_newest "$kernel"; then
        use_private_apt "$cache"
        download_newest "$kernel" || die "no package of a kernel $kernel could be fetched"
    fi
    mv -- *.deb "$cache/linux-$kernel.deb"
)

# The kernel inside a bzImage. QEMU can start it directly, which saves seconds of emulated decompression.
extract_vmlinux() {
    local image=$1 sectors offset length unpack
    sectors=$(od -An -tu1 -j$((0x1f1)) -N1 "$image")
    offset=$(od -An -tu4 -j$((0x248)) -N4 "$image")
    length=$(od -An -tu4 -j$((0x24c)) -N4 "$image")
    for unpack in "xz -dc --single-stream" "zstd -dcq"; do
        # A size follows the compressed data, of which the unpackers complain at the end.
        tail -c +$(((sectors + 1) * 512 + offset + 1)) "$image" | head -c "$length" |
            $unpack 2>/dev/null >"$2" || true
        [[ $(head -c 4 "$2" | tr -d '\0') != $'\x7fELF' ]] || return 0
    done
    return 1
}

# Copies module NAME and before it what it needs into the directory `modules`, and notes the order.
take_module() {
    local tree=$1 name=${2//-/_} file needed
    [[ -z ${taken[$name]:-} ]] || return 0
    taken[$name]=1
    file=$(find "$tree/kernel" -name "${name//_/[-_]}.ko*" -print -quit)
    if [[ -z $file ]]; then
        grep -q "/${name//_/[-_]}\.ko" "$tree/modules.builtin" || die "the kernel has no module $name"
        return 0
    fi
    if [[ $file == *.xz ]]; then xz -dc "$file"; else cat "$file"; fi >"modules/$name.ko"
    for needed in $(tr '\0' '\n' <"modules/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
        take_module "$tree" "$needed"
    done
    echo "$name.ko" >>modules/order
}

# Leaves kernel, modules/ and asked in directory KERNEL of the cache.
unpack_package() (
    kernel=$1 cache=$2
    declare -A taken=()
    say "unpacking kernel $kernel"
    work=$(mktemp -d "$cache/.unpack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    mkdir modules package
    dpkg-deb --fsys-tarfile "$cache/linux-$kernel.deb" | tar -x -C package ./boot ./lib/modules
    extract_vmlinux package/boot/vmlinuz-* kernel || cp package/boot/vmlinuz-* kernel
    for name in $(module_names); do
        take_module "$(echo package/lib/modules/*)" "$name"
    done
    rm -rf package
    module_names >asked
    chmod 755 .
    rm -rf "${cache:?}/$kernel"
    mv "$work" "$cache/$kernel"
)

# Prints the directory of the unpacked KERNEL, fetched first if need be.
kernel_dir() {
    local kernel=$1 cache
    cache=$(cache_for "$kernel")
    if ! is_unpacked "$cache/$kernel"; then
        exec 9>"$cache/.lock"
        flock 9
        # Whoever held the lock may have done it.
        is_unpacked "$cache/$kernel" || {
            [[ -f $cache/linux-$kernel.deb ]] || fetch_package "$kernel" "$cache"
            unpack_package "$kernel" "$cache"
        }
        exec 9>&-
    fi
    echo "$cache/$kernel"
}

# --- the virtual machine

make_initramfs() {
    local kernel_dir=$1 work=$2/initramfs
    mkdir -p "$work/bin"
    cp "$(command -v busybox)" "$work/bin/busybox"
    cp "$root/tests/vm/init" "$work/init"
    cp -r "$kernel_dir/modules" "$work/modules"
    (cd "$work" && find . | busybox cpio -o -H newc 2>/dev/null) >"$2/initramfs.cpio"
}

# What the VM's first process hands to bash: the environment, then the command.
write_command() {
    local file=$1 name
    shift
    {
        echo "cd $(printf %q "$root") || exit $vm_failed"
        echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
        echo 'export HOME=/root LANG=C.UTF-8 TERM=dumb'
        for name in "${!FS_@}"; do
            echo "export $name=$(printf %q "${!name}")"
        done
        echo 'export FS_VM=1'
        echo "exec$(printf ' %q' "$@")"
    } >"$file"
}

# Starts QEMU in the background, its command's output going to files OUT and ERR; sets qemu to the process that
# watches it.
start_qemu() {
    local kernel_dir=$1 work=$2 port
    local -A files=([out]=$3 [err]=$4 [status]=$work/status)
    # No watchdogs: an emulated CPU is slow whenever this machine is busy. An oops ends the VM. Programs always at the
    # same addresses, so that QEMU need not translate them anew whenever one starts.
    local line="console=ttyS0 loglevel=5 panic=-1 oops=panic nowatchdog tsc=reliable rcupdate.rcu_cpu_stall_suppress=1"
    # No mitigations, and no zeroing of memory twice; clearcpuid=112 (rep_good) has memory copied and cleared by loops of
    # moves, for of string instructions QEMU makes slower ones.
    line+=" norandmaps mitigations=off init_on_alloc=0 clearcpuid=112"
    local -a devices=(-device virtio-serial-pci)
    for port in out err status; do
        devices+=(-chardev "file,id=$port,path=${files[$port]}" -device "virtserialport,chardev=$port,name=$port")
    done
    # Without erms and fsrm, in whose place QEMU would copy byte by byte: with them programs take half as long again to
    # load.
    # The signal at this script's death and the timeout see to it that no VM is left behind.
    setpriv --pdeathsig TERM timeout -k 5 "${VM_TIMEOUT:-900}" \
        qemu-system-x86_64 -accel tcg,thread=multi -machine q35 -cpu max,-erms,-fsrm -nodefaults -no-user-config -display none \
        -no-reboot -smp "${VM_CPUS:-2}" -m "${VM_MEMORY:-2G}" \
        -kernel "$kernel_dir/kernel" -initrd "$work/initramfs.cpio" -append "$line flowsplit.run=$work" \
        -chardev "file,id=console,path=$work/console" -serial chardev:console "${devices[@]}" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
        </dev/null >"$work/qemu.log" 2>&1 &
    qemu=$!
}

stop_vm() {
    local pid
    for pid in "${qemu:-}" "${copiers[@]}"; do
        [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    [[ -z $work ]] || rm -rf "$work"
}

# Why the VM ended without a status of the command.
explain_failure() {
    local kernel=$1 result=$2
    say "kernel $kernel: $(if ((result == 124)); then echo "stopped after ${VM_TIMEOUT:-900} s"; else
        echo "the VM ended before the command did"; fi); the last lines of its console:"
    cat "$work/qemu.log" >&2
    tail -n 30 "$work/console" 2>/dev/null | tr -d '\r' >&2
}

run_in_vm() {
    local kernel=$1 console=$2 dir result=0 status out err
    shift 2
    dir=$(kernel_dir "$kernel")
    work=$(mktemp -d "${TMPDIR:-/tmp}/flowsplit-vm.XXXXXX")
    make_initramfs "$dir" "$work"
    write_command "$work/command" "$@"
    exec {out}> >(exec cat)
    copiers+=("$!")
    exec {err}> >(exec cat >&2)
    copiers+=("$!")
    start_qemu "$dir" "$work" "/dev/fd/$out" "/dev/fd/$err"
    exec {out}>&- {err}>&-
    wait "$qemu" || result=$?
    wait "${copiers[@]}" || true
    qemu='' copiers=()
    [[ -z $console ]] || tr -d '\r' <"$work/console" >"$console"
    status=$(cat "$work/status" 2>/dev/null) || true
    if [[ -z $status ]]; then
        explain_failure "$kernel" "$result"
        status=$((result == 124 ? 124 : vm_failed))
    fi
    return "$status"
}

main() {
    local console='' kernel
    qemu='' work='' copiers=()
    case ${1:-} in
    -h | --help | help) usage && exit 0 ;;
    --console) [[ $# -ge 2 ]] || misuse "--console needs a file"; console=$2; shift 2 ;;
    esac
    [[ $(uname -m) == x86_64 ]] || die "VMs run this machine's own programs, so far only for x86_64"
    need dpkg-deb dpkg
    need xz xz-utils
    if [[ ${1:-} == --fetch ]]; then
        shift
        for kernel; do kernel_dir "$kernel" >/dev/null; done
        exit 0
    fi
    [[ ${1:-} =~ ^[0-9]+\.[0-9]+$ ]] || misuse "which kernel? for example 6.1"
    [[ ${2:-} == -- && $# -ge 3 ]] || misuse "which command? it comes after --"
    need qemu-system-x86_64 qemu-system-x86
    need busybox busybox-static
    ! ldd "$(command -v busybox)" >/dev/null 2>&1 || die "busybox is not static: install busybox-static instead"
    kernel=$1
    shift 2
    trap stop_vm EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    run_in_vm "$kernel" "$console" "$@"
}

main "$@"
