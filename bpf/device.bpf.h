/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks the kernel's own records what a device can do now: no helper tells, and a frame that is sent
 * to find out is lost where it can't. */
#ifndef FLOWSPLIT_DEVICE_BPF_H
#define FLOWSPLIT_DEVICE_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "vmlinux.h"

#define DEVICE_HASH_SIZE 256 /* include/net/net_namespace.h, NETDEV_HASHENTRIES */
#define DEVICE_CHAIN_MAX 64  /* devices of a network namespace in one place of its hash */
#define DEVICE_NDO_XMIT  4   /* include/uapi/linux/netdev.h, NETDEV_XDP_ACT_NDO_XMIT */

/* A kernel that is locked down doesn't let programs read its memory. */
const volatile bool devices_hidden;

/* A member of one of the kernel's records, read by way of `room`. */
#define DEVICE_READ(room, record, member)                                 \
    ({                                                                    \
        bpf_core_read(room, sizeof((record)->member), &(record)->member); \
        *(typeof((record)->member) *)(room);                              \
    })

/* The first of the devices that share a place in the hash of the packet's network namespace. */
static __always_inline const struct hlist_node *device_chain(struct xdp_md *ctx, __u32 ifindex,
                                                             __u64 *room)
{
    const struct xdp_buff *buff = (const void *)ctx; /* which it stands for */
    const struct xdp_rxq_info *rxq = DEVICE_READ(room, buff, rxq);
    const struct net_device *dev = DEVICE_READ(room, rxq, dev);
    const struct net *net = DEVICE_READ(room, dev, nd_net.net);
    const struct hlist_head *heads = DEVICE_READ(room, net, dev_index_head);
    const struct hlist_head *head = &heads[ifindex % DEVICE_HASH_SIZE];

    return DEVICE_READ(room, head, first);
}

/* Does the driver of a device of the packet's network namespace take redirected frames, as it is
 * now? False also if that can't be told: kernels before 6.3 keep no record of it. The stack is
 * short, so what is read goes by way of `room`. */
static __always_inline bool device_takes_redirects(struct xdp_md *ctx, __u32 ifindex, __u64 *room)
{
    const struct hlist_node *node;

    if (devices_hidden || !bpf_core_field_exists(struct net_device, xdp_features))
        return false;
    node = device_chain(ctx, ifindex, room);
    for (int i = 0; i < DEVICE_CHAIN_MAX && node; i++) {
        const struct net_device *dev =
            (const void *)node - bpf_core_field_offset(struct net_device, index_hlist);

        if ((__u32)DEVICE_READ(room, dev, ifindex) == ifindex)
            return DEVICE_READ(room, dev, xdp_features) & DEVICE_NDO_XMIT;
        node = DEVICE_READ(room, node, next);
    }
    return false;
}

#endif
