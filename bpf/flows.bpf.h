/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow tables' rules: where a flow goes whose bucket or slot has changed owner, and what is
 * written down about it. Only reached from unsettled buckets and slots, and by UDP flows.
 *
 * What a client's packet says may be forged. So a TCP flow is written down only when its backend
 * has sent something for it that isn't a SYN or a RST, or when the client has acknowledged a number
 * that only its backend's answer could tell it; and an entry ends only by what both ends have
 * confirmed. A SYN writes nothing. docs/threats.md has who may send what. */
#ifndef FLOWSPLIT_FLOWS_BPF_H
#define FLOWSPLIT_FLOWS_BPF_H

#include <flowsplit/steer.h>

#include "answers.bpf.h"
#include "client.bpf.h"
#include "count.bpf.h"

/* A flow of a service, seen from its client, and what a packet of it says. */
struct flow_ref {
    fs_ref dir;
    __u32 service; /* its number */
    __u64 hash;
    struct fs_flow_key *key;
    __u32 current;     /* number of the backend that new flows get, or FS_NO_BACKEND */
    bool unsettled;    /* its bucket or slot is */
    __u32 client_seq;  /* its number in the client's sequence space; these are in host byte order */
    __u32 backend_seq; /* the same in the backend's */
    __u32 end;         /* the number after a client's packet; by which interface a backend's came */
    __u8 tcp_flags;
    __u8 proto;
};

/* The flow of a client at `addr`, `port_be`, and where the hash alone would send it. *key is the
 * caller's. */
static __always_inline void flow_ref_init(struct flow_ref *ref, struct fs_flow_key *key, fs_ref dir,
                                          __u32 number, const __be32 *addr, __be16 port_be,
                                          __u8 family, __u8 proto)
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
    ref->key = key;
    *key = (struct fs_flow_key){.addr = {addr[0]}, .port_be = port_be, .scope = service->id};
    if (family == 6) {
        key->addr[1] = addr[1];
        key->addr[2] = addr[2];
        key->addr[3] = addr[3];
    }
}

static __always_inline struct fs_table *flow_table(const struct flow_ref *ref)
{
    return table_of(service_at(ref->dir, ref->service));
}

static __always_inline void flow_former(const struct flow_ref *ref, __u32 now,
                                        struct fs_former *former)
{
    fs_place_former(fs_arena, &fs_trips, flow_table(ref), ref->hash, now, FS_MARGIN_TICKS, former);
}

/* A flow that lives and can't be written down: its bucket and slot go on moving, for as long as
 * that happens more often than once in `drain`, and so it stays with whom it was. */
static __always_inline void flow_go_on_moving(const struct flow_ref *ref, __u32 now)
{
    struct fs_table *table = flow_table(ref);
    struct fs_bucket_move *move = &table->moves[fs_hash_bucket(ref->hash)];
    __u32 until = now + fs_ticks(table->drain_ms), backend;
    const struct fs_slot_move *slot;

    fs_trips.full = now ? now : 1;
    if (fs_before(now, move->moving_until, FS_MARGIN_TICKS))
        move->moving_until = until;
    slot =
        fs_slot_find(fs_arena, table, table->owner[fs_hash_bucket(ref->hash)], ref->hash, &backend);
    if (slot && fs_before(now, slot->moving_until, FS_MARGIN_TICKS))
        ((struct fs_slot_move *)slot)->moving_until = until;
}

/* Is there no room for records, so that new flows had better need none? */
static __always_inline bool flows_are_full(__u32 now)
{
    __u32 full = *(volatile __u32 *)&fs_trips.full;

    return unlikely(full) && fs_before(now, full, FS_FULL_TICKS);
}

static __always_inline void flow_record(void *map, const struct flow_ref *ref, struct fs_flow *flow,
                                        __u32 now)
{
    flow->seen = now;
    if (bpf_map_update_elem(map, ref->key, flow, BPF_ANY) == 0) {
        count_reason(FS_REASON_FLOW_RECORDED);
        return;
    }
    count_reason(FS_REASON_FLOW_TABLE_FULL);
    if (ref->proto == IPPROTO_TCP)
        flow_go_on_moving(ref, now);
}

static __always_inline __u32 flow_follow(const struct fs_flow *flow)
{
    count_reason(FS_REASON_FLOW_FOLLOWED);
    return flow->backend & FS_SLOT_BACKEND;
}

static __always_inline bool flow_fresh(const struct fs_flow *flow, __u32 now, __u32 ticks)
{
    return fs_before(now, flow->seen, ticks);
}

static __always_inline __u32 backend_id(const struct flow_ref *ref, __u32 number)
{
    return backend_at(ref->dir, number)->id;
}

