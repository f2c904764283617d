// SPDX-License-Identifier: GPL-2.0-only
/* The programs: XDP and TC ingress towards the backends, TC egress on the way back, and the watch
 * over failing redirects. */
#include "vmlinux.h"
#include "steer.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int xdp_ingress(struct xdp_md *ctx)
{
    struct packet pkt;
    int parsed = parse(ctx, &pkt, (void *)(long)ctx->data, (void *)(long)ctx->data_end, false);

    return steer_ingress(ctx, &pkt, parsed, false);
}

/* The linear part of an skb may end before the headers do: pulls them in, and parses again. */
static __always_inline int parse_skb(struct __sk_buff *skb, struct packet *pkt)
{
    int parsed = parse(skb, pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, true);

    if (parsed != FS_REASON_MALFORMED || skb->data_end - skb->data >= skb->len)
        return parsed;
    if (bpf_skb_pull_data(skb, skb->len < 256 ? skb->len : 256))
        return parsed;
    return parse(skb, pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, true);
}

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return steer_ingress(skb, &pkt, parsed, true);
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return steer_egress(skb, &pkt, parsed);
}
