// SPDX-License-Identifier: GPL-2.0-only
/* What only the benchmark loads: baselines, and wrappers around the product's own programs that give
 * each pass another client, or undo what a pass did to the packet. */
struct xdp_md;
struct __sk_buff;

/* So that a wrapper holds the product's code itself and not a call of it. */
int xdp_ingress(struct xdp_md *ctx) __attribute__((always_inline));
int tc_ingress(struct __sk_buff *skb) __attribute__((always_inline));
int tc_egress(struct __sk_buff *skb) __attribute__((always_inline));

#include "flowsplit.bpf.c"

#define FLOW_BITS      20         /* a million clients */
#define CLIENT_NET     0x0a400000 /* 10.64.0.0/12 */
#define CLIENT_PORT    0x8000
#define CLIENT_PORTS   0x7fff
#define BENCH_AF_INET  2
#define BENCH_MTU      1500
#define TCP4_OFF       (sizeof(struct ethhdr) + sizeof(struct iphdr))

/* Of the generator that draws the next client; not zero, see fs_arena. */
__u64 bench_seed = 1;

/* What the bare rewrites write: what the packet has already, so that the next pass finds the same.
 * Constants to the verifier, which folds them into the programs. */
const volatile struct fs_endpoint bench_to_v4 = {};
const volatile struct fs_endpoint bench_to_v6 = {};
const volatile __u16 bench_delta = 0;

/* An Ethernet frame with TCP in IPv4 without options. */
struct tcp4_frame {
    struct ethhdr eth;
    struct iphdr ip;
    struct tcphdr tcp;
} __attribute__((packed));

/* The same with IPv6. */
struct tcp6_frame {
    struct ethhdr eth;
    struct ipv6hdr ip;
    struct tcphdr tcp;
} __attribute__((packed));

static __always_inline struct tcp4_frame *tcp4_at(void *data, void *end)
{
    struct tcp4_frame *frame = data;

    if ((void *)(frame + 1) > end || frame->eth.h_proto != bpf_htons(ETH_P_IP) ||
        frame->ip.ihl != 5 || frame->ip.protocol != IPPROTO_TCP)
        return NULL;
    return frame;
}

static __always_inline struct tcp6_frame *tcp6_at(void *data, void *end)
{
    struct tcp6_frame *frame = data;

    if ((void *)(frame + 1) > end || frame->eth.h_proto != bpf_htons(ETH_P_IPV6) ||
        frame->ip.nexthdr != IPPROTO_TCP)
        return NULL;
    return frame;
}

