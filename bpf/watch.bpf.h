/* SPDX-License-Identifier: GPL-2.0-only */
/* Watches the kernel's redirects. Not every device can take one (a VLAN or a bridge can't), others
 * can't for a time (one that is down, a veth whose peer doesn't poll), and what can't be taken is
 * lost without a word: such an interface is remembered, and fed by the stack. Where it was only
 * "not now", one packet tries again every few seconds, until one gets through; where the device
 * can't, every few seconds it is looked whether it can (device.bpf.h). */
#ifndef FLOWSPLIT_WATCH_BPF_H
#define FLOWSPLIT_WATCH_BPF_H

#include "count.bpf.h"
#include "lookup.bpf.h"
#include "vmlinux.h"

#define WATCH_EOPNOTSUPP 95
#define XDP_MODE_DRV     1 /* include/linux/netdevice.h, enum bpf_xdp_mode */

/* The id of this instance's program that redirects; the tracepoints see those of all programs. */
const volatile __u32 watched_program;

static __always_inline bool is_own(const struct bpf_prog *program)
{
    return program->aux->id == watched_program;
}

/* Does the device run the instance's program in its driver? */
static __always_inline bool runs_own(const struct net_device *dev)
{
    return is_own(dev->xdp_state[XDP_MODE_DRV].prog);
}

static __always_inline struct fs_ban *ban_of(__u32 ifindex)
{
    __u32 key = ifindex % FS_NO_REDIRECT_SIZE;

    return bpf_map_lookup_elem(&no_redirect, &key);
}

static __always_inline void watch_lost(__u32 packets)
{
    __u32 reason = FS_REASON_REDIRECT_FAILED;
    __u64 *count = bpf_map_lookup_elem(&reason_counters, &reason);

    if (count)
        *count += packets;
}

static __always_inline void watch_ban(__u32 ifindex, enum fs_ban_kind kind)
{
    struct fs_ban *ban = ban_of(ifindex);

    if (!ban)
        return;
    ban->until = (bpf_ktime_get_ns() >> FS_TICK_SHIFT) + FS_BAN_TICKS; /* no coarse clock here */
    ban->kind = kind;
}

/* What became of packets for the device `to`. A full queue loses some of them (`err` is 0): that
 * says nothing about the device. */
static __always_inline int watch_sent(const struct net_device *to, int sent, int drops, int err)
{
    struct fs_ban *ban;

    if (drops > 0)
        watch_lost(drops);
    if (err < 0) {
        watch_ban(to->ifindex, FS_BAN_NOT_NOW);
        return 0;
    }
    ban = sent > 0 ? ban_of(to->ifindex) : NULL;
    if (ban && ban->kind == FS_BAN_NOT_NOW)
        ban->kind = FS_BAN_NONE;
    return 0;
}

/* A packet that couldn't even be queued for an interface. */
static __always_inline int watch_refused(__u32 ifindex, int err)
{
    watch_lost(1);
    watch_ban(ifindex, err == -WATCH_EOPNOTSUPP ? FS_BAN_UNABLE : FS_BAN_NOT_NOW);
    return 0;
}

#endif
