/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow tables' rules: where a flow goes whose bucket or slot has changed owner, and what is
 * written down about it. Only reached from unsettled buckets and slots, and by UDP flows. */
#ifndef FLOWSPLIT_FLOWS_BPF_H
#define FLOWSPLIT_FLOWS_BPF_H

#include <flowsplit/steer.h>

#include "client.bpf.h"
#include "count.bpf.h"
#include "lookup.bpf.h"

/* How far a new flow's packets may be from its SYN to be known by it. */
#define SYN_WINDOW 65536

/* A flow of a service, seen from its client. */
struct flow_ref {
    fs_ref dir;
    __u32 service; /* its number */
    __u64 hash;
    struct fs_flow_key key;
    __u32 current;  /* number of the backend that new flows get, or FS_NO_BACKEND */
    bool unsettled; /* its bucket or slot is */
    __u32 tcp_seq;  /* host byte order */
    __u8 tcp_flags;
    __u8 proto;
    bool is_new; /* in: a first SYN; out: this packet began a flow */
};

/* The flow of a client at `addr`, `port_be`, and where the hash alone would send it. */
static __always_inline void flow_ref_init(struct flow_ref *ref, fs_ref dir, __u32 number,
                                          const __be32 *addr, __be16 port_be, __u8 family,
                                          __u8 proto)
{
    struct fs_service *service = service_at(dir, number);
    struct fs_place place;

    __builtin_memset(ref, 0, sizeof(*ref));
    ref->dir = dir;
    ref->service = number;
    ref->proto = proto;
    ref->hash = fs_hash_client(hash_key(), service->salt, addr, port_be, family, service->affinity);
    place = fs_place_current(fs_arena, &fs_trips, table_of(service), ref->hash);
    ref->current = place.backend;
    ref->unsettled = place.unsettled;
    ref->key = (struct fs_flow_key){.addr = {addr[0]}, .port_be = port_be, .scope = service->id};
    if (family == 6) {
        ref->key.addr[1] = addr[1];
        ref->key.addr[2] = addr[2];
        ref->key.addr[3] = addr[3];
    }
}

/* Does this sequence number go on from that SYN's? An answer may acknowledge data that came with it
 * (TCP Fast Open). */
static __always_inline bool seq_follows(__u32 seq, __u32 syn_seq)
{
    return seq - syn_seq <= SYN_WINDOW;
}

static __always_inline struct fs_table *flow_table(const struct flow_ref *ref)
{
    return table_of(service_at(ref->dir, ref->service));
}

static __always_inline void flow_record(void *map, const struct flow_ref *ref, __u32 backend,
                                        __u32 flags, __u32 now)
{
    struct fs_flow flow = {
        .backend = backend, .seen = now, .flags = flags, .syn_seq = ref->tcp_seq};

    if (bpf_map_update_elem(map, &ref->key, &flow, BPF_ANY) == 0)
        count_reason(FS_REASON_FLOW_RECORDED);
    else
        count_reason(FS_REASON_FLOW_TABLE_FULL);
}

static __always_inline __u32 flow_follow(struct fs_flow *flow, __u32 now)
{
    flow->seen = now;
    count_reason(FS_REASON_FLOW_FOLLOWED);
    return flow->backend & FS_SLOT_BACKEND;
}

static __always_inline bool flow_fresh(const struct fs_flow *flow, __u32 now, __u32 ticks)
{
    return fs_before(now, flow->seen, ticks);
}

/* Does the entry's flow still exist, as far as its packets tell? */
static __always_inline bool flow_closed(const struct fs_flow *flow)
{
    __u32 fins = FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN;

    return (flow->flags & fins) == fins || flow->flags & (FS_FLOW_CLIENT_RST | FS_FLOW_BACKEND_RST);
}

/* Does this backend get new flows? A version without weight does where it has the place of one that
 * is withdrawn. */
static __always_inline bool takes_flows(const struct flow_ref *ref,
                                        const struct fs_backend *backend)
{
    const struct fs_table *table = flow_table(ref);
    const struct fs_version *version = &table->versions[backend->version & FS_OWNER_VERSION];

    if (!(backend->flags & FS_BACKEND_IN_POOL) ||
        fs_trip_of(&fs_trips, table, backend->version)->tick)
        return false;
    return version->weight_bp || (ref->current != FS_NO_BACKEND &&
                                  backend_at(ref->dir, ref->current)->version == backend->version);
}

static __always_inline __u32 backend_id(struct flow_ref *ref, __u32 number)
{
    return backend_at(ref->dir, number)->id;
}

/* Notes the end of a flow in its entry. A RST from the client may be forged, so any later packet
 * takes it back. */
static __always_inline void flow_note_client(struct fs_flow *flow, __u32 tcp_flags)
{
    if (tcp_flags & TCP_RST)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_CLIENT_RST);
    else if (flow->flags & FS_FLOW_CLIENT_RST)
        __sync_fetch_and_and(&flow->flags, ~FS_FLOW_CLIENT_RST);
    if (tcp_flags & TCP_FIN)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_CLIENT_FIN);
}