static __always_inline struct tcp4_frame *xdp_tcp4(struct xdp_md *ctx)
{
    return tcp4_at((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}

static __always_inline struct tcp6_frame *xdp_tcp6(struct xdp_md *ctx)
{
    return tcp6_at((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}

static __always_inline struct tcp4_frame *skb_tcp4(struct __sk_buff *skb)
{
    return tcp4_at((void *)(long)skb->data, (void *)(long)skb->data_end);
}

/* The number of the next client. */
static __always_inline __u32 next_flow(void)
{
    bench_seed = bench_seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
    return bench_seed >> (64 - FLOW_BITS);
}

/* Makes the packet another client's. TCP and UDP have their source port at the same place, and the
 * checksums no longer fit, which nothing on the way looks at. */
static __always_inline void vary_tcp4(void *data, void *end)
{
    struct tcp4_frame *frame = data;
    __u32 flow = next_flow();

    if (data + TCP4_OFF + sizeof(struct udphdr) > end)
        return;
    frame->ip.saddr = bpf_htonl(CLIENT_NET | flow);
    frame->tcp.source = bpf_htons(CLIENT_PORT | (flow & CLIENT_PORTS));
}

static __always_inline void vary_tcp6(void *data, void *end)
{
    struct tcp6_frame *frame = data;
    __u32 flow = next_flow();

    if ((void *)(frame + 1) > end)
        return;
    frame->ip.saddr.s6_addr32[3] = bpf_htonl(flow);
    frame->tcp.source = bpf_htons(CLIENT_PORT | (flow & CLIENT_PORTS));
}

/* What steering changes in a TCP packet to a local backend. */
struct undo4 {
    __be32 daddr;
    __be16 dest;
    __u16 ip_check, tcp_check;
};

static __always_inline void undo4_save(struct undo4 *undo, const struct tcp4_frame *frame)
{
    *undo = (struct undo4){.daddr = frame->ip.daddr,
                           .dest = frame->tcp.dest,
                           .ip_check = frame->ip.check,
                           .tcp_check = frame->tcp.check};
}

static __always_inline void undo4_restore(const struct undo4 *undo, struct tcp4_frame *frame)
{
    frame->ip.daddr = undo->daddr;
    frame->ip.check = undo->ip_check;
    frame->tcp.dest = undo->dest;
    frame->tcp.check = undo->tcp_check;
}

/* Baselines in XDP. */

SEC("xdp.frags")
int bench_xdp_empty(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_swap(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = xdp_tcp4(ctx);
    __u8 mac[ETH_ALEN];

    if (!frame)
        return XDP_PASS;
    __builtin_memcpy(mac, frame->eth.h_dest, ETH_ALEN);
    __builtin_memcpy(frame->eth.h_dest, frame->eth.h_source, ETH_ALEN);
    __builtin_memcpy(frame->eth.h_source, mac, ETH_ALEN);
    return XDP_TX;
}

/* The product's parser and nothing else. */
SEC("xdp.frags")
int bench_xdp_parse(struct xdp_md *ctx)
{
    struct packet pkt;
    int parsed = parse(ctx, &pkt, (void *)(long)ctx->data, (void *)(long)ctx->data_end, false);

    return parsed == PARSE_PORTS && pkt.source_be != pkt.dest_be ? XDP_PASS : XDP_DROP;
}

static __always_inline void bare_nat4(struct tcp4_frame *frame)
{
    frame->ip.daddr = bench_to_v4.addr[0];
    frame->ip.check = csum_mend(frame->ip.check, bench_delta);
    frame->tcp.dest = bench_to_v4.port_be;
    frame->tcp.check = csum_mend(frame->tcp.check, bench_delta);
}

static __always_inline int nat4(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = xdp_tcp4(ctx);

    if (!frame)
        return XDP_DROP;
    bare_nat4(frame);
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_nat4(struct xdp_md *ctx)
{
    return nat4(ctx);
}

SEC("xdp.frags")
int bench_xdp_nat6(struct xdp_md *ctx)
{
    struct tcp6_frame *frame = xdp_tcp6(ctx);

    if (!frame)
        return XDP_DROP;
#pragma unroll
    for (int i = 0; i < 4; i++)
        frame->ip.daddr.s6_addr32[i] = bench_to_v6.addr[i];
    frame->tcp.dest = bench_to_v6.port_be;
    frame->tcp.check = csum_mend(frame->tcp.check, bench_delta);
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_vary_nat4(struct xdp_md *ctx)
{
    vary_tcp4((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return nat4(ctx);
}

/* Asks the FIB, rewrites and forwards, but leaves the TTL as it is. */
SEC("xdp.frags")
int bench_xdp_fib4(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = xdp_tcp4(ctx);
    struct bpf_fib_lookup fib = {.family = BENCH_AF_INET, .ifindex = ctx->ingress_ifindex};

    if (!frame)
        return XDP_DROP;
    fib.l4_protocol = IPPROTO_TCP;
    fib.sport = frame->tcp.source;
    fib.dport = bench_to_v4.port_be;
    fib.tot_len = bpf_ntohs(frame->ip.tot_len);
    fib.ipv4_src = frame->ip.saddr;
    fib.ipv4_dst = bench_to_v4.addr[0];
    if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
        return XDP_DROP;
    bare_nat4(frame);
    __builtin_memcpy(frame->eth.h_dest, fib.dmac, ETH_ALEN);
    __builtin_memcpy(frame->eth.h_source, fib.smac, ETH_ALEN);
    return bpf_redirect(fib.ifindex, 0);
}

/* Wrappers in XDP, each beside itself without steering. */

SEC("xdp.frags")
int bench_xdp_vary4(struct xdp_md *ctx)
{
    vary_tcp4((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return xdp_ingress(ctx);
}

SEC("xdp.frags")
int bench_xdp_vary4_alone(struct xdp_md *ctx)
{
    vary_tcp4((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_vary6(struct xdp_md *ctx)
{
    vary_tcp6((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return xdp_ingress(ctx);
}

SEC("xdp.frags")
int bench_xdp_vary6_alone(struct xdp_md *ctx)
{
    vary_tcp6((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return XDP_PASS;
}

static __always_inline int undone4(struct xdp_md *ctx, bool steer)
{
    struct tcp4_frame *frame = xdp_tcp4(ctx);
    struct undo4 undo;
    int action = XDP_PASS;

    if (!frame)
        return XDP_DROP;
    undo4_save(&undo, frame);
    if (steer)
        action = xdp_ingress(ctx);
    frame = (void *)(long)ctx->data;
    if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
        return XDP_DROP;
    undo4_restore(&undo, frame);
    return action;
}

SEC("xdp.frags")
int bench_xdp_undo4(struct xdp_md *ctx)
{
    return undone4(ctx, true);
}

SEC("xdp.frags")
int bench_xdp_undo4_alone(struct xdp_md *ctx)
{
    return undone4(ctx, false);
}

/* Undoes the step of the TTL; the rest that forwarding writes is the same in every pass. */
static __always_inline int ttl4(struct xdp_md *ctx, bool steer)
{
    struct tcp4_frame *frame = xdp_tcp4(ctx);
    int action = XDP_REDIRECT;
    __u16 check;
    __u8 ttl;

    if (!frame)
        return XDP_DROP;
    ttl = frame->ip.ttl;
    check = frame->ip.check;
    if (steer)
        action = xdp_ingress(ctx);
    frame = (void *)(long)ctx->data;
    if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
        return XDP_DROP;
    frame->ip.ttl = ttl;
    frame->ip.check = check;
    return action;
}

SEC("xdp.frags")
int bench_xdp_ttl4(struct xdp_md *ctx)
{
    return ttl4(ctx, true);
}

SEC("xdp.frags")
int bench_xdp_ttl4_alone(struct xdp_md *ctx)
{
    return ttl4(ctx, false);
}

static __always_inline int ttl6(struct xdp_md *ctx, bool steer)
{
    struct tcp6_frame *frame = xdp_tcp6(ctx);
    int action = XDP_REDIRECT;
    __u8 ttl;

    if (!frame)
        return XDP_DROP;
    ttl = frame->ip.hop_limit;
    if (steer)
        action = xdp_ingress(ctx);
    frame = (void *)(long)ctx->data;
    if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
        return XDP_DROP;
    frame->ip.hop_limit = ttl;
    return action;
}

SEC("xdp.frags")
int bench_xdp_ttl6(struct xdp_md *ctx)
{
    return ttl6(ctx, true);
}

SEC("xdp.frags")
int bench_xdp_ttl6_alone(struct xdp_md *ctx)
{
    return ttl6(ctx, false);
}

/* At TC. */

SEC("tc")
int bench_tc_empty(struct __sk_buff *skb)
{
    (void)skb;
    return TC_ACT_UNSPEC;
}

/* The kernel's helpers that a rewrite needs, and no lookup. */
SEC("tc")
int bench_tc_nat4(struct __sk_buff *skb)
{
    struct fs_endpoint to = {.addr = {bench_to_v4.addr[0]}, .port_be = bench_to_v4.port_be};
    struct rewrite rw = {.to = &to,
                         .addr_delta = bench_delta,
                         .port_delta = bench_delta,
                         .l4_delta = bench_delta};
    struct packet pkt = {.family = 4,
                         .proto = IPPROTO_TCP,
                         .l3_off = sizeof(struct ethhdr),
                         .l4_off = TCP4_OFF};

    if (!skb_tcp4(skb))
        return TC_ACT_SHOT;
    return rewrite_tc(skb, &pkt, &rw) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int bench_tc_vary4(struct __sk_buff *skb)
{
    vary_tcp4((void *)(long)skb->data, (void *)(long)skb->data_end);
    return tc_ingress(skb);
}

SEC("tc")
int bench_tc_vary4_alone(struct __sk_buff *skb)
{
    vary_tcp4((void *)(long)skb->data, (void *)(long)skb->data_end);
    return TC_ACT_UNSPEC;
}
