/* SPDX-License-Identifier: GPL-2.0-only */
/* Watches the kernel's redirects. Not every device can take one (a VLAN or a bridge can't, a veth
 * only if its peer polls), and one that can't loses the packets without a word: such an interface
 * is remembered, and from then on fed by the stack. */
#ifndef FLOWSPLIT_WATCH_BPF_H
#define FLOWSPLIT_WATCH_BPF_H

#include "count.bpf.h"

static __always_inline int watch_failed(__u32 ifindex, __u32 packets)
{
    __u32 key = ifindex % FS_NO_REDIRECT_SIZE, reason = FS_REASON_REDIRECT_FAILED;
    __u32 *banned = bpf_map_lookup_elem(&no_redirect, &key);
    __u64 *count = bpf_map_lookup_elem(&reason_counters, &reason);

    if (banned)
        *banned = 1;
    if (count)
        *count += packets;
    return 0;
}

#endif
