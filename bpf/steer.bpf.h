/* SPDX-License-Identifier: GPL-2.0-only */
/* The way of a packet, once parsed: from a client to a backend, and from a backend to a client. The
 * same for XDP and TC. */
#ifndef FLOWSPLIT_STEER_BPF_H
#define FLOWSPLIT_STEER_BPF_H

#include "addressed.bpf.h"
#include "direct.bpf.h"
#include "flows.bpf.h"
#include "icmp.bpf.h"
#include "nat.bpf.h"
#include "observe.bpf.h"

static __always_inline struct said_by said_by_source(struct packet *pkt)
{
    return said_by(packet_source(pkt), pkt->source_be, pkt->family, pkt->proto);
}

static __always_inline struct said_by said_by_dest(struct packet *pkt)
{
    return said_by(packet_dest(pkt), pkt->dest_be, pkt->family, pkt->proto);
}

/* Chooses the backend of a packet to a service. Sets *is_new when it begins a flow. */
static __always_inline __u32 choose_backend(struct packet *pkt, fs_ref dir, __u32 number,
                                            bool *is_new)
{
    struct fs_service *service = service_at(dir, number);
    struct said_by by;
    struct fs_place place;
    __u64 hash, steered;

    hash = fs_hash_client(hash_key(), service->salt, packet_source(pkt), pkt->source_be,
                          pkt->family, service->affinity);
    place = fs_place_current(fs_arena, &fs_trips, table_of(service), hash);
    *is_new = packet_is_new(pkt) || service->affinity == FS_AFFINITY_NONE;
    if (unlikely(place.unsettled) && *is_new)
        guard_diverted(dir, number,
                       place.withdrawn ? place.withdrawn - 1
                                       : table_of(service)->moves[place.bucket].previous);
    if (likely(service->affinity == FS_AFFINITY_NONE ||
               (!place.unsettled && pkt->proto == IPPROTO_TCP)))
        return place.backend;
    by = said_by_source(pkt);
    said_by_tcp(&by, pkt->tcp_flags, packet_seq(pkt));
    if (*is_new)
        by.said |= (__u64)SAID_NEW << SAID_BITS_SHIFT;
    steered = steer_flow(where_in(dir, number), by.addr_low, by.addr_high, by.said);
    *is_new = steered & FLOW_IS_NEW;
    return steered;
}

/* A UDP packet for a backend that someone may have talked to directly. */
static __always_inline void supersede_direct(struct packet *pkt, fs_ref dir,
                                             struct fs_backend *backend)
{
    __u32 *seen = direct_flag(backend->id);
    struct said_by by;

    if (!seen || !*seen)
        return;
    by = said_by_source(pkt);
    direct_give_way(where_in(dir, backend->id), by.addr_low, by.addr_high, by.said);
}

/* A packet from a client to a service. */
static __always_inline int steer_to_backend(void *ctx, struct packet *pkt, fs_ref dir,
                                            __u32 service_number, bool tc)
{
    struct fs_service *service = service_at(dir, service_number);
    struct fs_backend *backend;
    bool sampled, is_new;
    __u32 number = choose_backend(pkt, dir, service_number, &is_new);

    if (number == FS_NO_BACKEND)
        return act_pass(FS_REASON_NO_BACKEND, tc);
    backend = backend_at(dir, number);
    count_in(number, pkt->ip_bytes, is_new);
    if (pkt->proto == IPPROTO_UDP) {
        supersede_direct(pkt, dir, backend);
    } else {
        sampled = fs_hash_sample(hash_key(), packet_source(pkt), pkt->source_be, pkt->family,
                                 service->sample);
        observe_client(ctx, pkt, dir, backend, sampled, tc);
    }
    switch (service->mode) {
    case FS_MODE_NAT:
        return nat_to_backend(ctx, pkt, service, backend, tc);
    default:
        return act_pass(FS_REASON_NO_SERVICE, tc);
    }
}

static __always_inline bool reply_is_direct(struct packet *pkt, fs_ref dir,
                                            struct fs_backend *backend)
{
    __u32 *seen = direct_flag(backend->id);
    struct said_by by;

    if (likely(!seen || !*seen))
        return false;
    by = said_by_dest(pkt);
    said_by_tcp(&by, pkt->tcp_flags, packet_answered_seq(pkt));
    return direct_is_reply(where_in(dir, backend->id), by.addr_low, by.addr_high, by.said);
}

/* Keeps the flow's entry, if it may have one, up to date: TCP packets without SYN, FIN or RST say
 * nothing new. */
static __always_inline void note_reply(struct packet *pkt, fs_ref dir, struct fs_backend *backend)
{
    struct said_by by;

    if (likely(pkt->proto == IPPROTO_TCP && !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))))
        return;
    if (service_at(dir, backend->service)->affinity == FS_AFFINITY_NONE)
        return;
    by = said_by_dest(pkt);
    said_by_tcp(&by, pkt->tcp_flags, packet_answered_seq(pkt));
    note_reply_of_flow(where_in(dir, backend->service), by.addr_low, by.addr_high, by.said,
                       backend->id);
}

