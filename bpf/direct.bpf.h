/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells who talks to a backend's own address from who came through the VIP. The way back of a
 * steered flow keeps no state; the few that talk directly are written down instead.
 *
 * Someone could forge a packet to the backend's own address in the name of a steered client. So
 * where the hash would steer the same tuple to the same backend, a direct SYN only asks; the
 * backend's SYN-ACK or refusal of that very SYN, known by its sequence number, confirms: for a live
 * flow it would have sent anything else. */
#ifndef FLOWSPLIT_DIRECT_BPF_H
#define FLOWSPLIT_DIRECT_BPF_H

#include "flows.bpf.h"

/* Someone who talks to `backend` itself. */
struct direct_ref {
    fs_ref dir;
    __u32 backend; /* its id */
    struct fs_flow_key key;
    __u32 tcp_seq; /* of the client's packet, or of the SYN that a reply answers; host byte order */
    __u8 tcp_flags;
    __u8 proto;
};

/* `where` is the backend, the rest a struct said_by. */
static __always_inline void direct_ref_said(struct direct_ref *ref, __u64 where, __u64 addr_low,
                                            __u64 addr_high, __u64 said)
{
    struct fs_backend *backend = backend_at(where >> 32, where);

    *ref = (struct direct_ref){
        .dir = where >> 32,
        .backend = backend->id,
        .key = {.addr = said_addr(addr_low, addr_high),
                .port_be = said_port(said),
                .scope = FS_SCOPE_DIRECT | (backend->id & FS_SLOT_BACKEND)},
        .tcp_seq = said_seq(said),
        .tcp_flags = said_flags(said),
        .proto = said_proto(said),
    };
}

/* Whether anyone has talked to the backend with this id directly. */
static __always_inline __u32 *direct_flag(__u32 id)
{
    __u32 number = id & FS_SLOT_BACKEND;

    return bpf_map_lookup_elem(&direct_seen, &number);
}

static __always_inline void direct_record(struct direct_ref *ref, void *map, __u32 flags, __u32 now)
{
    struct fs_flow flow = {
        .backend = ref->backend, .seen = now, .flags = flags, .syn_seq = ref->tcp_seq};
    __u32 *flag = direct_flag(ref->backend);

    bpf_map_update_elem(map, &ref->key, &flow, BPF_ANY);
    if (flag && !*flag)
        *flag = 1;
}

/* The entry of who talks to the backend, confirmed or not; or NULL. One of another backend, which
 * had the number before, is none. */
static __always_inline struct fs_flow *direct_entry(struct direct_ref *ref)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&flows, &ref->key);

    if (flow && flow->backend == ref->backend)
        return flow;
    flow = bpf_map_lookup_elem(&half_open, &ref->key);
    return flow && flow->backend == ref->backend ? flow : NULL;
}

static __always_inline void direct_note_tcp(struct direct_ref *ref, bool ambiguous, __u32 now)
{
    struct fs_flow *flow = direct_entry(ref);
    bool first = (ref->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

    if (flow) {
        flow->seen = now;
        if (first)
            flow->syn_seq = ref->tcp_seq;
        flow_note_client(flow, ref->tcp_flags);
        return;
    }
    if (!ambiguous || (!first && fs_before(now, directory_at(ref->dir)->learn_until, 0)))
        direct_record(ref, &half_open, FS_FLOW_CERTAIN, now);
    else if (first)
        direct_record(ref, &half_open, 0, now);
}

/* A packet from someone to the backend's own address; `ambiguous`: the service would steer this
 * client to this backend. */
__noinline int direct_note(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said,
                           __u32 ambiguous)
{
    __u32 now = tick_now();
    struct direct_ref ref;

    direct_ref_said(&ref, where, addr_low, addr_high, said);
    if (ref.proto == IPPROTO_UDP)
        direct_record(&ref, &udp_flows, FS_FLOW_CERTAIN, now);
    else
        direct_note_tcp(&ref, ambiguous, now);
    return 0;
}

/* A steered UDP packet with the tuple of an entry: who asked last gets the answers. */
__noinline int direct_give_way(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct direct_ref ref;

    direct_ref_said(&ref, where, addr_low, addr_high, said);
    bpf_map_delete_elem(&udp_flows, &ref.key);
    return 0;
}

/* The backend's SYN-ACK: it answers the direct SYN, or a steered one with the same tuple. */
static __always_inline bool direct_answered(struct direct_ref *ref, struct fs_flow *flow, __u32 now)
{
    if (!seq_follows(ref->tcp_seq, flow->syn_seq)) {
        bpf_map_delete_elem(&flows, &ref->key);
        bpf_map_delete_elem(&half_open, &ref->key);
        return false;
    }
    direct_record(ref, &flows, FS_FLOW_CERTAIN, now);
    return true;
}

static __always_inline bool direct_is_tcp_reply(struct direct_ref *ref, __u32 now)
{
    struct fs_flow *flow = direct_entry(ref);

    if (!flow)
        return false;
    if (ref->tcp_flags & TCP_SYN)
        return direct_answered(ref, flow, now);
    if (!(flow->flags & FS_FLOW_CERTAIN))
        return ref->tcp_flags & TCP_RST && seq_follows(ref->tcp_seq, flow->syn_seq);
    if (ref->tcp_flags & TCP_RST)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_RST);
    if (ref->tcp_flags & TCP_FIN)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_FIN);
    return true;
}

/* Does this packet of the backend answer someone who talks to it directly? */
__noinline int direct_is_reply(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    __u32 now = tick_now();
    struct direct_ref ref;
    struct fs_flow *flow;

    direct_ref_said(&ref, where, addr_low, addr_high, said);
    if (ref.proto != IPPROTO_UDP)
        return direct_is_tcp_reply(&ref, now);
    flow = bpf_map_lookup_elem(&udp_flows, &ref.key);
    return flow && flow->backend == ref.backend && flow_fresh(flow, now, FS_IDLE_UDP_TICKS);
}

#endif
