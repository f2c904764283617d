/* SPDX-License-Identifier: GPL-2.0-only */
/* Mode nat: the destination becomes the backend's, and on the way back the source the VIP's. */
#ifndef FLOWSPLIT_NAT_BPF_H
#define FLOWSPLIT_NAT_BPF_H

#include "act.bpf.h"
#include "again.bpf.h"
#include "hairpin.bpf.h"
#include "lookup.bpf.h"

static __always_inline __u16 port_delta(__be16 from_be, __be16 to_be)
{
    __u32 sum = (__u16)~from_be + (__u32)to_be;

    return (sum & 0xffff) + (sum >> 16);
}

static __always_inline struct rewrite nat_forth(const struct fs_service *service,
                                                const struct fs_backend *backend)
{
    return (struct rewrite){.to = &backend->at,
                            .addr_delta = backend->addr_delta,
                            .port_delta = port_delta(service->vip.port_be, backend->at.port_be),
                            .l4_delta = backend->l4_delta};
}

static __always_inline struct rewrite nat_back(const struct fs_service *service,
                                               const struct fs_backend *backend)
{
    return (struct rewrite){.to = &service->vip,
                            .addr_delta = ~backend->addr_delta,
                            .port_delta = port_delta(backend->at.port_be, service->vip.port_be),
                            .l4_delta = ~backend->l4_delta,
                            .source = true};
}

/* Sends a packet that has its new destination on to it, if it may be forwarded here; else the stack
 * is to do it. */
