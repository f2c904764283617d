/* SPDX-License-Identifier: GPL-2.0-only */
/* What packets of the backends say of flows: here is where flows come on record, for a backend's
 * own packet is what shows that it has a connection. */
#ifndef FLOWSPLIT_REPLIES_BPF_H
#define FLOWSPLIT_REPLIES_BPF_H

#include "flows.bpf.h"

/* What a packet of a backend is. */
enum reply {
    REPLY_STEERED, /* to a client of the service */
    REPLY_OWN,     /* of its own affairs */
    REPLY_HELD,    /* not to reach the client */
    REPLY_FROM,    /* it depends on whether it comes from where the backend is */
};

/* What a packet of the backend's says of it that came by `from`. */
static __always_inline void flow_note_backend(struct fs_flow *flow, __u8 tcp_flags,
                                              __u32 client_seq, __u32 from, __u32 now)
{
    if (tcp_flags & TCP_RST) {
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_RST);
        return;
    }
    if (flow->flags & FS_FLOW_HALF && (client_seq != flow->acked || tcp_flags & TCP_PSH))
        __sync_fetch_and_and(&flow->flags, ~FS_FLOW_HALF);
    flow->seen = now;
    flow->acked = client_seq;
    flow->from = from;
    if (tcp_flags & TCP_FIN)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_BACKEND_FIN);
    if (flow->flags & FS_FLOW_FIN_NOTED && client_seq == flow->end)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_CLIENT_FIN);
    else if (flow->flags & FS_FLOW_CLIENT_FIN) /* it was none, for the client has gone on */
        __sync_fetch_and_and(&flow->flags, ~(FS_FLOW_CLIENT_FIN | FS_FLOW_FIN_NOTED));
}

/* A SYN-ACK of the backend with this number; one from `elsewhere` may be forged, and so may be what
 * acknowledges it. Whom the hash leads to without an entry, now and
 * later, needs no record of it; an older flow with the same ends goes on until it is acknowledged.
 */
