/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's own types, as far as the BPF programs look into them: only the members in use. Their
 * offsets are relocated to the running kernel's when a program is loaded (CO-RE), so a machine
 * whose kernel has no BTF can still build. UAPI types come from linux/bpf.h. */
#ifndef FLOWSPLIT_VMLINUX_H
#define FLOWSPLIT_VMLINUX_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device {
    int ifindex;
};

#pragma clang attribute pop

#endif