static __always_inline int send_again(void *ctx, __u32 word, bool tc)
{
    struct packet pkt;
    struct route route;
    __u8 ttl;
    int how;

    if (!packet_again_ports(ctx, word, &pkt, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    route.source = packet_source(&pkt);
    route.dest = packet_dest(&pkt);
    route.source_be = pkt.source_be;
    route.dest_be = pkt.dest_be;
    how = act_route(ctx, &pkt, &route, tc);
    if (word & (WORD_TCP | WORD_UDP | WORD_LATER)) {
        if (how == FS_REASON_TO_LOCAL) /* or no route: the FIB's answer is the same */
            how = FS_REASON_STACK_UNREACHABLE;
        if (how == FS_REASON_BLACKHOLE)
            return act_drop(FS_REASON_BLACKHOLE, tc);
    }
    if (!route_is_direct(how))
        return act_pass(how, tc);
    if (tc && !packet_again(ctx, opaque(word), &pkt, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    ttl = packet_ttl(&pkt);
    return act_forward(ctx, &pkt, &route, ttl, how, how, tc);
}

/* Verified by themselves, as is nat_reply() below: the question to the FIB takes stack, and so what
 * else needs some isn't called from there. */
__noinline int send_xdp(struct xdp_md *ctx, __u32 word)
{
    return send_again(ctx, word, false);
}

__noinline int send_tc(struct __sk_buff *skb, __u32 word)
{
    return send_again(skb, word, true);
}

static __always_inline int send(void *ctx, __u32 word, bool tc)
{
    return tc ? send_tc(ctx, word) : send_xdp(ctx, word);
}

/* Sends a packet of a client to its backend. */
static __always_inline int nat_to_backend(void *ctx, struct packet *pkt, fs_ref dir,
                                          const struct fs_service *service,
                                          const struct fs_backend *backend, bool tc)
{
    struct rewrite rw = nat_forth(service, backend);
    __u32 word = packet_word(pkt, pkt->proto), number = backend->id & FS_SLOT_BACKEND;
    __u32 differs = hairpin_differs(pkt, backend);
    int act;

    if (act_rewrite(ctx, pkt, &rw, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (backend->flags & FS_BACKEND_LOCAL)
        return act_pass(FS_REASON_TO_LOCAL, tc);
    if (unlikely(!differs) && hairpin_forth(ctx, word, dir, number, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (tc)
        ((struct __sk_buff *)ctx)->tc_index = STEERED_TC_INDEX;
    act = send(ctx, word, tc);
    if (!tc && unlikely(act == XDP_PASS && packet_is_new(pkt)))
        direct_give(ctx, word, dir, number);
    return act;
}

/* A remote backend's packet, as it comes in: the first half of sending it to the client. Asks the
 * FIB, and where the packet may be forwarded here makes the frame the next hop's. Returns what
 * act_route() says, and the interface in the upper half. */
static __always_inline __u64 reply_route(void *ctx, __u32 word, fs_ref dir, __u32 number, bool tc)
{
    const struct fs_backend *backend = backend_at(dir, number);
    const struct fs_service *service = service_at(dir, backend->service);
    struct route route = {.source = service->vip.addr, .source_be = service->vip.port_be};
    struct packet pkt;
    __u8 ttl;
    int how;

    if (!packet_again_ports(ctx, word, &pkt, tc))
        return FS_REASON_STACK_OTHER;
    route.dest = packet_dest(&pkt);
    route.dest_be = pkt.dest_be;
    how = act_route(ctx, &pkt, &route, tc);
    if (!route_is_direct(how))
        return how;
    if (tc && !packet_again(ctx, opaque(word), &pkt, tc))
        return FS_REASON_STACK_OTHER;
    ttl = packet_ttl(&pkt);
    if (act_write_frame(ctx, &pkt, &route, ttl, tc))
        return FS_REASON_WRITE_FAILED;
    return (__u64)route.fib.ifindex << 32 | how;
}

/* The second half: gives it the VIP as source. Returns 0 or a negative errno. */
static __always_inline int reply_restore(void *ctx, __u32 word, fs_ref dir, __u32 number, bool tc)
{
    const struct fs_backend *backend = backend_at(dir, number);
    struct rewrite rw = nat_back(service_at(dir, backend->service), backend);
    struct packet pkt;

    if (!packet_again_ports(ctx, word, &pkt, tc))
        return -1;
    count_out(number, pkt.ip_bytes);
    if (!pkt.l4_check)
        return rewrite_later(ctx, &pkt, &rw, tc);
    return act_rewrite(ctx, &pkt, &rw, tc);
}

__noinline __u64 reply_route_xdp(struct xdp_md *ctx, __u32 word, fs_ref dir, __u32 number)
{
    return reply_route(ctx, word, dir, number, false);
}

__noinline __u64 reply_route_tc(struct __sk_buff *skb, __u32 word, fs_ref dir, __u32 number)
{
    return reply_route(skb, word, dir, number, true);
}

__noinline int reply_restore_xdp(struct xdp_md *ctx, __u32 word, fs_ref dir, __u32 number)
{
    return reply_restore(ctx, word, dir, number, false);
}

__noinline int reply_restore_tc(struct __sk_buff *skb, __u32 word, fs_ref dir, __u32 number)
{
    return reply_restore(skb, word, dir, number, true);
}

/* What can't be forwarded here goes up the stack as it is and is restored at egress: with the VIP
 * as source, the stack would take it for forged. */
static __always_inline int nat_reply_ingress(void *ctx, __u32 word, fs_ref dir, __u32 number,
                                             bool tc)
{
    __u64 way =
        tc ? reply_route_tc(ctx, word, dir, number) : reply_route_xdp(ctx, word, dir, number);
    int how = (__u32)way;

    if (how == FS_REASON_WRITE_FAILED)
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (!route_is_direct(how) && how != FS_REASON_TO_LOCAL)
        return act_pass(FS_REASON_REPLY_STACK, tc);
    if (tc ? reply_restore_tc(ctx, word, dir, number) : reply_restore_xdp(ctx, word, dir, number))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (how == FS_REASON_TO_LOCAL)
        return act_pass(FS_REASON_REPLY_INGRESS, tc);
    return act_redirect(way >> 32, how, FS_REASON_REPLY_INGRESS, tc);
}

/* Gives a packet that leaves for the client the VIP as source. TC only. */
static __always_inline int nat_reply_egress(struct __sk_buff *skb, struct packet *pkt,
                                            const struct fs_service *service,
                                            const struct fs_backend *backend)
{
    struct rewrite rw = nat_back(service, backend);

    if (rewrite_tc(skb, pkt, &rw))
        return act_drop(FS_REASON_WRITE_FAILED, true);
    return act_pass(FS_REASON_REPLY_EGRESS, true);
}

#endif
