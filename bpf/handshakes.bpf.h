/* SPDX-License-Identifier: GPL-2.0-only */
/* What the handshakes of all TCP flows say: begun, answered, refused, or left unanswered.
 *
 * A client could make a healthy backend silent: by a SYN that a host drops, or by one that comes
 * over a live connection, where an ACK or a RST is the right answer (RFC 5961, 4; RFC 9293,
 * 3.10.7.4). Such handshakes are counted, but their failure is no evidence; see sound.bpf.h. */
#ifndef FLOWSPLIT_HANDSHAKES_BPF_H
#define FLOWSPLIT_HANDSHAKES_BPF_H

#include "flows.bpf.h"
#include "served.bpf.h"

/* Real stacks send a SYN again after 1 s (RFC 6298, 2.1), give or take a timer's grain. */
#define UNANSWERED_NS 900000000ULL

/* How long a closed connection may linger with the backend, and answer a SYN with an ACK: Linux's
 * TIME_WAIT is 60 s. */
#define LINGER_NS 120000000000ULL

/* Sources that no client can have: a SYN from there is dropped by any host. RFC 6890: "this
 * network", loopback, multicast and what is reserved; IPv4-mapped addresses. */
static __always_inline bool observe_martian(const struct observed *o)
{
    __u8 first = o->key.addr[0] & 0xff; /* the address is in network byte order */

    if (o->loopback)
        return false;
    if (o->family == 4)
        return first == 0 || first == 127 || first >= 224;
    if (first == 0xff)
        return true;
    return !(o->key.addr[0] | o->key.addr[1]) &&
           (!o->key.addr[2] || o->key.addr[2] == bpf_htonl(0xffff));
}

/* Cells are written by one CPU, and perhaps read by another meanwhile: so under the tag. */

/* The cell of this flow, or the one that a new handshake of it takes. */
static __always_inline struct fs_handshake *handshake_cell(const struct observed *o, __u64 *tag)
{
    struct fs_handshake *cell;
    struct fs_handshakes *set;
    __u32 number;

    *tag = fs_hash_flow(hash_key(), &o->key);
    number = *tag >> 32 & (FS_HANDSHAKE_SETS - 1);
    set = bpf_map_lookup_elem(&handshakes, &number);
    if (!set)
        return NULL;
    cell = &set->ways[0];
    for (int i = 0; i < FS_HANDSHAKE_WAYS; i++)
        if (set->ways[i].tag == *tag)
            return &set->ways[i];
    for (int i = 1; i < FS_HANDSHAKE_WAYS; i++)
        if (set->ways[i].last_ns < cell->last_ns)
            cell = &set->ways[i];
    return cell;
}

static __always_inline void handshake_put(struct fs_handshake *cell, __u64 tag,
                                          const struct observed *o, __u32 flags)
{
    __sync_lock_test_and_set(&cell->tag, 0);
    cell->first_ns = cell->last_ns = o->says.now_ns;
    cell->backend = o->backend;
    cell->syn_seq = o->seq;
    cell->flags = flags;
    __sync_lock_test_and_set(&cell->tag, tag);
}

/* What a cell holds, if it is this flow's with this backend. */
static __always_inline bool handshake_read(const struct fs_handshake *cell, __u64 tag,
                                           const struct observed *o, struct fs_handshake *known)
{
    const volatile struct fs_handshake *now = cell;

    if (now->tag != tag)
        return false;
    known->first_ns = now->first_ns;
    known->last_ns = now->last_ns;
    known->backend = now->backend;
    known->syn_seq = now->syn_seq;
    known->flags = now->flags;
    return now->tag == tag && known->backend == o->backend;
}

/* May the connection of an earlier handshake still live, linger, or be about to begin? */
static __always_inline bool handshake_lives(const struct fs_handshake *known, __u64 now_ns)
{
    return (known->flags & (FS_HANDSHAKE_ANSWERED | FS_HANDSHAKE_CLOSED)) ==
               FS_HANDSHAKE_ANSWERED ||
           since_ns(known->first_ns, now_ns) < LINGER_NS;
}

/* The same SYN again. If that was later than any real stack would have it, nobody answered; which
 * counts once, and speaks against the backend where nothing else explains it. */
static __always_inline void observe_repeated(struct observed *o, struct fs_handshake *cell,
                                             const struct fs_handshake *known,
                                             struct fs_backend_counters *count)
{
    struct fs_health *state;

    cell->last_ns = o->says.now_ns;
    if (since_ns(known->first_ns, o->says.now_ns) < UNANSWERED_NS ||
        __sync_fetch_and_or(&cell->flags, FS_HANDSHAKE_FAILED) & FS_HANDSHAKE_FAILED)
        return;
    count->unanswered += 1;
    if (!(o->syn & known->flags & FS_HANDSHAKE_SOUND) || known->flags & FS_HANDSHAKE_CONTESTED)
        return;
    says(o, FS_SIGNAL_CONNECT_FAILURES, true);
    o->unanswered = true;
    state = observed_health(o);
    o->silent = state && state->last_answer_ns < known->first_ns;
}

/* Has the controller of the rollout that is under way fallen silent? */
static __always_inline bool is_heart_lost(const struct fs_heart *heart, __u64 now_ns)
{
    return !heart->told && (__s64)(now_ns - heart->beat_ns) > (__s64)heart->lost_after_ns;
}

