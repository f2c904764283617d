/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells who talks to a backend's own address from who came through the VIP. The way back of a
 * steered TCP flow keeps no state; the few that talk directly are written down instead.
 *
 * Someone could forge a packet to the backend's own address in the name of a steered client. So
 * where the client may have been steered to this very backend, a direct packet only asks; what
 * confirms it is an answer of the backend's that has the numbers for it: for a steered flow it
 * would have sent anything else. And what nobody has confirmed is where a flood only pushes out its
 * like.
 *
 * For UDP it is the steered flows that are on record (flows.bpf.h), so nothing is to be told apart
 * but where a service has no affinity: there the steered clients of a backend are noted from the
 * moment on that somebody talks to it directly, and come first. */
#ifndef FLOWSPLIT_DIRECT_BPF_H
#define FLOWSPLIT_DIRECT_BPF_H

#include "again.bpf.h"
#include "replies.bpf.h"

/* How far an answer's numbers may be from those of the packet that it answers, where no handshake
 * was seen: what is acknowledged, either way, and what is sent. One of the two has to be exact:
 * while data goes one way only, so is the other's. */
#define ANSWER_ACK_WINDOW (1 << 15)
#define ANSWER_SEQ_WINDOW (1 << 20)

/* Someone who talks to `backend` itself, or a packet for him. */
struct direct_ref {
    fs_ref dir;
    __u32 backend; /* its id */
    struct fs_flow_key key;
    __u64 said, more; /* struct said_by */
};

/* `where` is the backend, the rest a struct said_by. */
static __always_inline void direct_ref_said(struct direct_ref *ref, __u64 where, __u64 addr_low,
                                            __u64 addr_high, __u64 said, __u64 more)
{
    struct fs_backend *backend = backend_at(where >> 32, where);

    *ref = (struct direct_ref){
        .dir = where >> 32,
        .backend = backend->id,
        .key = {.addr = said_addr(addr_low, addr_high),
                .port_be = said_port(said),
                .scope = FS_SCOPE_DIRECT | (backend->id & FS_SLOT_BACKEND)},
        .said = said,
        .more = more,
    };
}

/* Since when anyone has talked to the backend with this id directly. */
static __always_inline __u32 *direct_since(__u32 id)
{
    __u32 number = id & FS_SLOT_BACKEND;

    return bpf_map_lookup_elem(&direct_seen, &number);
}

static __always_inline void direct_begin(struct direct_ref *ref, __u32 now)
{
    __u32 *since = direct_since(ref->backend);

    if (since && !*since)
        *since = now ? now : 1;
}

static __always_inline void direct_record(struct direct_ref *ref, void *map, __u32 flags, __u32 now)
{
    struct fs_flow flow = {.backend = ref->backend,
                           .seen = now,
                           .flags = flags,
                           .acked =
                               flags & FS_FLOW_BY_SYN ? said_end(ref->more) : said_other(ref->more),
                           .end = said_end(ref->more),
                           .from = FS_FROM_UNKNOWN};

    bpf_map_update_elem(map, &ref->key, &flow, BPF_ANY);
    direct_begin(ref, now);
}

/* The entry of who talks to the backend. One of another backend, which had the number before, is
 * none. */
static __always_inline struct fs_flow *direct_entry(struct direct_ref *ref, void *map)
{
    struct fs_flow *flow = bpf_map_lookup_elem(map, &ref->key);

    if (flow && flow->backend != ref->backend)
        flow = NULL;
    asm volatile("" : "+r"(flow)); /* one to be compared with NULL, for the verifier to see */
    return flow;
}

/* A SYN to the backend itself. One that comes over another, that was answered already, doesn't
 * replace it: the backend's next answer says which it knows. */
static __always_inline void direct_note_syn(struct direct_ref *ref, struct fs_flow *asks, __u32 now)
{
    if (!asks || !(asks->flags & FS_FLOW_ANSWERED)) {
        direct_record(ref, &unproven,
                      FS_FLOW_BY_SYN | (said_is(ref->said, SAID_AMBIGUOUS) ? 0 : FS_FLOW_CERTAIN),
                      now);
        return;
    }
    asks->seen = now;
    if (said_end(ref->more) != asks->end)
        asks->acked = said_end(ref->more);
}