/* The entry that a first SYN meets, if it counts: of a live flow, or of the same SYN's first time,
 * which is known by its sequence number. */
static __always_inline struct fs_flow *flow_met(struct flow_ref *ref, __u32 now)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&flows, &ref->key);

    if (flow && !flow_closed(flow))
        return flow;
    if (flow)
        bpf_map_delete_elem(&flows, &ref->key);
    flow = bpf_map_lookup_elem(&half_open, &ref->key);
    if (!flow || flow->syn_seq != ref->tcp_seq || !flow_fresh(flow, now, FS_FRESH_SYN_TICKS))
        return NULL;
    return flow;
}

/* A SYN that begins a new flow. Where an entry stands already it isn't replaced, for the SYN may be
 * forged; the flow's next packet tells (flow_superseded). */
static __always_inline __u32 flow_begin_new(struct flow_ref *ref, __u32 now, bool recording)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&flows, &ref->key);

    ref->is_new = true;
    if (flow)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_CONTESTED);
    if (ref->current == FS_NO_BACKEND)
        return FS_NO_BACKEND;
    /* An entry of an earlier SYN is replaced, not dropped: its backend's answer can still claim it.
     */
    if (recording || flow || bpf_map_lookup_elem(&half_open, &ref->key))
        flow_record(&half_open, ref, backend_id(ref, ref->current), 0, now);
    return ref->current;
}

/* A SYN that follows an entry which has seen a FIN may begin a flow anew, at the same backend: that
 * flow must not inherit the FIN. */
static __always_inline void flow_follow_syn(struct flow_ref *ref, struct fs_flow *flow, __u32 now)
{
    if (!(flow->flags & (FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN)))
        return;
    __sync_fetch_and_or(&flow->flags, FS_FLOW_CONTESTED);
    flow_record(&half_open, ref, flow->backend, 0, now);
}

/* A first SYN. It follows an entry only if the entry's backend still takes flows, and it is a
 * repeated SYN or meets a live flow (which a forged SYN must not move). */
static __always_inline __u32 flow_begin(struct flow_ref *ref, __u32 now, bool recording)
{
    struct fs_flow *flow = flow_met(ref, now);
    struct fs_backend *backend;

    if (flow) {
        backend = backend_by_id(ref->dir, flow->backend);
        if (backend && takes_flows(ref, backend)) {
            ref->is_new = false;
            flow_follow_syn(ref, flow, now);
            return flow_follow(flow, now);
        }
    }
    return flow_begin_new(ref, now, recording);
}

/* Does this packet belong to the flow that a SYN began over the entry of an older one? It does if
 * it goes on from that SYN's sequence number. */
static __always_inline bool flow_superseded(struct flow_ref *ref, const struct fs_flow *flow)
{
    struct fs_flow *begun;

    if (!(flow->flags & FS_FLOW_CONTESTED))
        return false;
    begun = bpf_map_lookup_elem(&half_open, &ref->key);
    return begun && seq_follows(ref->tcp_seq, begun->syn_seq);
}

/* Any other packet of a TCP flow. */
static __always_inline __u32 flow_continue(struct flow_ref *ref, __u32 now,
                                           const struct fs_former *former)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&flows, &ref->key);
    bool may_record = !(ref->tcp_flags & TCP_RST);

    if (flow && backend_by_id(ref->dir, flow->backend) && !flow_superseded(ref, flow)) {
        flow_note_client(flow, ref->tcp_flags);
        return flow_follow(flow, now);
    }
    flow = bpf_map_lookup_elem(&half_open, &ref->key);
    if (flow && backend_by_id(ref->dir, flow->backend)) {
        if (may_record)
            flow_record(&flows, ref, flow->backend, flow->flags, now);
        return flow_follow(flow, now);
    }
    if (former->backend == FS_NO_BACKEND)
        return ref->current;
    if (former->recording && may_record)
        flow_record(&flows, ref, backend_id(ref, former->backend),
                    ref->tcp_flags & TCP_FIN ? FS_FLOW_CLIENT_FIN : 0, now);
    return former->backend;
}

/* A packet of a UDP flow: all are on record, so one without an entry is new. */
static __always_inline __u32 flow_udp(struct flow_ref *ref, __u32 now)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&udp_flows, &ref->key);

    ref->is_new = false;
    if (flow && flow_fresh(flow, now, FS_IDLE_UDP_TICKS) && backend_by_id(ref->dir, flow->backend))
        return flow_follow(flow, now);
    if (ref->current == FS_NO_BACKEND)
        return FS_NO_BACKEND;
    ref->is_new = true;
    flow_record(&udp_flows, ref, backend_id(ref, ref->current), 0, now);
    return ref->current;
}

/* Where a packet from a client goes when the flow table has a say. Returns the number of a backend
 * or FS_NO_BACKEND. */
