/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet that is being observed, and what it has to say. */
#ifndef FLOWSPLIT_OBSERVED_BPF_H
#define FLOWSPLIT_OBSERVED_BPF_H

#include "guard.bpf.h"
#include "packet.bpf.h"

#define TCP_HEADER_MAX 60
#define SEGMENT_MAX    64 /* a power of two above it */

/* A packet of a flow with a backend, from either side. */
struct observed {
    struct fs_flow_key key;
    struct outcomes says;
    __u32 backend; /* id */
    __u32 seq;     /* host byte order */
    __u32 ack;     /* the same */
    __u8 tcp_flags;
    __u32 payload; /* bytes */
    __u32 payload_off;
    bool sampled;
    __u8 family;
    bool loopback;            /* it came in by `lo` */
    bool elsewhere;           /* it came from elsewhere than where the backend is */
    bool unanswered;          /* its SYN was; which counts only if nothing else explains that */
    bool silent;              /* the version has answered nobody since the SYN */
    bool heart_lost;          /* nobody conducts the version's rollout any more */
    bool http;                /* it is in the sample of a service that speaks HTTP, */
    bool http_waits;          /* and what it says of that is to be found out, */
    bool follows;             /* from a client's packet that follows the one before, */
    bool pipelined;           /* that comes while an answer is waited for; */
    bool answers;             /* or from a backend's that is an answer */
    __u32 syn;                /* of a SYN: enum fs_handshake_flags */
    __u32 option, option_end; /* of a SYN: where its next option begins, and where they end */
    union {                   /* one after the other */
        __u32 segment[SEGMENT_MAX / 4];
        struct fs_sample sample;
        struct fs_flow_key direct;
        struct bpf_sock_tuple tuple;
        struct bpf_fib_lookup fib;
    };
};

/* What a CPU observes: it would not fit on the stack. */
struct observing {
    __u32 taken;
    struct observed packet;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct observing);
} observing SEC(".maps");

static __always_inline struct observing *observing_here(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&observing, &zero);
}

/* The packet that is being observed. */
static __always_inline struct observed *observed_now(void)
{
    struct observing *here = observing_here();

    return here ? &here->packet : NULL;
}

/* Begins to observe a packet. Programs of packets run with bottom halves disabled, and so don't
 * interrupt each other; but PREEMPT_RT, which since Linux 6.18 needs no lock for that, may
 * run one in the midst of another: whoever comes second observes nothing. */
static __always_inline bool observing_take(void)
{
    struct observing *here = observing_here();

    if (!here)
        return false;
    if (likely(!__sync_lock_test_and_set(&here->taken, 1)))
        return true;
    count_reason(FS_REASON_NOT_OBSERVED);
    return false;
}

static __always_inline void observing_give(void)
{
    struct observing *here = observing_here();

    if (here)
        __sync_lock_test_and_set(&here->taken, 0);
}

/* What who calls the following already knows, in one word: the upper half is how many bytes of
 * payload there are. */
enum how {
    FROM_BACKEND = 1,
    SAMPLED = 2,
    LOOPBACK = 4,
    IS_IPV6 = 8,
    HTTP = 16,
    ELSEWHERE = 32, /* of a backend, but not from where it is */
};
#define HOW_PAYLOAD_SHIFT 16

/* Where in the frame the headers are. */
static __always_inline __u32 how_offsets(const struct packet *pkt)
{
    return pkt->l3_off << 16 | pkt->l4_off;
}

static __always_inline long load_bytes(void *ctx, __u32 off, void *to, __u32 bytes, bool tc)
{
    return tc ? bpf_skb_load_bytes(ctx, off, to, bytes) : bpf_xdp_load_bytes(ctx, off, to, bytes);
}

static __always_inline void observed_client(struct observed *o, const __be32 *addr, __u32 how)
{
    o->key.addr[0] = addr[0];
    if (!(how & IS_IPV6))
        return;
    o->key.addr[1] = addr[1];
    o->key.addr[2] = addr[2];
    o->key.addr[3] = addr[3];
}