/* The flow's entry, if it leads anywhere. */
static __always_inline struct fs_flow *flow_entry(const struct flow_ref *ref, void *map)
{
    struct fs_flow *flow = bpf_map_lookup_elem(map, ref->key);

    return flow && backend_by_id(ref->dir, flow->backend) ? flow : NULL;
}

/* What a packet in the client's name says of the flow's end. A FIN is a note only, until the
 * backend acknowledges it. A RST ends the flow where it has exactly the number that the backend
 * awaits (RFC 5961, 3.2), and else says nothing. */
static __always_inline void flow_note_client(struct fs_flow *flow, __u8 tcp_flags, __u32 client_seq,
                                             __u32 end)
{
    if (tcp_flags & TCP_RST) {
        if (client_seq == flow->acked)
            __sync_fetch_and_or(&flow->flags, FS_FLOW_CLIENT_RST);
    } else if (tcp_flags & TCP_FIN && !(flow->flags & FS_FLOW_CLIENT_FIN) &&
               (__s32)(end - flow->acked) > 0) {
        flow->end = end;
        __sync_fetch_and_or(&flow->flags, FS_FLOW_FIN_NOTED);
    }
}

/* Is this where the flow is without an entry, now and later? */
static __always_inline bool flow_needs_none(const struct flow_ref *ref,
                                            const struct fs_former *former, __u32 number)
{
    return former->backend == number && ref->current == number;
}

/* The backend whose answer this packet completes the handshake with, or ANSWER_NONE. From here on
 * the flow is on record, instead of an older one with the same ends if there is an `entry`. */
static __always_inline __u32 flow_answered(struct flow_ref *ref, __u32 now, bool entry,
                                           const struct fs_former *former)
{
    struct fs_flow flow = {.acked = ref->client_seq, .from = FS_FROM_UNKNOWN};
    __u32 number;

    if (!(ref->tcp_flags & TCP_ACK))
        return ANSWER_NONE;
    number = answer_find(ref->key, answer_numbers(ref->client_seq, ref->backend_seq));
    if (number == ANSWER_NONE || !backend_by_id(ref->dir, backend_id(ref, number)))
        return ANSWER_NONE;
    flow.backend = backend_id(ref, number);
    bpf_map_delete_elem(&unproven, ref->key);
    if (!(ref->tcp_flags & TCP_RST) && (entry || !flow_needs_none(ref, former, number)))
        flow_record(&flows, ref, &flow, now);
    return number;
}

/* To whom a flow without an entry goes since the former owner has said that it doesn't know of it,
 * or ANSWER_NONE. */
static __always_inline __u32 flow_tried(const struct flow_ref *ref)
{
    return answer_find(ref->key, answer_other(flow_table(ref)));
}

/* Is it with the current owner, as far as is known? */
static __always_inline bool flow_is_other(const struct flow_ref *ref)
{
    return flow_tried(ref) == ref->current;
}

/* A packet of a TCP flow that isn't a first SYN. */
static __always_inline __u32 flow_continue(struct flow_ref *ref)
{
    struct fs_flow *flow = flow_entry(ref, &flows);
    __u32 now = tick_now(), number;
    struct fs_former former;

    flow_former(ref, now, &former);
    if (!flow || flow->flags & (FS_FLOW_CONTESTED | FS_FLOW_HALF)) {
        number = flow_answered(ref, now, flow, &former);
        if (number != ANSWER_NONE)
            return number;
    }
    if (flow) {
        flow_note_client(flow, ref->tcp_flags, ref->client_seq, ref->end);
        return flow_follow(flow);
    }
    flow = flow_entry(ref, &unproven);
    if (flow)
        return flow_follow(flow);
    if (former.backend == FS_NO_BACKEND)
        return ref->current;
    if (former.recording && flow_is_other(ref))
        return ref->current;
    return former.backend;
}

/* A first SYN begins a new flow, whatever is on record: of a flow that lives, its packets go on to
 * follow the record, and its client answers another backend's SYN-ACK as it should. Where there is
 * no room for records the flow stays where it needs none, unless that version is withdrawn. */
static __always_inline __u32 flow_begin(struct flow_ref *ref)
{
    const struct fs_table *table = flow_table(ref);
    struct fs_former former;
    __u32 now = tick_now();

    flow_former(ref, now, &former);
    if (!flows_are_full(now) || !former.recording || former.backend == FS_NO_BACKEND ||
        fs_trip_of(&fs_trips, table, former.version)->tick)
        return ref->current;
    return former.backend;
}

/* With the number of a backend: the packet begins a flow. */
#define FLOW_IS_NEW (1ull << 32)

