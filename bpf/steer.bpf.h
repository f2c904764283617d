/* SPDX-License-Identifier: GPL-2.0-only */
/* The way of a packet, once parsed: from a client to a backend, and from a backend to a client. The
 * same for XDP and TC. */
#ifndef FLOWSPLIT_STEER_BPF_H
#define FLOWSPLIT_STEER_BPF_H

#include "addressed.bpf.h"
#include "adopt.bpf.h"
#include "direct.bpf.h"
#include "fragments.bpf.h"
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
    bool again = false;

    hash = fs_hash_client(hash_key(), service->salt, packet_source(pkt), pkt->source_be,
                          pkt->family, service->affinity);
    place = fs_place_current(fs_arena, &fs_trips, table_of(service), hash);
    *is_new = packet_is_new(pkt) || service->affinity == FS_AFFINITY_NONE;
    if (unlikely(place.withdrawn) && *is_new)
        again = guard_diverted(dir, number, place.withdrawn - 1);
    if (likely(service->affinity == FS_AFFINITY_NONE ||
               (!place.unsettled && !again && pkt->proto == IPPROTO_TCP)))
        return place.backend;
    by = said_by_source(pkt);
    if (pkt->proto == IPPROTO_UDP) {
        steered = steer_udp(where_in(dir, number), by.addr_low, by.addr_high, by.said);
        *is_new = steered & FLOW_IS_NEW;
        return steered;
    }
    if (*is_new)
        return likely(!fs_trips.full && !again)
                   ? place.backend
                   : steer_syn(where_in(dir, number), by.addr_low, by.addr_high, by.said);
    said_by_tcp(&by, pkt->tcp_flags, packet_seq(pkt), packet_ack(pkt), packet_end(pkt));
    return steer_tcp(where_in(dir, number), by.addr_low, by.addr_high, by.said, by.more);
}

/* A UDP packet of a service without affinity. */
static __always_inline void supersede_direct(struct packet *pkt, fs_ref dir,
                                             struct fs_backend *backend)
{
    __u32 *since = direct_since(backend->id);
    struct said_by by;

    if (likely(!since || !*since))
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
    __u32 number;

    if (unlikely(service->adopt & FS_ADOPT_UNDER_WAY) &&
        is_adopted(ctx, pkt, where_in(dir, service_number), tc))
        return act_pass(FS_REASON_ADOPTED, tc);
    number = choose_backend(pkt, dir, service_number, &is_new);
    if (number == FS_NO_BACKEND)
        return act_pass(FS_REASON_NO_BACKEND, tc);
    backend = backend_at(dir, number);
    count_in(number, pkt->ip_bytes, is_new);
    if (pkt->proto == IPPROTO_UDP) {
        if (service->affinity == FS_AFFINITY_NONE)
            supersede_direct(pkt, dir, backend);
    } else {
        sampled = fs_hash_sample(hash_key(), packet_source(pkt), pkt->source_be, pkt->family,
                                 service->sample);
        observe_client(ctx, pkt, dir, backend, sampled, tc);
    }
    switch (service->mode) {
    case FS_MODE_NAT:
        return nat_to_backend(ctx, pkt, dir, service, backend, tc);
    default:
        return act_pass(FS_REASON_NO_SERVICE, tc);
    }
}

/* Do replies have to be looked at that neither begin nor end anything? While buckets or slots are
 * unsettled they say which flows live where. */
static __always_inline bool replies_are_noted(fs_ref dir, const struct fs_service *service)
{
    return unlikely(service->unsettled ||
                    directory_at(dir)->events_known != (__u32)fs_trips.event_count);
}

/* Does a packet of a backend come from where it is? By `from`, which is 0 for this host itself. */
static __always_inline enum said reply_origin(void *ctx, fs_ref dir,
                                              const struct fs_backend *backend, __u32 from, bool tc)
{
    __u64 where = where_in(dir, backend->id & FS_SLOT_BACKEND);

    if (!from || (tc ? comes_by_route_tc(ctx, where, from) : comes_by_route_xdp(ctx, where, from)))
        return SAID_CHECKED;
    count_reason(FS_REASON_REPLY_ELSEWHERE);
    return SAID_CHECKED | SAID_ELSEWHERE;
}

/* Who has to be asked about a packet of a backend. */
enum reply_asks {
    ASK_DIRECT = 1, /* the record of who talks to the backend itself */
    ASK_FLOWS = 2,  /* the flow tables */
};