/* Is this SYN one that was steered, and left to the stack? */
static __always_inline bool direct_is_given(const struct direct_ref *ref,
                                            const struct fs_flow *asks)
{
    return asks && asks->flags & FS_FLOW_STEERED && asks->end == said_end(ref->more);
}

static __always_inline void direct_note_tcp(struct direct_ref *ref, __u32 now)
{
    struct fs_flow *flow = direct_entry(ref, &flows), *asks;
    __u8 tcp_flags = said_flags(ref->said);

    if (flow && !tcp_is_first_syn(tcp_flags)) {
        flow_note_client(flow, tcp_flags, said_seq(ref->said), said_end(ref->more));
        return;
    }
    asks = direct_entry(ref, &unproven);
    if (tcp_is_first_syn(tcp_flags) && said_is(ref->said, SAID_FORWARDED) &&
        direct_is_given(ref, asks))
        return;
    if (tcp_is_first_syn(tcp_flags))
        direct_note_syn(ref, asks, now);
    else if (asks && asks->flags & FS_FLOW_BY_SYN)
        asks->seen = now;
    else if (!said_is(ref->said, SAID_AMBIGUOUS))
        direct_record(ref, &unproven, FS_FLOW_CERTAIN, now);
    else if (!said_is(ref->said, SAID_FORWARDED) &&
             fs_before(now, directory_at(ref->dir)->learn_until, 0))
        direct_record(ref, &unproven, 0, now);
}

static __always_inline void direct_note_udp(struct direct_ref *ref, __u32 now)
{
    struct fs_flow *flow = direct_entry(ref, &unproven);
    __u32 *since = direct_since(ref->backend);

    if (said_is(ref->said, SAID_AMBIGUOUS) &&
        (!since || !*since || fs_before(now, *since, FS_LEARN_UDP_TICKS) ||
         (flow && flow->flags & FS_FLOW_STEERED && flow_fresh(flow, now, FS_LEARN_UDP_TICKS))))
        direct_begin(ref, now);
    else
        direct_record(ref, &unproven, 0, now);
}

/* A packet from someone to the backend's own address. */
__noinline int direct_note(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said, __u64 more)
{
    __u32 now = tick_now();
    struct direct_ref ref;

    direct_ref_said(&ref, where, addr_low, addr_high, said, more);
    if (said_proto(said) == IPPROTO_UDP)
        direct_note_udp(&ref, now);
    else
        direct_note_tcp(&ref, now);
    return 0;
}

/* A UDP packet of a service without affinity, steered to a backend that somebody talks to directly.
 */
__noinline int direct_give_way(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    __u32 now = tick_now();
    struct direct_ref ref;
    struct fs_flow *flow;

    direct_ref_said(&ref, where, addr_low, addr_high, said, 0);
    flow = direct_entry(&ref, &unproven);
    if (!flow || !(flow->flags & FS_FLOW_STEERED))
        direct_record(&ref, &unproven, FS_FLOW_STEERED, now);
    else
        flow->seen = now;
    return 0;
}

/* Does this SYN-ACK or refusal answer the SYN that asks, or the last one that came over it? */
static __always_inline bool direct_answers_syn(const struct fs_flow *asks, __u32 acks)
{
    return asks && asks->flags & FS_FLOW_BY_SYN &&
           (acks == asks->end || (asks->flags & FS_FLOW_ANSWERED && acks == asks->acked));
}

/* Do a packet's numbers go with those of the one that asks? */
static __always_inline bool direct_answers(const struct fs_flow *asks, __u32 acks, __u32 seq)
{
    return (acks == asks->end || seq == asks->acked) &&
           acks - asks->end + ANSWER_ACK_WINDOW <= 2 * ANSWER_ACK_WINDOW &&
           seq - asks->acked + ANSWER_ACK_WINDOW <= ANSWER_SEQ_WINDOW;
}

/* A SYN-ACK. One that comes again may find that its SYN's connection is on record. If it answers
 * another SYN, that was steered here, and the backend knows of no other connection with this tuple.
 */
