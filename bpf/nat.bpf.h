/* SPDX-License-Identifier: GPL-2.0-only */
/* Mode nat: the destination becomes the backend's, and on the way back the source the VIP's. */
#ifndef FLOWSPLIT_NAT_BPF_H
#define FLOWSPLIT_NAT_BPF_H

#include "act.bpf.h"
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

static __always_inline int nat_to_remote(void *ctx, struct packet *pkt, const struct rewrite *rw,
                                         bool tc)
{
    struct route route = {.source = packet_source(pkt),
                          .dest = rw->to->addr,
                          .source_be = pkt->source_be,
                          .dest_be = rw->to->port_be};
    __u8 ttl = packet_ttl(pkt);
    int how = act_route(ctx, pkt, &route, tc);

    if (how == FS_REASON_TO_LOCAL) /* or no route: the FIB's answer is the same */
        how = FS_REASON_STACK_UNREACHABLE;
    if (how == FS_REASON_BLACKHOLE)
        return act_drop(FS_REASON_BLACKHOLE, tc);
    if (act_rewrite(ctx, pkt, rw, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (!route_is_direct(how))
        return act_pass(how, tc);
    return act_forward(ctx, pkt, &route, ttl, how, how, tc);
}

/* Sends a packet of a client to its backend. */
static __always_inline int nat_to_backend(void *ctx, struct packet *pkt,
                                          const struct fs_service *service,
                                          const struct fs_backend *backend, bool tc)
{
    struct rewrite rw = nat_forth(service, backend);

    if (!(backend->flags & FS_BACKEND_LOCAL))
        return nat_to_remote(ctx, pkt, &rw, tc);
    if (act_rewrite(ctx, pkt, &rw, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    return act_pass(FS_REASON_TO_LOCAL, tc);
}

/* Sends a remote backend's packet to the client. What can't be forwarded here goes up the stack as
 * it is and is restored at egress: with the VIP as source, the stack would take it for forged. */
static __always_inline int nat_reply_ingress(void *ctx, struct packet *pkt,
                                             const struct fs_service *service,
                                             const struct fs_backend *backend, bool tc)
{
    struct rewrite rw = nat_back(service, backend);
    struct route route = {.source = service->vip.addr,
                          .dest = packet_dest(pkt),
                          .source_be = service->vip.port_be,
                          .dest_be = pkt->dest_be};
    __u8 ttl = packet_ttl(pkt);
    int how = act_route(ctx, pkt, &route, tc);

    if (!route_is_direct(how) && how != FS_REASON_TO_LOCAL)
        return act_pass(FS_REASON_REPLY_STACK, tc);
    count_out(backend->id & FS_SLOT_BACKEND, pkt->ip_bytes);
    if (act_rewrite(ctx, pkt, &rw, tc))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    if (how == FS_REASON_TO_LOCAL)
        return act_pass(FS_REASON_REPLY_INGRESS, tc);
    return act_forward(ctx, pkt, &route, ttl, how, FS_REASON_REPLY_INGRESS, tc);
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