/* Is this packet of a backend one that needs the VIP as source? Counts it if so. */
static __always_inline bool reply_is_ours(void *ctx, struct packet *pkt, fs_ref dir,
                                          const struct fs_service *service,
                                          struct fs_backend *backend, bool tc)
{
    if (reply_is_direct(pkt, dir, backend))
        return false;
    note_reply(pkt, dir, backend);
    if (pkt->proto == IPPROTO_TCP)
        observe_backend(ctx, pkt, dir, service, backend, tc);
    return true;
}

/* A packet from a backend, as it arrives. */
static __always_inline int steer_reply_ingress(void *ctx, struct packet *pkt, fs_ref dir,
                                               struct fs_backend *backend, bool tc)
{
    const struct fs_service *service = service_at(dir, backend->service);

    if (!reply_is_ours(ctx, pkt, dir, service, backend, tc))
        return act_pass(FS_REASON_DIRECT_OUT, tc);
    return nat_reply_ingress(ctx, pkt, dir, backend, tc);
}

/* Someone talks to a backend itself. */
static __always_inline int steer_direct(struct packet *pkt, fs_ref dir, struct fs_backend *backend,
                                        bool tc)
{
    struct said_by by = said_by_source(pkt);
    bool ambiguous;

    said_by_tcp(&by, pkt->tcp_flags, packet_seq(pkt));
    ambiguous = find_flow(where_in(dir, backend->service), by.addr_low, by.addr_high, by.said) ==
                (backend->id & FS_SLOT_BACKEND);
    direct_note(where_in(dir, backend->id), by.addr_low, by.addr_high, by.said, ambiguous);
    return act_pass(FS_REASON_DIRECT_IN, tc);
}

/* A parsed packet that has come in. `alone` is false where another program may have steered the
 * packet before: then what goes to a backend's own address says nothing about who sent it there. */
static __always_inline int steer_ingress(void *ctx, struct packet *pkt, int parsed, bool tc,
                                         bool alone)
{
    fs_ref dir = directory_now();
    __u32 found;

    if (parsed != PARSE_PORTS && parsed != PARSE_ICMP_ERROR)
        return act_pass(parsed, tc);
    if (unlikely(!is_addressed(ctx, pkt, tc)))
        return act_pass(FS_REASON_OTHER_HOST, tc);
    if (unlikely(parsed == PARSE_ICMP_ERROR))
        return icmp_ingress(ctx, dir, tc);
    found = find_service(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found)
        return steer_to_backend(ctx, pkt, dir, found - 1, tc);
    found = find_backend(dir, packet_source(pkt), pkt->source_be, pkt->proto, pkt->family);
    if (found)
        return steer_reply_ingress(ctx, pkt, dir, backend_at(dir, found - 1), tc);
    found = find_backend(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found && alone)
        return steer_direct(pkt, dir, backend_at(dir, found - 1), tc);
    return act_pass(FS_REASON_NO_SERVICE, tc);
}

/* A parsed packet that has come in where nothing is steered yet, or no more. */
static __always_inline int learn_ingress(void *ctx, struct packet *pkt, int parsed, bool tc)
{
    fs_ref dir = directory_now();
    __u32 found = 0;

    if (parsed == PARSE_PORTS && is_addressed(ctx, pkt, tc) &&
        !find_service(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family))
        found = find_backend(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found)
        return steer_direct(pkt, dir, backend_at(dir, found - 1), tc);
    return act_pass(FS_REASON_NOT_STEERING, tc);
}

/* A parsed packet that is about to leave. */
static __always_inline int steer_egress(struct __sk_buff *skb, struct packet *pkt, int parsed)
{
    fs_ref dir = directory_now();
    const struct fs_service *service;
    struct fs_backend *backend;
    __u32 found;

    if (unlikely(parsed == PARSE_ICMP_ERROR))
        return icmp_egress(skb, dir);
    if (parsed != PARSE_PORTS)
        return act_pass(parsed, true);
    found = find_backend(dir, packet_source(pkt), pkt->source_be, pkt->proto, pkt->family);
    if (found) {
        backend = backend_at(dir, found - 1);
        service = service_at(dir, backend->service);
        if (!reply_is_ours(skb, pkt, dir, service, backend, true))
            return act_pass(FS_REASON_DIRECT_OUT, true);
        count_out(backend->id & FS_SLOT_BACKEND, pkt->ip_bytes);
        return nat_reply_egress(skb, pkt, service, backend);
    }
    if (skb->ingress_ifindex == 0) { /* from this host itself */
        found = find_backend(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
        if (found)
            return steer_direct(pkt, dir, backend_at(dir, found - 1), true);
    }
    return act_pass(FS_REASON_NO_SERVICE, true);
}

#endif
