// SPDX-License-Identifier: GPL-2.0-only
/* What only the benchmark loads: baselines, and wrappers around the product's own programs that
 * undo what a pass did to the packet, and may give each pass another client. */
struct xdp_md;
struct __sk_buff;

/* So that a wrapper holds the product's code itself and not a call of it. */
int xdp_ingress(struct xdp_md *ctx) __attribute__((always_inline));
int tc_ingress(struct __sk_buff *skb) __attribute__((always_inline));
int tc_egress(struct __sk_buff *skb) __attribute__((always_inline));

#include "flowsplit.bpf.c"
#include "baselines.bpf.h"

#define FLOW_BITS    20         /* a million clients */
#define CLIENT_NET   0x0a400000 /* 10.64.0.0/12 */
#define CLIENT_PORT  0x8000
#define CLIENT_PORTS 0x7fff

/* What kind of packet a wrapper deals with. */
enum shape {
    TCP4 = 0,
    V6 = 1,
    UDP = 2,
    VARIED = 4,    /* each pass has another client */
    FORWARDED = 8, /* TTL and IP checksum change too */
    REPLY = 16,    /* the source is rewritten, not the destination */
};

/* Of the generator that draws the next client. Not zero: see fs_arena. */
__u64 bench_seed = 1;

static __always_inline __u32 next_flow(void)
{
    bench_seed = bench_seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
    return bench_seed >> (64 - FLOW_BITS);
}

/* The bytes of a packet that steering changes, each read and written in the width in which the
 * product does: else a pass would wait for the stores of the one before. */
struct changed {
    __be32 *addr;
    __be16 *port;
    __u16 *ip_check, *l4_check;
    __u8 *ttl;
};

/* Returns false if the packet is too short. */
static __always_inline bool changed_find(struct changed *at, void *data, void *end,
                                         enum shape shape)
{
    void *l3 = data + sizeof(struct ethhdr);
    void *l4 = l3 + (shape & V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

    if (l4 + (shape & UDP ? sizeof(struct udphdr) : sizeof(struct tcphdr)) > end)
        return false;
    at->addr = l4 - (shape & V6 ? 16 : 4) * (shape & REPLY ? 2 : 1);
    at->port = l4 + (shape & REPLY ? 0 : 2);
    at->l4_check =
        l4 + (shape & UDP ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check));
    at->ip_check = l3 + offsetof(struct iphdr, check);
    at->ttl = l3 + (shape & V6 ? offsetof(struct ipv6hdr, hop_limit) : offsetof(struct iphdr, ttl));
    return true;
}

/* Where the bytes are kept meanwhile: not on the stack, of which the product leaves too little. Not
 * zero: see fs_arena. */
struct {
    __be32 addr[4];
    __be16 port;
    __u16 ip_check, l4_check;
    __u8 ttl;
} bench_saved = {.ttl = 1};

static __always_inline void changed_save(const struct changed *at, enum shape shape)
{
    bench_saved.addr[0] = at->addr[0];
    if (shape & V6) {
        bench_saved.addr[1] = at->addr[1];
        bench_saved.addr[2] = at->addr[2];
        bench_saved.addr[3] = at->addr[3];
    } else {
        bench_saved.ip_check = *at->ip_check;
    }
    bench_saved.port = *at->port;
    bench_saved.l4_check = *at->l4_check;
    if (shape & FORWARDED)
        bench_saved.ttl = *at->ttl;
}

static __always_inline void changed_restore(const struct changed *at, enum shape shape)
{
    at->addr[0] = bench_saved.addr[0];
    if (shape & V6) {
        at->addr[1] = bench_saved.addr[1];
        at->addr[2] = bench_saved.addr[2];
        at->addr[3] = bench_saved.addr[3];
    } else {
        *at->ip_check = bench_saved.ip_check;
    }
    *at->port = bench_saved.port;
    *at->l4_check = bench_saved.l4_check;
    if (shape & FORWARDED)
        *at->ttl = bench_saved.ttl;
}

/* Makes the packet another client's. The checksums no longer fit, which nothing on the way looks
 * at. */
static __always_inline void vary(const struct changed *at, enum shape shape)
{
    __u32 flow = next_flow();

    *(at->addr - 1) = bpf_htonl(shape & V6 ? flow : CLIENT_NET | flow); /* before the destination */
    *(at->port - 1) = bpf_htons(CLIENT_PORT | (flow & CLIENT_PORTS));
}

static __always_inline bool before(void *data, void *end, enum shape shape)
{
    struct changed at;

    if (!changed_find(&at, data, end, shape))
        return false;
    if (shape & VARIED)
        vary(&at, shape);
    changed_save(&at, shape);
    asm volatile("" ::: "memory"); /* where nothing is steered, nothing else is saved by that */
    return true;
}

