/* SPDX-License-Identifier: GPL-2.0-only */
/* What the packets of a TCP flow say of its version: handshakes for all flows, and for those in the
 * sample also how they end and how long answers take. Packets of established flows outside the
 * sample go on at once. */
#ifndef FLOWSPLIT_OBSERVE_BPF_H
#define FLOWSPLIT_OBSERVE_BPF_H

#include "act.bpf.h"
#include "handshakes.bpf.h"
#include "samples.bpf.h"
#include "sound.bpf.h"

static __always_inline void observe_packet(struct observed *o, struct fs_backend_counters *count,
                                           bool from_backend)
{
    if (!from_backend) {
        if (tcp_is_first_syn(o->tcp_flags))
            observe_syn(o, count);
        else if (o->sampled)
            observe_request(o, count);
        return;
    }
    if (o->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) && observe_handshake(o, count))
        return;
    if (o->sampled && !(o->tcp_flags & TCP_SYN))
        observe_reply(o, count);
}

static __always_inline int observe(struct observed *o, __u32 how)
{
    struct fs_backend_counters *count;
    __u32 backend = o->says.backend;

    count = bpf_map_lookup_elem(&backend_counters, &backend);
    if (!count)
        return 0;
    observed_cohort(o);
    observe_packet(o, count, how & FROM_BACKEND);
    return o->says.seen != 0 || o->heart_lost;
}

/* What is left to do with a packet. */
enum with { WITH_OUTCOMES = 1, WITH_HTTP = 2 };

/* Reads the packet and observes it. Returns a set of enum with. */
static __always_inline int observe_frame(void *ctx, void *data, void *end, __u32 offsets,
                                         fs_ref dir, __u32 number, __u32 how, bool tc)
{
    struct observed *o = observed_now();

    if (!o || !observed_init(o, data, end, offsets, dir, number, how))
        return 0;
    if (!(how & FROM_BACKEND) && tcp_is_first_syn(o->tcp_flags))
        o->syn = syn_flags(ctx, o, data, end, offsets, how, tc);
    if (!observe(o, how))
        return o->http_waits ? WITH_HTTP : 0;
    if (o->unanswered && silence_is_explained(ctx, o, ctx_ifindex(ctx, tc)))
        return 0;
    return WITH_OUTCOMES | (o->http_waits ? WITH_HTTP : 0);
}

/* Verified by themselves, and not inlined: packets that aren't observed must pay nothing for it. */
__noinline int observe_xdp(struct xdp_md *ctx, __u32 offsets, fs_ref dir, __u32 number, __u32 how)
{
    return observe_frame(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, offsets, dir,
                         number, how, false);
}

__noinline int observe_tc(struct __sk_buff *skb, __u32 offsets, fs_ref dir, __u32 number, __u32 how)
{
    return observe_frame(skb, (void *)(long)skb->data, (void *)(long)skb->data_end, offsets, dir,
                         number, how, true);
}

static __always_inline void judge(void)
{
    struct observed *o = observed_now();

    if (!o)
        return;
    if (unlikely(o->heart_lost))
        guard_heart_lost(&o->says);
    o->says.client = fs_hash_source(hash_key(), o->key.addr, o->family);
    guard_judge(&o->says);
}

static __always_inline void observe_and_judge(void *ctx, const struct packet *pkt, fs_ref dir,
                                              const struct fs_backend *backend, __u32 how, bool tc)
{
    __u32 number = backend->id & FS_SLOT_BACKEND, offsets = how_offsets(pkt);
    __u32 headers = pkt->l4_off - pkt->l3_off + pkt->l4_bytes;
    int left;

    how |= pkt->family == 6 ? IS_IPV6 : 0;
    if (pkt->ip_bytes > headers)
        how |= (pkt->ip_bytes - headers) << HOW_PAYLOAD_SHIFT;
    if (!observing_take())
        return;
    left = tc ? observe_tc(ctx, offsets, dir, number, how)
              : observe_xdp(ctx, offsets, dir, number, how);
    if (left & WITH_HTTP && (tc ? observe_http_tc(ctx, how) : observe_http_xdp(ctx, how)))
        left |= WITH_OUTCOMES;
    if (left & WITH_OUTCOMES)
        judge();
    observing_give();
}

/* A packet of a client that goes to `backend`. */
static __always_inline void observe_client(void *ctx, struct packet *pkt, fs_ref dir,
                                           const struct fs_backend *backend, bool sampled, bool tc)
{
    __u32 how = 0;

    if (likely(!sampled && !(pkt->tcp_flags & TCP_SYN)))
        return;
    if (sampled)
        how |= SAMPLED | (service_at(dir, backend->service)->http ? HTTP : 0);
    how |= ctx_ifindex(ctx, tc) == LOOPBACK_IFINDEX ? LOOPBACK : 0;
    observe_and_judge(ctx, pkt, dir, backend, how, tc);
}

/* A packet of `backend` that is given the VIP. */
static __always_inline void observe_backend(void *ctx, struct packet *pkt, fs_ref dir,
                                            const struct fs_service *service,
                                            const struct fs_backend *backend, bool elsewhere,
                                            bool tc)
{
    bool sampled =
        fs_hash_sample(hash_key(), packet_dest(pkt), pkt->dest_be, pkt->family, service->sample);

    if (likely(!sampled && !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))))
        return;
    observe_and_judge(ctx, pkt, dir, backend,
                      FROM_BACKEND | (elsewhere ? ELSEWHERE : 0) |
                          (sampled ? SAMPLED | (service->http ? HTTP : 0) : 0),
                      tc);
}

#endif