static __always_inline __u32 flow_steer(struct flow_ref *ref)
{
    __u32 now = tick_now();
    struct fs_former former;

    if (ref->proto == IPPROTO_UDP)
        return flow_udp(ref, now);
    fs_place_former(fs_arena, &fs_trips, flow_table(ref), ref->hash, now, FS_MARGIN_TICKS, &former);
    if (ref->is_new)
        return flow_begin(ref, now, former.recording);
    return flow_continue(ref, now, &former);
}

/* Where a flow is, for a packet that belongs to it without being one of the client's (an ICMP
 * error): nothing is recorded. */
static __always_inline __u32 flow_find(struct flow_ref *ref)
{
    struct fs_flow *flow;
    struct fs_former former;

    if (ref->proto == IPPROTO_UDP) {
        flow = bpf_map_lookup_elem(&udp_flows, &ref->key);
    } else {
        flow = bpf_map_lookup_elem(&flows, &ref->key);
        if (!flow)
            flow = bpf_map_lookup_elem(&half_open, &ref->key);
    }
    if (flow && backend_by_id(ref->dir, flow->backend))
        return flow->backend & FS_SLOT_BACKEND;
    if (ref->proto == IPPROTO_UDP)
        return ref->current;
    fs_place_former(fs_arena, &fs_trips, flow_table(ref), ref->hash, tick_now(), FS_MARGIN_TICKS,
                    &former);
    return former.backend == FS_NO_BACKEND ? ref->current : former.backend;
}

/* What a backend's SYN-ACK says of an unsettled flow (ref->tcp_seq is that of the SYN it answers):
 * where two backends were asked because the SYN was repeated across a change, the first to answer
 * is the one the client will talk to. */
static __always_inline void flow_note_answer(struct flow_ref *ref, __u32 backend, __u32 now)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&half_open, &ref->key);
    struct fs_former former;

    if (flow && seq_follows(ref->tcp_seq, flow->syn_seq)) {
        if (!(flow->flags & FS_FLOW_ANSWERED)) {
            flow->backend = backend;
            __sync_fetch_and_or(&flow->flags, FS_FLOW_ANSWERED);
        }
        return;
    }
    fs_place_former(fs_arena, &fs_trips, flow_table(ref), ref->hash, now, FS_MARGIN_TICKS, &former);
    if (former.recording && !bpf_map_lookup_elem(&flows, &ref->key))
        flow_record(&half_open, ref, backend, FS_FLOW_ANSWERED, now);
}

/* Notes what a packet of the backend with id `backend` says of its flow's entry, if it has one. */
static __always_inline int flow_note_reply(struct flow_ref *ref, __u32 backend)
{
    struct fs_flow *flow;
    __u32 now = tick_now();

    if (ref->proto == IPPROTO_UDP) {
        flow = bpf_map_lookup_elem(&udp_flows, &ref->key);
        if (flow && flow->backend == backend && flow_fresh(flow, now, FS_IDLE_UDP_TICKS))
            flow->seen = now;
        return 0;
    }
    if (!ref->unsettled)
        return 0;
    if (ref->tcp_flags & TCP_SYN) {
        flow_note_answer(ref, backend, now);
        return 0;
    }
    flow = bpf_map_lookup_elem(&flows, &ref->key);
    if (!flow || flow->backend != backend)
        return 0;
    if (ref->tcp_flags & TCP_RST)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_RST);
    if (ref->tcp_flags & TCP_FIN)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_FIN);
    return 0;
}

/* What follows is verified by itself, and asked by those who have no such reference: `where` is the
 * service, the rest a struct said_by. */

static __always_inline void flow_ref_said(struct flow_ref *ref, __u64 where, __u64 addr_low,
                                          __u64 addr_high, __u64 said)
{
    __be32 addr[] = said_addr(addr_low, addr_high);

    flow_ref_init(ref, where >> 32, where, addr, said_port(said), said_is(said, SAID_IPV6) ? 6 : 4,
                  said_proto(said));
    ref->tcp_flags = said_flags(said);
    ref->tcp_seq = said_seq(said);
    ref->is_new = said_is(said, SAID_NEW);
}

/* Returns the backend's number, and FLOW_IS_NEW with it where the packet began a flow. */
#define FLOW_IS_NEW (1ull << 32)

__noinline __u64 steer_flow(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct flow_ref ref;
    __u32 number;

    flow_ref_said(&ref, where, addr_low, addr_high, said);
    number = flow_steer(&ref);
    return ref.is_new ? FLOW_IS_NEW | number : number;
}

__noinline __u32 find_flow(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct flow_ref ref;

    flow_ref_said(&ref, where, addr_low, addr_high, said);
    return flow_find(&ref);
}

__noinline int note_reply_of_flow(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said,
                                  __u32 backend)
{
    struct flow_ref ref;

    flow_ref_said(&ref, where, addr_low, addr_high, said);
    return flow_note_reply(&ref, backend);
}

#endif