/* A packet of a UDP flow: all are on record, so one without an entry is new. Those that the backend
 * has answered stand apart: what nobody answered only pushes out its like. */
static __always_inline __u64 flow_udp(struct flow_ref *ref)
{
    struct fs_flow *flow = flow_entry(ref, &udp_flows), begun = {0};
    __u32 now = tick_now();

    if (!flow || !flow_fresh(flow, now, FS_IDLE_UDP_TICKS))
        flow = flow_entry(ref, &unproven);
    if (flow && flow_fresh(flow, now, FS_IDLE_UDP_TICKS)) {
        flow->seen = now;
        return flow_follow(flow);
    }
    if (ref->current == FS_NO_BACKEND)
        return FS_NO_BACKEND;
    begun.backend = backend_id(ref, ref->current);
    flow_record(&unproven, ref, &begun, now);
    return FLOW_IS_NEW | ref->current;
}

/* Where a UDP flow is: the newer of two entries that lead anywhere, and none that is idle for
 * longer than its backend may answer. */
static __always_inline __u32 flow_find_udp(struct flow_ref *ref)
{
    struct fs_flow *proven = flow_entry(ref, &udp_flows), *begun = flow_entry(ref, &unproven);
    __u32 now = tick_now();

    if (proven && !flow_fresh(proven, now, FS_ANSWER_UDP_TICKS))
        proven = NULL;
    asm volatile("" : "+r"(proven));
    if (begun && flow_fresh(begun, now, FS_ANSWER_UDP_TICKS) &&
        (!proven || (__s32)(begun->seen - proven->seen) > 0))
        return begun->backend & FS_SLOT_BACKEND;
    return proven ? proven->backend & FS_SLOT_BACKEND : ref->current;
}

/* Where a flow is, for a packet that belongs to it without being steered (an ICMP error, a later
 * fragment): nothing is recorded. */
static __always_inline __u32 flow_find(struct flow_ref *ref)
{
    struct fs_former former;
    struct fs_flow *flow;

    if (ref->proto == IPPROTO_UDP)
        return flow_find_udp(ref);
    flow = flow_entry(ref, &flows);
    if (!flow)
        flow = flow_entry(ref, &unproven);
    if (flow)
        return flow->backend & FS_SLOT_BACKEND;
    flow_former(ref, tick_now(), &former);
    if (former.backend == FS_NO_BACKEND || (former.recording && flow_is_other(ref)))
        return ref->current;
    return former.backend;
}

/* The same of a client at `addr`, `port_be` of a service, or FS_NO_BACKEND; `begins` of a packet
 * that begins the flow. */
static __always_inline __u32 flow_backend(fs_ref dir, __u32 service, const __be32 *addr,
                                          __be16 port_be, __u8 family, __u8 proto, bool begins)
{
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_init(&ref, &key, dir, service, addr, port_be, family, proto);
    if (service_at(ref.dir, ref.service)->affinity == FS_AFFINITY_NONE ||
        (!ref.unsettled && ref.proto == IPPROTO_TCP))
        return ref.current;
    return begins ? flow_begin(&ref) : flow_find(&ref);
}

/* What follows is verified by itself, and asked by those who have no such reference: `where` is the
 * service, the rest a struct said_by. */

static __always_inline void flow_ref_said(struct flow_ref *ref, struct fs_flow_key *key,
                                          __u64 where, __u64 addr_low, __u64 addr_high, __u64 said,
                                          __u64 more)
{
    __be32 addr[] = said_addr(addr_low, addr_high);

    flow_ref_init(ref, key, where >> 32, where, addr, said_port(said),
                  said_is(said, SAID_IPV6) ? 6 : 4, said_proto(said));
    ref->tcp_flags = said_flags(said);
    ref->client_seq = said_seq(said);
    ref->backend_seq = said_other(more);
    ref->end = said_end(more);
}

/* The number of the backend that a packet from a client goes to. */

__noinline __u32 steer_syn(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where, addr_low, addr_high, said, 0);
    return flow_begin(&ref);
}

__noinline __u32 steer_tcp(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said, __u64 more)
{
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where, addr_low, addr_high, said, more);
    return flow_continue(&ref);
}

/* With FLOW_IS_NEW. */
__noinline __u64 steer_udp(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where, addr_low, addr_high, said, 0);
    return flow_udp(&ref);
}

/* May this client have been steered to the backend `where`, as far as the tables tell? */
__noinline int may_be_steered(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    __u32 number = backend->id & FS_SLOT_BACKEND;
    struct fs_flow_key key;
    struct flow_ref ref;

    flow_ref_said(&ref, &key, where_in(where >> 32, backend->service), addr_low, addr_high, said,
                  0);
    return ref.current == number || flow_find(&ref) == number;
}

#endif