/* Reads the packet again. Returns false if it can't be. */
static __always_inline bool observed_init(struct observed *o, void *data, void *end, __u32 offsets,
                                          fs_ref dir, __u32 number, __u32 how)
{
    const struct fs_backend *backend = backend_at(dir, number);
    __u32 l3_off = offsets >> 16 & TRANSPORT_OFF_MAX, l4_off = offsets & TRANSPORT_OFF_MAX;
    void *l3 = data + l3_off;
    struct tcphdr *tcp = data + l4_off;
    __u32 source_be, dest_be;

    __builtin_memset(o, 0, sizeof(*o));
    if ((void *)(tcp + 1) > end || l3 + sizeof(struct ipv6hdr) > end)
        return false;
    if (how & IS_IPV6)
        observed_client(o,
                        l3 + (how & FROM_BACKEND ? offsetof(struct ipv6hdr, daddr)
                                                 : offsetof(struct ipv6hdr, saddr)),
                        how);
    else
        observed_client(o,
                        l3 + (how & FROM_BACKEND ? offsetof(struct iphdr, daddr)
                                                 : offsetof(struct iphdr, saddr)),
                        how);
    source_be = tcp->source;
    dest_be = tcp->dest;
    asm volatile("" : "+r"(source_be), "+r"(dest_be)); /* read, not chosen by a pointer */
    o->key.port_be = how & FROM_BACKEND ? dest_be : source_be;
    o->key.scope = service_at(dir, backend->service)->id;
    o->says.now_ns = bpf_ktime_get_ns();
    o->says.dir = dir;
    o->says.backend = number;
    o->backend = backend->id;
    o->seq = bpf_ntohl(tcp->seq);
    o->ack = bpf_ntohl(tcp->ack_seq);
    o->tcp_flags = ((__u8 *)tcp)[13];
    o->family = how & IS_IPV6 ? 6 : 4;
    o->sampled = how & SAMPLED;
    o->loopback = how & LOOPBACK;
    o->elsewhere = how & ELSEWHERE;
    o->http = how & HTTP;
    o->payload = how >> HOW_PAYLOAD_SHIFT;
    o->payload_off = l4_off + tcp->doff * 4;
    return true;
}

static __always_inline struct fs_health *observed_health(const struct observed *o)
{
    struct fs_backend *backend = backend_at(o->says.dir, o->says.backend);

    return health_of(table_of(service_at(o->says.dir, backend->service)), backend->version);
}

/* Of the control, if the flow is in it; or NULL. */
static __always_inline struct fs_health *observed_control(const struct observed *o)
{
    __u32 slot = o->says.control - 1;

    return o->says.control ? bpf_map_lookup_elem(&health, &slot) : NULL;
}

/* Finds out whether the flow is in the control. */
static __always_inline void observed_cohort(struct observed *o)
{
    const struct fs_backend *backend = backend_at(o->says.dir, o->says.backend);
    struct fs_service *service = service_at(o->says.dir, backend->service);
    const struct fs_table *table = table_of(service);
    __u64 hash;

    if (likely(table->control >= FS_HEALTH_SLOTS))
        return;
    hash = fs_hash_client(hash_key(), service->salt, o->key.addr, o->key.port_be, o->family,
                          service->affinity);
    o->says.control = control_of(table, backend->version, fs_hash_bucket(hash));
}

/* How long before `now_ns` that was. Two CPUs may have a flow's packets at once, and the one whose
 * clock was read first come last. */
static __always_inline __u64 since_ns(__u64 then_ns, __u64 now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static __always_inline void says(struct observed *o, enum fs_signal signal, bool bad)
{
    o->says.seen |= 1u << signal;
    if (bad)
        o->says.bad |= 1u << signal;
}

/* A bad outcome that no client can have provoked. */
static __always_inline void says_surely(struct observed *o, enum fs_signal signal)
{
    says(o, signal, true);
    o->says.sure |= 1u << signal;
}

static __always_inline void histogram_add(struct fs_histogram *histogram, __u64 ns)
{
    __u32 bin = fs_bin(ns);

    __sync_fetch_and_add(&histogram->count, 1);
    __sync_fetch_and_add(&histogram->sum_ns, ns);
    if (bin < FS_BINS)
        __sync_fetch_and_add(&histogram->bins[bin], 1);
}

#endif