static __always_inline enum reply direct_synack(struct direct_ref *ref, const struct fs_flow *flow,
                                                struct fs_flow *asks)
{
    bool answers = direct_answers_syn(asks, said_seq(ref->said));

    if (flow && !answers && flow->acked == said_seq(ref->said))
        return REPLY_OWN;

    if (said_is(ref->said, SAID_ELSEWHERE) || !(said_flags(ref->said) & TCP_ACK))
        return answers ? REPLY_OWN : REPLY_STEERED;
    if (answers) {
        asks->end = said_seq(ref->said);
        __sync_fetch_and_or(&asks->flags, FS_FLOW_ANSWERED);
        return REPLY_OWN;
    }
    bpf_map_delete_elem(&flows, &ref->key);
    bpf_map_delete_elem(&unproven, &ref->key);
    return REPLY_STEERED;
}

/* A RST to who only asks. It is the answer if it acknowledges the SYN, or has the number for a
 * packet of no connection; another may have been provoked by the VIP's packets. */
static __always_inline enum reply direct_refused(struct direct_ref *ref, struct fs_flow *asks)
{
    bool known = asks->flags & (FS_FLOW_CERTAIN | FS_FLOW_ANSWERED), answers;

    if (!(asks->flags & FS_FLOW_BY_SYN))
        answers = known || said_other(ref->more) == asks->acked;
    else
        answers = said_flags(ref->said) & TCP_ACK && direct_answers_syn(asks, said_seq(ref->said));
    if (!answers)
        return known ? REPLY_OWN : REPLY_STEERED;
    if (!said_is(ref->said, SAID_ELSEWHERE))
        bpf_map_delete_elem(&unproven, &ref->key);
    return REPLY_OWN;
}

/* Is the client on record as steered to the backend? */
static __always_inline bool direct_is_steered(const struct direct_ref *ref)
{
    const struct fs_backend *backend = backend_at(ref->dir, ref->backend);
    struct fs_flow_key key = ref->key;
    struct fs_flow *flow;

    key.scope = service_at(ref->dir, backend->service)->id;
    flow = bpf_map_lookup_elem(&flows, &key);
    return flow && flow->backend == ref->backend;
}

/* Any other packet to who only asks: if it is for him, it proves that he has a connection. */
static __always_inline enum reply direct_proven(struct direct_ref *ref, struct fs_flow *asks,
                                                __u32 now)
{
    struct fs_flow flow = {.backend = ref->backend,
                           .seen = now,
                           .acked = said_seq(ref->said),
                           .from = said_end(ref->more)};

    if (!(asks->flags & (FS_FLOW_CERTAIN | FS_FLOW_ANSWERED)) &&
        (asks->flags & FS_FLOW_BY_SYN ||
         !direct_answers(asks, said_seq(ref->said), said_other(ref->more))))
        return REPLY_STEERED;
    if (!(asks->flags & FS_FLOW_ANSWERED) && direct_is_steered(ref))
        return REPLY_STEERED;
    if (!said_is(ref->said, SAID_CHECKED))
        return REPLY_FROM;
    if (said_is(ref->said, SAID_ELSEWHERE))
        return REPLY_OWN;
    if (said_flags(ref->said) & TCP_FIN)
        flow.flags |= FS_FLOW_BACKEND_FIN;
    if (bpf_map_update_elem(&flows, &ref->key, &flow, BPF_ANY) == 0)
        bpf_map_delete_elem(&unproven, &ref->key);
    return REPLY_OWN;
}

static __always_inline enum reply direct_tcp_reply(struct direct_ref *ref, __u32 now)
{
    struct fs_flow *flow = direct_entry(ref, &flows), *asks;
    __u8 tcp_flags = said_flags(ref->said);
    __u32 from = said_end(ref->more);

    if (flow && !(tcp_flags & TCP_SYN)) {
        if (!said_is(ref->said, SAID_CHECKED) && flow->from != from)
            return REPLY_FROM;
        if (!said_is(ref->said, SAID_ELSEWHERE))
            flow_note_backend(flow, tcp_flags, said_seq(ref->said), from, now);
        return REPLY_OWN;
    }
    asks = direct_entry(ref, &unproven);
    if (tcp_flags & TCP_SYN)
        return direct_synack(ref, flow, asks);
    if (!asks || asks->flags & FS_FLOW_STEERED)
        return REPLY_STEERED;
    return tcp_flags & TCP_RST ? direct_refused(ref, asks) : direct_proven(ref, asks, now);
}