static __always_inline void after(void *data, void *end, enum shape shape)
{
    struct changed at;

    if (changed_find(&at, data, end, shape))
        changed_restore(&at, shape);
}

static __always_inline int xdp_wrapped(struct xdp_md *ctx, enum shape shape, bool steer)
{
    int action = XDP_PASS;

    if (!before(xdp_data(ctx), xdp_end(ctx), shape))
        return XDP_ABORTED;
    if (steer)
        action = xdp_ingress(ctx);
    after(xdp_data(ctx), xdp_end(ctx), shape);
    return action;
}

static __always_inline int tc_wrapped(struct __sk_buff *skb, enum shape shape, bool steer)
{
    int action = TC_ACT_UNSPEC;

    if (!before((void *)(long)skb->data, (void *)(long)skb->data_end, shape))
        return TC_ACT_SHOT;
    if (steer)
        action = shape & REPLY ? tc_egress(skb) : tc_ingress(skb);
    after((void *)(long)skb->data, (void *)(long)skb->data_end, shape);
    return action;
}

/* Each wrapper, and by itself. */

SEC("xdp.frags")
int bench_xdp_tcp4(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, TCP4, true);
}

SEC("xdp.frags")
int bench_xdp_tcp4_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, TCP4, false);
}

SEC("xdp.frags")
int bench_xdp_tcp4_varied(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, TCP4 | VARIED, true);
}

SEC("xdp.frags")
int bench_xdp_tcp4_varied_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, TCP4 | VARIED, false);
}

SEC("xdp.frags")
int bench_xdp_tcp6(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6, true);
}

SEC("xdp.frags")
int bench_xdp_tcp6_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6, false);
}

SEC("xdp.frags")
int bench_xdp_tcp6_varied(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | VARIED, true);
}

SEC("xdp.frags")
int bench_xdp_tcp6_varied_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | VARIED, false);
}

SEC("xdp.frags")
int bench_xdp_udp4(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, UDP, true);
}

SEC("xdp.frags")
int bench_xdp_udp4_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, UDP, false);
}

SEC("xdp.frags")
int bench_xdp_udp4_varied(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, UDP | VARIED, true);
}

SEC("xdp.frags")
int bench_xdp_udp4_varied_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, UDP | VARIED, false);
}

SEC("xdp.frags")
int bench_xdp_forward4(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, FORWARDED, true);
}

SEC("xdp.frags")
int bench_xdp_forward4_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, FORWARDED, false);
}

SEC("xdp.frags")
int bench_xdp_forward6(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | FORWARDED, true);
}

SEC("xdp.frags")
int bench_xdp_forward6_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | FORWARDED, false);
}

SEC("xdp.frags")
int bench_xdp_reply4(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, FORWARDED | REPLY, true);
}

SEC("xdp.frags")
int bench_xdp_reply4_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, FORWARDED | REPLY, false);
}

SEC("xdp.frags")
int bench_xdp_reply6(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | FORWARDED | REPLY, true);
}

SEC("xdp.frags")
int bench_xdp_reply6_alone(struct xdp_md *ctx)
{
    return xdp_wrapped(ctx, V6 | FORWARDED | REPLY, false);
}

SEC("tc")
int bench_tc_tcp4(struct __sk_buff *skb)
{
    return tc_wrapped(skb, TCP4, true);
}

SEC("tc")
int bench_tc_tcp4_alone(struct __sk_buff *skb)
{
    return tc_wrapped(skb, TCP4, false);
}

SEC("tc")
int bench_tc_tcp4_varied(struct __sk_buff *skb)
{
    return tc_wrapped(skb, TCP4 | VARIED, true);
}

SEC("tc")
int bench_tc_tcp4_varied_alone(struct __sk_buff *skb)
{
    return tc_wrapped(skb, TCP4 | VARIED, false);
}

SEC("tc")
int bench_tc_tcp6(struct __sk_buff *skb)
{
    return tc_wrapped(skb, V6, true);
}

SEC("tc")
int bench_tc_tcp6_alone(struct __sk_buff *skb)
{
    return tc_wrapped(skb, V6, false);
}

SEC("tc")
int bench_tc_reply4(struct __sk_buff *skb)
{
    return tc_wrapped(skb, REPLY, true);
}

SEC("tc")
int bench_tc_reply4_alone(struct __sk_buff *skb)
{
    return tc_wrapped(skb, REPLY, false);
}

SEC("tc")
int bench_tc_reply6(struct __sk_buff *skb)
{
    return tc_wrapped(skb, V6 | REPLY, true);
}

SEC("tc")
int bench_tc_reply6_alone(struct __sk_buff *skb)
{
    return tc_wrapped(skb, V6 | REPLY, false);
}