/* `origin`: what is known of where it comes from, SAID_CHECKED and SAID_ELSEWHERE. */
static __always_inline enum reply reply_ask(const struct packet *pkt, __u64 where, __u32 asks,
                                            __u32 origin, __u32 from)
{
    struct said_by by =
        said_by(packet_dest((struct packet *)pkt), pkt->dest_be, pkt->family, pkt->proto);
    enum reply reply = REPLY_STEERED;

    said_also(&by, origin);
    if (pkt->proto == IPPROTO_TCP)
        said_by_tcp(&by, pkt->tcp_flags, packet_ack(pkt), packet_seq(pkt), from);
    if (asks & ASK_DIRECT)
        reply = direct_reply(where, by.addr_low, by.addr_high, by.said, by.more);
    if (reply != REPLY_STEERED || !(asks & ASK_FLOWS))
        return reply;
    if (pkt->proto == IPPROTO_UDP)
        return note_udp_reply(where, by.addr_low, by.addr_high, by.said);
    return pkt->tcp_flags & TCP_SYN
               ? note_answer(where, by.addr_low, by.addr_high, by.said, by.more)
               : note_tcp_reply(where, by.addr_low, by.addr_high, by.said, by.more);
}

static __always_inline __u32 reply_asks(const struct packet *pkt, fs_ref dir,
                                        const struct fs_service *service,
                                        const struct fs_backend *backend)
{
    bool tcp = pkt->proto == IPPROTO_TCP, none = service->affinity == FS_AFFINITY_NONE;
    __u32 *since = direct_since(backend->id);
    __u32 asks = 0;

    if (unlikely(since && *since) && (tcp || none))
        asks = ASK_DIRECT;
    if (!none &&
        (!tcp || pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) || replies_are_noted(dir, service)))
        asks |= ASK_FLOWS;
    return asks;
}

/* What becomes of a packet of a backend. Tells the tables of it, and observes what it says of the
 * backend. Unless this is the `last` that is seen of it, REPLY_FROM leaves it to the stack: which
 * knows that the interface is part of another, a bridge or a bond, and egress has that one's. */
static __always_inline enum reply reply_note(void *ctx, struct packet *pkt, fs_ref dir,
                                             const struct fs_service *service,
                                             struct fs_backend *backend, __u32 from, bool last,
                                             bool tc)
{
    bool tells = pkt->proto == IPPROTO_TCP && pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);
    __u32 asks = reply_asks(pkt, dir, service, backend), origin = 0;
    enum reply reply = REPLY_STEERED;

    if (tells)
        origin = reply_origin(ctx, dir, backend, from, tc);
    if (origin & SAID_ELSEWHERE && !last)
        return REPLY_FROM;
    if (unlikely(asks)) {
        reply = reply_ask(pkt, where_in(dir, backend->id & FS_SLOT_BACKEND), asks, origin, from);
        if (unlikely(reply == REPLY_FROM)) {
            origin = reply_origin(ctx, dir, backend, from, tc);
            reply =
                reply_ask(pkt, where_in(dir, backend->id & FS_SLOT_BACKEND), asks, origin, from);
        }
    }
    if (reply == REPLY_STEERED && pkt->proto == IPPROTO_TCP)
        observe_backend(ctx, pkt, dir, service, backend, origin & SAID_ELSEWHERE, tc);
    return reply;
}

/* What becomes of one that isn't given the VIP. */
static __always_inline int reply_leave(enum reply reply, bool tc)
{
    return reply == REPLY_HELD ? act_drop(FS_REASON_SECOND_CHANCE, tc)
                               : act_pass(FS_REASON_DIRECT_OUT, tc);
}

/* A packet from a backend, as it arrives. */
static __always_inline int steer_reply_ingress(void *ctx, struct packet *pkt, fs_ref dir,
                                               struct fs_backend *backend, bool tc)
{
    const struct fs_service *service = service_at(dir, backend->service);
    __u32 from = ctx_ifindex(ctx, tc);
    enum reply reply;

    if (is_forged(backend, from))
        return act_pass(FS_REASON_FORGED_SOURCE, tc);
    if (!(backend->flags & FS_BACKEND_LOCAL) && is_hairpin_reply(pkt, dir, service, backend)) {
        if (!hairpin_back(ctx, pkt, dir, backend, tc))
            return act_drop(FS_REASON_WRITE_FAILED, tc);
        if (tc) /* helpers have stored to it: it comes in once more */
            return bpf_redirect(from, BPF_F_INGRESS);
    }
    reply = reply_note(ctx, pkt, dir, service, backend,
                       backend->flags & FS_BACKEND_LOCAL ? 0 : from, false, tc);
    if (reply == REPLY_FROM)
        return act_pass(FS_REASON_REPLY_STACK, tc);
    if (reply != REPLY_STEERED)
        return reply_leave(reply, tc);
    return nat_reply_ingress(ctx, packet_word(pkt, pkt->proto), dir, backend->id & FS_SLOT_BACKEND,
                             tc);
}

