/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends a packet on by the kernel's routes: asks the FIB, writes the link-layer addresses, counts
 * down the TTL, and redirects; or says why the stack has to do it. */
#ifndef FLOWSPLIT_FORWARD_BPF_H
#define FLOWSPLIT_FORWARD_BPF_H

#include "count.bpf.h"
#include "device.bpf.h"
#include "lookup.bpf.h"
#include "packet.bpf.h"

#define AF_INET          2
#define AF_INET6         10
#define IPV6_FLOWINFO_BE bpf_htonl(0x0fffffff)

/* Where a packet is to go, and by which way it goes there. */
struct route {
    union {
        const __be32 *source;
        __u64 room; /* for what is read of a device, when the FIB has been asked */
    };
    const __be32 *dest;
    __be16 source_be, dest_be; /* ports */
    struct bpf_fib_lookup fib;
};

static __always_inline int route_reason(long answer)
{
    switch (answer) {
    case BPF_FIB_LKUP_RET_SUCCESS:
        return FS_REASON_TO_INTERFACE;
    case BPF_FIB_LKUP_RET_BLACKHOLE:
        return FS_REASON_BLACKHOLE;
    case BPF_FIB_LKUP_RET_UNREACHABLE:
    case BPF_FIB_LKUP_RET_PROHIBIT:
        return FS_REASON_STACK_UNREACHABLE;
    case BPF_FIB_LKUP_RET_NOT_FWDED:
        return FS_REASON_TO_LOCAL;
    case BPF_FIB_LKUP_RET_FWD_DISABLED:
        return FS_REASON_STACK_FORWARDING;
    case BPF_FIB_LKUP_RET_NO_NEIGH:
        return FS_REASON_STACK_NEIGHBOUR;
    case BPF_FIB_LKUP_RET_FRAG_NEEDED:
        return FS_REASON_STACK_MTU;
    default:
        return FS_REASON_STACK_OTHER;
    }
}

static __always_inline __u8 packet_ttl(const struct packet *pkt)
{
    return pkt->family == 4 ? ((struct iphdr *)pkt->l3)->ttl
                            : ((struct ipv6hdr *)pkt->l3)->hop_limit;
}

static __always_inline void route_fill(struct route *route, const struct packet *pkt)
{
    struct bpf_fib_lookup *fib = &route->fib;

    fib->l4_protocol = pkt->proto;
    fib->sport = route->source_be;
    fib->dport = route->dest_be;
    if (pkt->family == 4) {
        fib->family = AF_INET;
        fib->tos = ((struct iphdr *)pkt->l3)->tos;
        fib->ipv4_src = route->source[0];
        fib->ipv4_dst = route->dest[0];
        return;
    }
    fib->family = AF_INET6;
    fib->flowinfo = *(__be32 *)pkt->l3 & IPV6_FLOWINFO_BE;
    __builtin_memcpy(fib->ipv6_src, route->source, sizeof(fib->ipv6_src));
    __builtin_memcpy(fib->ipv6_dst, route->dest, sizeof(fib->ipv6_dst));
}

/* Asks the way from route->source to route->dest for a packet that came in by `ifindex`. `bytes` is
 * what its IP packets have on the wire. Returns FS_REASON_TO_INTERFACE with
 * route->fib filled, FS_REASON_TO_LOCAL for an address of this host, or why not. */
static __always_inline int route_find(void *ctx, struct route *route, const struct packet *pkt,
                                      __u32 ifindex, __u32 bytes)
{
    __builtin_memset(&route->fib, 0, sizeof(route->fib));
    route_fill(route, pkt);
    route->fib.ifindex = ifindex;
    route->fib.tot_len = bytes > 0xffff ? 0xffff : bytes;
    return route_reason(bpf_fib_lookup(ctx, &route->fib, sizeof(route->fib), 0));
}

/* Is `from` the interface to which this host's own route to the backend `where` leads? Verified by
 * itself, for the question takes stack. */