static __always_inline void flow_note_answer(struct flow_ref *ref, __u32 number, bool elsewhere)
{
    struct fs_flow *flow = bpf_map_lookup_elem(&flows, ref->key);
    __u32 now = tick_now();
    struct fs_former former;

    if (!ref->unsettled || elsewhere ||
        (ref->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != (TCP_SYN | TCP_ACK))
        return;
    flow_former(ref, now, &former);
    if (flow)
        __sync_fetch_and_or(&flow->flags, FS_FLOW_CONTESTED);
    if (flow || former.recording || former.backend != number ||
        bpf_map_lookup_elem(&unproven, ref->key))
        answer_put(ref->key, answer_numbers(ref->client_seq, ref->backend_seq + 1), number, now);
}

/* A RST of the backend for a flow without an entry, and for a packet that it knows no connection
 * of. Where it is the former owner's, the connection may be the current owner's, and the record of
 * its answer lost: the client's next packet goes there. If that one knows of none either, it may
 * still be the former owner's: a host that awaits the end of a handshake answers a forged one in
 * just this way. From then on what it says is believed. */
static __always_inline enum reply flow_note_stray(struct flow_ref *ref, __u32 number, __u32 now,
                                                  const struct fs_former *former)
{
    __u32 tried, next;

    if (ref->tcp_flags & TCP_ACK || !former->recording || former->backend == FS_NO_BACKEND ||
        ref->current == FS_NO_BACKEND || ref->current == former->backend)
        return REPLY_STEERED;
    tried = flow_tried(ref);
    if (number == former->backend && tried == ANSWER_NONE)
        next = ref->current;
    else if (number == ref->current && tried == ref->current)
        next = former->backend;
    else
        return REPLY_STEERED;
    answer_put(ref->key, answer_other(flow_table(ref)), next, now);
    return REPLY_HELD;
}

/* Any other packet for a flow without an entry: the backend has a connection with this client, and
 * if it is the one that the client's packets go to, that is on record from here on. Another may
 * only have got a forged SYN. If it isn't sure where the packet comes from, the record is one that
 * a flood may push out. A SYN that was repeated across a change may have reached both owners: so
 * until more is heard of this one, the client may still acknowledge the other's answer. */
static __always_inline void flow_note_proof(struct flow_ref *ref, __u32 backend, __u32 now,
                                            const struct fs_former *former, bool elsewhere)
{
    __u32 number = backend & FS_SLOT_BACKEND;
    struct fs_flow flow = {
        .backend = backend, .flags = FS_FLOW_HALF, .acked = ref->client_seq, .from = ref->end};

    if (former->recording && flow_is_other(ref) ? ref->current != number
                                                : former->backend != number)
        return;
    if (ref->tcp_flags & TCP_FIN)
        flow.flags |= FS_FLOW_BACKEND_FIN;
    flow_record(elsewhere ? (void *)&unproven : (void *)&flows, ref, &flow, now);
}

/* Notes what any other TCP packet of the backend with id `backend` says of its flow. `checked`: it
 * is known whether it comes from `elsewhere` than where the backend is; an entry has by which way
 * packets came that did not. */
static __always_inline enum reply flow_note_tcp(struct flow_ref *ref, __u32 backend, bool checked,
                                                bool elsewhere)
{
    __u32 number = backend & FS_SLOT_BACKEND, now = tick_now();
    struct fs_former former;
    struct fs_flow *flow;

    if (!ref->unsettled)
        return REPLY_STEERED;
    flow = flow_entry(ref, &flows);
    if (flow) {
        if (flow->backend != backend)
            return REPLY_STEERED;
        if (!checked && flow->from != ref->end)
            return REPLY_FROM;
        if (elsewhere)
            return REPLY_STEERED;
        if (!(flow->flags & FS_FLOW_HALF) || !(ref->tcp_flags & TCP_RST)) {
            flow_note_backend(flow, ref->tcp_flags, ref->client_seq, ref->end, now);
            return REPLY_STEERED;
        }
        bpf_map_delete_elem(&flows, ref->key);
    }
    flow_former(ref, now, &former);
    if (flow_needs_none(ref, &former, number))
        return REPLY_STEERED;
    if (!checked)
        return REPLY_FROM;
    if (!(ref->tcp_flags & TCP_RST))
        flow_note_proof(ref, backend, now, &former, elsewhere);
    else if (!elsewhere)
        return flow_note_stray(ref, number, now, &former);
    return REPLY_STEERED;
}

/* The entry in this table that says that the client was steered to the backend lately. */
static __always_inline struct fs_flow *flow_udp_of(const struct flow_ref *ref, void *map,
                                                   __u32 backend, __u32 now)
{
    struct fs_flow *flow = bpf_map_lookup_elem(map, ref->key);

    return flow && flow->backend == backend && flow_fresh(flow, now, FS_ANSWER_UDP_TICKS) ? flow
                                                                                          : NULL;
}

/* A UDP packet of the backend's: an answer, if a client was steered to it lately. */
static __always_inline enum reply flow_note_udp(struct flow_ref *ref, __u32 backend)
{
    struct fs_flow proven = {.backend = backend}, *flow;
    __u32 now = tick_now();

    flow = flow_udp_of(ref, &udp_flows, backend, now);
    if (flow) {
        if (flow_fresh(flow, now, FS_IDLE_UDP_TICKS))
            flow->seen = now;
        return REPLY_STEERED;
    }
    if (!flow_udp_of(ref, &unproven, backend, now))
        return REPLY_OWN;
    flow_record(&udp_flows, ref, &proven, now);
    bpf_map_delete_elem(&unproven, ref->key);
    return REPLY_STEERED;
}

/* What follows is verified by itself, as in flows.bpf.h. */

/* Has this UDP client been steered to the backend `where`? */
static __always_inline bool udp_is_steered(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    __u32 now = tick_now(), id = backend->id;
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where_in(where >> 32, backend->service), addr_low, addr_high, said,
                  0);
    return flow_udp_of(&ref, &udp_flows, id, now) || flow_udp_of(&ref, &unproven, id, now);
}

/* Packets of the backend `where`. They return enum reply. */

__noinline int note_answer(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said, __u64 more)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where_in(where >> 32, backend->service), addr_low, addr_high, said,
                  more);
    flow_note_answer(&ref, backend->id & FS_SLOT_BACKEND, said_is(said, SAID_ELSEWHERE));
    return REPLY_STEERED;
}

__noinline int note_tcp_reply(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said, __u64 more)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    __u32 id = backend->id;
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where_in(where >> 32, backend->service), addr_low, addr_high, said,
                  more);
    return flow_note_tcp(&ref, id, said_is(said, SAID_CHECKED), said_is(said, SAID_ELSEWHERE));
}

__noinline int note_udp_reply(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    __u32 id = backend->id;
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where_in(where >> 32, backend->service), addr_low, addr_high, said,
                  0);
    return flow_note_udp(&ref, id);
}

#endif