/* Someone talks to a backend itself. What service it has affects UDP: with affinity, the steered
 * flows are on record. */
static __always_inline int steer_direct(struct packet *pkt, fs_ref dir, struct fs_backend *backend,
                                        bool forwarded, bool tc)
{
    __u64 where = where_in(dir, backend->id & FS_SLOT_BACKEND);
    struct said_by by;

    if (pkt->proto == IPPROTO_TCP ||
        service_at(dir, backend->service)->affinity == FS_AFFINITY_NONE) {
        by = said_by_source(pkt);
        if (pkt->proto == IPPROTO_TCP)
            said_by_tcp(&by, pkt->tcp_flags, packet_seq(pkt), packet_ack(pkt), packet_end(pkt));
        if (may_be_steered(where, by.addr_low, by.addr_high, by.said))
            said_also(&by, forwarded ? SAID_AMBIGUOUS | SAID_FORWARDED : SAID_AMBIGUOUS);
        direct_note(where, by.addr_low, by.addr_high, by.said, by.more);
    }
    return act_pass(FS_REASON_DIRECT_IN, tc);
}

/* A parsed packet that has come in. `alone` is false where another program may have steered the
 * packet before: then what goes to a backend's own address says nothing about who sent it there. */
static __always_inline int steer_ingress(void *ctx, struct packet *pkt, int parsed, bool tc,
                                         bool alone)
{
    fs_ref dir = directory_now();
    __u32 found;

    if (parsed == FS_REASON_FRAGMENT && is_addressed(ctx, pkt, tc))
        return fragment_ingress(ctx, dir, fragment_parse(ctx, pkt, tc), tc);
    if (parsed != PARSE_PORTS && parsed != PARSE_ICMP_ERROR)
        return act_pass(parsed, tc);
    if (unlikely(!is_addressed(ctx, pkt, tc)))
        return act_pass(FS_REASON_OTHER_HOST, tc);
    if (unlikely(parsed == PARSE_ICMP_ERROR))
        return icmp_ingress(ctx, dir, tc);
    if (unlikely(pkt->more))
        fragment_first(ctx, pkt, dir, ctx_ifindex(ctx, tc), tc);
    found = find_service(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found)
        return steer_to_backend(ctx, pkt, dir, found - 1, tc);
    found = find_backend(dir, packet_source(pkt), pkt->source_be, pkt->proto, pkt->family);
    if (found)
        return steer_reply_ingress(ctx, pkt, dir, backend_at(dir, found - 1), tc);
    found = find_backend(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found && alone)
        return steer_direct(pkt, dir, backend_at(dir, found - 1), false, tc);
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
        return steer_direct(pkt, dir, backend_at(dir, found - 1), false, tc);
    return act_pass(FS_REASON_NOT_STEERING, tc);
}

/* A parsed packet that is about to leave. */
static __always_inline int steer_egress(struct __sk_buff *skb, struct packet *pkt, int parsed)
{
    fs_ref dir = directory_now();
    const struct fs_service *service;
    struct fs_backend *backend;
    enum reply reply;
    __u32 found;

    if (unlikely(parsed == PARSE_ICMP_ERROR))
        return icmp_egress(skb, dir);
    if (parsed == FS_REASON_FRAGMENT)
        return fragment_egress(skb, dir, fragment_parse(skb, pkt, true));
    if (parsed != PARSE_PORTS)
        return act_pass(parsed, true);
    if (unlikely(pkt->more))
        fragment_first(skb, pkt, dir, LOOPBACK_IFINDEX, true);
    found = find_backend(dir, packet_source(pkt), pkt->source_be, pkt->proto, pkt->family);
    if (found) {
        backend = backend_at(dir, found - 1);
        service = service_at(dir, backend->service);
        reply = reply_note(skb, pkt, dir, service, backend, skb->ingress_ifindex, true, true);
        if (reply != REPLY_STEERED)
            return reply_leave(reply, true);
        count_out(backend->id & FS_SLOT_BACKEND, pkt->ip_bytes);
        return nat_reply_egress(skb, pkt, service, backend);
    }
    if (skb->tc_index == STEERED_TC_INDEX) {
        skb->tc_index = 0; /* it means nothing to the next host */
        return act_pass(FS_REASON_NO_SERVICE, true);
    }
    found = find_backend(dir, packet_dest(pkt), pkt->dest_be, pkt->proto, pkt->family);
    if (found) /* from this host, or by it from where it may not have been seen coming in */
        return steer_direct(pkt, dir, backend_at(dir, found - 1), skb->ingress_ifindex, true);
    return act_pass(FS_REASON_NO_SERVICE, true);
}

#endif