static __always_inline bool comes_by_route(void *ctx, __u64 where, __u32 from)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    struct bpf_fib_lookup fib = {.ifindex = from, .l4_protocol = backend->at.proto};
    long answer;

    if (backend->at.family == 4) {
        fib.family = AF_INET;
        fib.ipv4_dst = backend->at.addr[0];
    } else {
        fib.family = AF_INET6;
        __builtin_memcpy(fib.ipv6_dst, backend->at.addr, sizeof(fib.ipv6_dst));
    }
    answer = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
    return (answer == BPF_FIB_LKUP_RET_SUCCESS || answer == BPF_FIB_LKUP_RET_NO_NEIGH) &&
           fib.ifindex == from;
}

__noinline int comes_by_route_xdp(struct xdp_md *ctx, __u64 where, __u32 from)
{
    return comes_by_route(ctx, where, from);
}

__noinline int comes_by_route_tc(struct __sk_buff *skb, __u64 where, __u32 from)
{
    return comes_by_route(skb, where, from);
}

/* Is this packet for the stack, since redirecting to route->fib.ifindex has failed? Now and then,
 * where the last try failed, one packet tries again; where the driver takes no redirected packets,
 * it is looked whether it does by now, and no packet risked. */
static __always_inline bool redirect_is_banned(struct xdp_md *ctx, struct route *route)
{
    __u32 ifindex = route->fib.ifindex, key = ifindex % FS_NO_REDIRECT_SIZE;
    struct fs_ban *ban = bpf_map_lookup_elem(&no_redirect, &key);
    __u32 now, until;

    if (likely(!ban || ban->kind == FS_BAN_NONE))
        return false;
    until = ban->until;
    now = tick_now();
    if (fs_before(now, until, 0) ||
        __sync_val_compare_and_swap(&ban->until, until, now + FS_BAN_TICKS) != until)
        return true;
    if (ban->kind == FS_BAN_NOT_NOW)
        return false;
    if (device_takes_redirects(ctx, ifindex, &route->room))
        ban->kind = FS_BAN_NONE;
    return true;
}

/* Makes the frame the next hop's. XDP. */
static __always_inline void forward_write_xdp(struct packet *pkt, const struct route *route)
{
    struct ethhdr *eth = pkt->data;

    __builtin_memcpy(eth->h_dest, route->fib.dmac, ETH_ALEN);
    __builtin_memcpy(eth->h_source, route->fib.smac, ETH_ALEN);
    if (pkt->family == 4) {
        struct iphdr *ip = pkt->l3;
        __u32 check = ip->check + (__u32)bpf_htons(0x0100); /* RFC 1141 */

        ip->check = check + (check >= 0xffff);
        ip->ttl--;
    } else {
        ((struct ipv6hdr *)pkt->l3)->hop_limit--;
    }
}

/* The same at TC; `ttl` is the packet's present one. Returns 0 or a negative errno. The stack is
 * short: the destination's address is put in front of the source's, over what the FIB was asked. */
static __always_inline int forward_write_tc(struct __sk_buff *skb, const struct packet *pkt,
                                            struct route *route, __u8 ttl)
{
    __u8 *macs = (__u8 *)&route->fib + offsetof(struct bpf_fib_lookup, smac) - ETH_ALEN;
    __u8 less = ttl - 1;
    long err;

    __builtin_memcpy(macs, route->fib.dmac, ETH_ALEN);
    err = bpf_skb_store_bytes(skb, 0, macs, 2 * ETH_ALEN, 0);
    if (err)
        return err;
    if (pkt->family == 6)
        return bpf_skb_store_bytes(skb, pkt->l3_off + offsetof(struct ipv6hdr, hop_limit), &less,
                                   sizeof(less), BPF_F_RECOMPUTE_CSUM);
    err = bpf_l3_csum_replace(skb, pkt->l3_off + offsetof(struct iphdr, check), bpf_htons(ttl << 8),
                              bpf_htons(less << 8), 2);
    return err ? err
               : bpf_skb_store_bytes(skb, pkt->l3_off + offsetof(struct iphdr, ttl), &less,
                                     sizeof(less), 0);
}

#endif