/* A SYN. */
static __always_inline void observe_syn(struct observed *o, struct fs_backend_counters *count)
{
    struct fs_handshake known, *cell;
    __u32 flags = o->syn;
    struct fs_health *state;
    __u64 tag;

    if (observe_martian(o))
        return;
    cell = handshake_cell(o, &tag);
    if (!cell)
        return;
    if (handshake_read(cell, tag, o, &known)) {
        if (known.syn_seq == o->seq && known.flags & FS_HANDSHAKE_ANSWERED)
            return;
        if (known.syn_seq == o->seq) {
            observe_repeated(o, cell, &known, count);
            return;
        }
        if (handshake_lives(&known, o->says.now_ns))
            flags |= FS_HANDSHAKE_CONTESTED;
    }
    handshake_put(cell, tag, o, flags);
    count->handshakes += 1;
    state = observed_health(o);
    if (!state)
        return;
    state->last_new_ns = o->says.now_ns;
    if (unlikely(state->heart.lost_after_ns))
        o->heart_lost = is_heart_lost(&state->heart, o->says.now_ns);
}

/* A SYN-ACK. It answers the SYN's last repetition, if there was any (RFC 6298, 3: Karn). */
static __always_inline void observe_answer(struct observed *o, const struct fs_handshake *begun,
                                           struct fs_backend_counters *count)
{
    struct fs_health *state = observed_health(o), *control = observed_control(o);

    o->says.time_ns[0] = since_ns(begun->last_ns, o->says.now_ns);
    count->answered += 1;
    if (!(begun->flags & FS_HANDSHAKE_FAILED))
        says(o, FS_SIGNAL_CONNECT_FAILURES, false);
    says(o, FS_SIGNAL_CONNECT_TIME, false);
    if (state) {
        state->last_answer_ns = o->says.now_ns;
        histogram_add(&state->connect_time, o->says.time_ns[0]);
    }
    if (control)
        histogram_add(&control->connect_time, o->says.time_ns[0]);
    if (!o->sampled)
        return;
    o->sample =
        (struct fs_sample){.backend = o->backend,
                           .answer_seq = o->seq,
                           .flags = begun->flags & FS_HANDSHAKE_DATA ? FS_SAMPLE_UNCLEAR : 0,
                           .request_end = o->ack,
                           .request_ack = o->seq + 1,
                           .request_next = o->ack,
                           .response_next = o->seq + 1};
    bpf_map_update_elem(&samples, &o->key, &o->sample, BPF_ANY);
}

static __always_inline void observe_refusal(struct observed *o, const struct fs_handshake *begun,
                                            struct fs_backend_counters *count)
{
    count->refused += 1;
    if ((begun->flags & (FS_HANDSHAKE_PLAIN | FS_HANDSHAKE_FAILED | FS_HANDSHAKE_CONTESTED)) ==
        FS_HANDSHAKE_PLAIN)
        says_surely(o, FS_SIGNAL_CONNECT_FAILURES);
}

/* Is this RST one that answers a SYN? Those have an ACK, and 0 for a sequence number (RFC 9293,
 * 3.10.7.1); one that answers a stray packet has no ACK, one that ends a connection its number. */
static __always_inline bool is_refusal(const struct observed *o)
{
    return (o->tcp_flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) && !o->seq;
}

/* Does a packet of the backend's acknowledge the SYN, and perhaps the data that this brought? Where
 * another connection may live, what acknowledges that data may be its SYN-ACK, sent again. */
static __always_inline bool acknowledges_syn(const struct observed *o,
                                             const struct fs_handshake *begun)
{
    if ((begun->flags & (FS_HANDSHAKE_DATA | FS_HANDSHAKE_CONTESTED)) == FS_HANDSHAKE_DATA)
        return seq_follows(o->ack - 1, begun->syn_seq);
    return o->ack - 1 == begun->syn_seq;
}

/* A backend's FIN. If it has acknowledged more than the SYN, the client was there to send it. */
static __always_inline void observe_closed(const struct observed *o, struct fs_handshake *cell)
{
    cell->first_ns = o->says.now_ns;
    __sync_fetch_and_or(&cell->flags, FS_HANDSHAKE_CLOSED);
    if (o->ack - cell->syn_seq - 2 < 1u << 31)
        served_note(o);
}

/* A packet of the backend's with SYN, FIN or RST. Returns whether it was about a handshake. */
static __always_inline bool observe_handshake(struct observed *o, struct fs_backend_counters *count)
{
    struct fs_handshake begun, *cell;
    bool answers;
    __u64 tag;

    cell = handshake_cell(o, &tag);
    if (!cell || !handshake_read(cell, tag, o, &begun))
        return false;
    if (o->elsewhere) { /* may be anyone's: no evidence, and the SYN none of silence */
        if (o->tcp_flags & TCP_SYN && seq_follows(o->ack - 1, begun.syn_seq))
            __sync_fetch_and_or(&cell->flags, FS_HANDSHAKE_ANSWERED);
        return true;
    }
    answers = !(begun.flags & FS_HANDSHAKE_ANSWERED) && acknowledges_syn(o, &begun);
    if (o->tcp_flags & TCP_SYN && answers) {
        if (__sync_fetch_and_or(&cell->flags, FS_HANDSHAKE_ANSWERED) & FS_HANDSHAKE_ANSWERED)
            return true;
        observe_answer(o, &begun, count);
        return true;
    }
    if (o->tcp_flags & TCP_RST) {
        bool refuses = answers && is_refusal(o);

        if (!refuses && !(begun.flags & FS_HANDSHAKE_ANSWERED))
            return false;
        if (__sync_val_compare_and_swap(&cell->tag, tag, 0) == tag && refuses)
            observe_refusal(o, &begun, count);
        return refuses;
    }
    if (o->tcp_flags & TCP_FIN && begun.flags & FS_HANDSHAKE_ANSWERED)
        observe_closed(o, cell);
    return false;
}

#endif
