/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two attachments do differently with a packet that is decided upon. `tc` is a constant at
 * every call, so each program holds its own half only. */
#ifndef FLOWSPLIT_ACT_BPF_H
#define FLOWSPLIT_ACT_BPF_H

#include <linux/pkt_cls.h>

#include "forward.bpf.h"
#include "rewrite.bpf.h"

/* On to whoever is next: the stack, or at TC the next filter. */
static __always_inline int act_pass(__u32 reason, bool tc)
{
    count_reason(reason);
    return tc ? TC_ACT_UNSPEC : XDP_PASS;
}

static __always_inline int act_drop(__u32 reason, bool tc)
{
    count_reason(reason);
    return tc ? TC_ACT_SHOT : XDP_DROP;
}

static __always_inline int act_rewrite(void *ctx, struct packet *pkt, const struct rewrite *rw,
                                       bool tc)
{
    return tc ? rewrite_tc(ctx, pkt, rw) : rewrite_xdp(pkt, rw);
}

#define LOOPBACK_IFINDEX 1

static __always_inline __u32 ctx_ifindex(void *ctx, bool tc)
{
    return tc ? ((struct __sk_buff *)ctx)->ifindex : ((struct xdp_md *)ctx)->ingress_ifindex;
}

static __always_inline bool ctx_has_tag(void *ctx, const struct packet *pkt, bool tc)
{
    return pkt->tags || (tc && ((struct __sk_buff *)ctx)->vlan_present);
}

/* Length of the IP packets that will be sent: what a GSO packet is cut into. */
static __always_inline __u32 wire_bytes(void *ctx, const struct packet *pkt, bool tc)
{
    __u32 segment = tc ? ((struct __sk_buff *)ctx)->gso_size : 0;

    return segment ? pkt->l4_off - pkt->l3_off + pkt->l4_bytes + segment : pkt->ip_bytes;
}

/* Can and may this packet be forwarded here? As route_find(), plus what the packet itself says. */
static __always_inline int act_route(void *ctx, struct packet *pkt, struct route *route, bool tc)
{
    __u32 ifindex = ctx_ifindex(ctx, tc);
    int reason;

    if (ctx_has_tag(ctx, pkt, tc))
        return FS_REASON_STACK_VLAN;
    reason = route_find(ctx, route, pkt, ifindex, wire_bytes(ctx, pkt, tc));
    if (reason != FS_REASON_TO_INTERFACE)
        return reason;
    if (packet_ttl(pkt) <= 1)
        return FS_REASON_STACK_TTL;
    if (!tc && redirect_is_banned(ctx, route))
        return FS_REASON_STACK_REDIRECT;
    return route->fib.ifindex == ifindex ? FS_REASON_TO_SAME_INTERFACE : FS_REASON_TO_INTERFACE;
}

static __always_inline bool route_is_direct(int reason)
{
    return reason == FS_REASON_TO_INTERFACE || reason == FS_REASON_TO_SAME_INTERFACE;
}

/* Makes the frame the next hop's that act_route() found; `ttl` is what the packet had. Returns 0 or
 * a negative errno. */
static __always_inline int act_write_frame(void *ctx, struct packet *pkt, struct route *route,
                                           __u8 ttl, bool tc)
{
    if (tc)
        return forward_write_tc(ctx, pkt, route, ttl);
    forward_write_xdp(pkt, route);
    return 0;
}

/* Sends a frame that is the next hop's. */
static __always_inline int act_redirect(__u32 ifindex, int how, __u32 reason, bool tc)
{
    count_reason(reason);
    return !tc && how == FS_REASON_TO_SAME_INTERFACE ? XDP_TX : bpf_redirect(ifindex, 0);
}

/* Both, one after the other. */
static __always_inline int act_forward(void *ctx, struct packet *pkt, struct route *route, __u8 ttl,
                                       int how, __u32 reason, bool tc)
{
    if (act_write_frame(ctx, pkt, route, ttl, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    return act_redirect(route->fib.ifindex, how, reason, tc);
}

#endif
