/* SPDX-License-Identifier: GPL-2.0-only */
/* Is a frame addressed to this host at all? Others' frames come where a switch floods them, a port
 * mirrors them or an interface is promiscuous, and the stack drops their TCP, as it drops what is
 * broadcast.
 *
 * TC asks the stack, which has compared the addresses by then; at XDP nobody has. An interface that
 * hands frames to another one (a bridge's port, one with a MACVLAN) gets them for that one's
 * address, too, so there any single address is taken for this host's. So it is where the kernel
 * shows no program its own structures (before Linux 6.2). */
#ifndef FLOWSPLIT_ADDRESSED_BPF_H
#define FLOWSPLIT_ADDRESSED_BPF_H

#include "packet.bpf.h"
#include "vmlinux.h"

/* include/uapi/linux/if_packet.h */
enum packet_type { TYPE_HOST = 0, TYPE_OTHERHOST = 3 };

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

static __always_inline bool hands_on(const struct net_device *dev)
{
    return dev->rx_handler != NULL;
}

/* Its address is compared where the kernel keeps a copy in place. */
static __always_inline bool is_address_of(const struct net_device *dev, const struct ethhdr *eth)
{
    const __u16 *is = (const __u16 *)eth->h_dest;

    return is[0] == *(const __u16 *)&dev->dev_addr_shadow[0] &&
           is[1] == *(const __u16 *)&dev->dev_addr_shadow[2] &&
           is[2] == *(const __u16 *)&dev->dev_addr_shadow[4];
}

static __always_inline bool is_addressed_xdp(struct xdp_md *ctx, const struct ethhdr *eth)
{
    const struct net_device *dev;

    if (unlikely(eth->h_dest[0] & 1))
        return false;
    if (!bpf_cast_to_kern_ctx)
        return true;
    dev = ((struct xdp_buff *)bpf_cast_to_kern_ctx(ctx))->rxq->dev;
    return likely(is_address_of(dev, eth)) || hands_on(dev);
}

static __always_inline bool is_addressed_tc(struct __sk_buff *skb)
{
    if (likely(skb->pkt_type == TYPE_HOST))
        return true;
    if (skb->pkt_type != TYPE_OTHERHOST)
        return false;
    return !bpf_cast_to_kern_ctx || hands_on(((struct sk_buff *)bpf_cast_to_kern_ctx(skb))->dev);
}

/* For a packet that has come in. */
static __always_inline bool is_addressed(void *ctx, const struct packet *pkt, bool tc)
{
    return tc ? is_addressed_tc(ctx) : is_addressed_xdp(ctx, pkt->data);
}

#endif
