/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet costs at least: programs that do less than the product, and nothing twice. */
#ifndef BASELINES_BPF_H
#define BASELINES_BPF_H

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

static __always_inline void *xdp_data(struct xdp_md *ctx)
{
    return (void *)(long)ctx->data;
}

static __always_inline void *xdp_end(struct xdp_md *ctx)
{
    return (void *)(long)ctx->data_end;
}

SEC("xdp.frags")
int bench_xdp_empty(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_swap(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = tcp4_at(xdp_data(ctx), xdp_end(ctx));
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
    int parsed = parse(ctx, &pkt, xdp_data(ctx), xdp_end(ctx), false);

    return parsed == PARSE_PORTS && pkt.source_be != pkt.dest_be ? XDP_PASS : XDP_DROP;
}

static __always_inline void bare_nat4(struct tcp4_frame *frame)
{
    frame->ip.daddr = bench_to_v4.addr[0];
    frame->ip.check = csum_mend(frame->ip.check, bench_delta);
    frame->tcp.dest = bench_to_v4.port_be;
    frame->tcp.check = csum_mend(frame->tcp.check, bench_delta);
}

SEC("xdp.frags")
int bench_xdp_nat4(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = tcp4_at(xdp_data(ctx), xdp_end(ctx));

    if (!frame)
        return XDP_DROP;
    bare_nat4(frame);
    return XDP_PASS;
}

SEC("xdp.frags")
int bench_xdp_nat6(struct xdp_md *ctx)
{
    struct tcp6_frame *frame = tcp6_at(xdp_data(ctx), xdp_end(ctx));

    if (!frame)
        return XDP_DROP;
#pragma unroll
    for (int i = 0; i < 4; i++)
        frame->ip.daddr.s6_addr32[i] = bench_to_v6.addr[i];
    frame->tcp.dest = bench_to_v6.port_be;
    frame->tcp.check = csum_mend(frame->tcp.check, bench_delta);
    return XDP_PASS;
}

/* Asks the FIB, rewrites and forwards, but leaves the TTL as it is. */
SEC("xdp.frags")
int bench_xdp_fib4(struct xdp_md *ctx)
{
    struct tcp4_frame *frame = tcp4_at(xdp_data(ctx), xdp_end(ctx));
    struct bpf_fib_lookup fib = {.family = AF_INET, .ifindex = ctx->ingress_ifindex};

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
    struct tcp4_frame *frame = tcp4_at((void *)(long)skb->data, (void *)(long)skb->data_end);
    struct fs_endpoint to = {.addr = {bench_to_v4.addr[0]}, .port_be = bench_to_v4.port_be};
    struct rewrite rw = {
        .to = &to, .addr_delta = bench_delta, .port_delta = bench_delta, .l4_delta = bench_delta};
    struct packet pkt = {.family = 4,
                         .proto = IPPROTO_TCP,
                         .l3_off = sizeof(struct ethhdr),
                         .l4_off = sizeof(struct ethhdr) + sizeof(struct iphdr)};

    if (!frame)
        return TC_ACT_SHOT;
    return rewrite_tc(skb, &pkt, &rw) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

#endif