static __always_inline bool direct_is_udp(const struct fs_flow *flow, __u32 now)
{
    return flow && !(flow->flags & FS_FLOW_STEERED) && flow_fresh(flow, now, FS_IDLE_UDP_TICKS);
}

/* A packet of the backend's, to which somebody talks directly: is it for such a client? Returns
 * enum reply, of which STEERED means that it isn't. */
__noinline int direct_reply(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said, __u64 more)
{
    __u32 now = tick_now();
    struct direct_ref ref;

    direct_ref_said(&ref, where, addr_low, addr_high, said, more);
    if (said_proto(said) != IPPROTO_UDP)
        return direct_tcp_reply(&ref, now);
    return direct_is_udp(direct_entry(&ref, &unproven), now) ? REPLY_OWN : REPLY_STEERED;
}

/* Is this a client who talks to the backend itself? Asked by those who have no packet of either. */
static __always_inline bool direct_knows(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct direct_ref ref;
    struct fs_flow *asks;

    direct_ref_said(&ref, where, addr_low, addr_high, said, 0);
    asks = direct_entry(&ref, &unproven);
    if (said_proto(said) == IPPROTO_UDP)
        return direct_is_udp(asks, tick_now());
    return direct_entry(&ref, &flows) ||
           (asks && asks->flags & (FS_FLOW_CERTAIN | FS_FLOW_ANSWERED));
}

/* The same of a client of whom it isn't known whether anybody has talked to the backend at all. */
static __always_inline bool is_direct(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    const struct fs_backend *backend = backend_at(where >> 32, where);
    __u32 *since;

    if (said_proto(said) == IPPROTO_UDP &&
        service_at(where >> 32, backend->service)->affinity != FS_AFFINITY_NONE)
        return !udp_is_steered(where, addr_low, addr_high, said);
    since = direct_since(where);
    return since && *since && direct_knows(where, addr_low, addr_high, said);
}

/* Has anyone with this address and port sent the backend itself anything? */
__noinline int direct_asks(__u64 where, __u64 addr_low, __u64 addr_high, __u64 said)
{
    struct fs_flow *asks;
    struct direct_ref ref;

    direct_ref_said(&ref, where, addr_low, addr_high, said, 0);
    asks = direct_entry(&ref, &unproven);
    return (asks && !(asks->flags & FS_FLOW_STEERED)) || direct_entry(&ref, &flows);
}

/* What a packet that was steered at TC has as tc_index, with which it leaves: there, redirected or
 * by the stack, it looks like one to the backend itself by someone whom this host only forwards. */
#define STEERED_TC_INDEX 0xf107

/* XDP has no such place. A SYN that it steered to a remote backend and leaves to the stack is
 * noted. Verified by itself, as those above. */
__noinline int direct_give(struct xdp_md *ctx, __u32 word, fs_ref dir, __u32 number)
{
    const struct fs_backend *backend = backend_at(dir, number);
    struct fs_flow flow = {.backend = backend->id, .flags = FS_FLOW_STEERED, .seen = tick_now()};
    struct fs_flow_key key;
    struct said_by by;
    struct packet pkt;

    if (!packet_again_ports(ctx, word, &pkt, false) || !pkt.l4_check)
        return 0;
    by = said_by(packet_source(&pkt), pkt.source_be, pkt.family, pkt.proto);
    key = (struct fs_flow_key){.addr = said_addr(by.addr_low, by.addr_high),
                               .port_be = pkt.source_be,
                               .scope = FS_SCOPE_DIRECT | number};
    pkt.tcp_flags = TCP_SYN;
    flow.end = packet_end(&pkt);
    bpf_map_update_elem(&unproven, &key, &flow, BPF_ANY);
    return 0;
}

#endif
