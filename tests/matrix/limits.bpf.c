// SPDX-License-Identifier: GPL-2.0-only
/* Programs whose frames, length and faults are known: what bpf_check is checked with. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* A frame of BYTES, that no compiler does away with. */
#define FRAME(bytes)                            \
    __u64 frame[(bytes) / 8];                   \
    asm volatile("" : : "r"(frame) : "memory"); \
    *(volatile __u64 *)frame = 0

/* Its frame is rounded up to 192. */
static __noinline int leaf_168(struct __sk_buff *skb)
{
    FRAME(168);
    return skb->len + frame[0];
}

static __noinline int leaf_224(struct __sk_buff *skb)
{
    FRAME(224);
    return skb->len + frame[0];
}

static __noinline int branch(struct __sk_buff *skb)
{
    FRAME(64);
    return leaf_168(skb) + frame[0];
}

static int step(__u32 index, void *context)
{
    FRAME(168);
    return index + frame[0] > 3;
}

SEC("tc")
int chain_of_384(struct __sk_buff *skb)
{
    FRAME(192);
    return leaf_168(skb) + frame[0];
}

SEC("tc")
int chain_of_416(struct __sk_buff *skb)
{
    FRAME(192);
    return leaf_224(skb) + frame[0];
}

/* 160 + 224, and 160 + 64 + 192. */
SEC("tc")
int longer_branch_of_416(struct __sk_buff *skb)
{
    FRAME(160);
    return leaf_224(skb) + branch(skb) + leaf_224(skb) + frame[0];
}

SEC("tc")
int loop_of_416(struct __sk_buff *skb)
{
    FRAME(200);
    return bpf_loop(8, step, NULL, 0) + frame[0];
}

/* The verifier walks each round of it. */
SEC("tc")
int over_400000_processed(struct __sk_buff *skb)
{
    volatile __u32 sum = 0;

    for (__u32 i = 0; i < 100000; i++)
        sum += skb->len;
    return sum;
}

SEC("tc")
int steers_and_is_refused(struct __sk_buff *skb)
{
    return *(__u8 *)(long)skb->data;
}

SEC("tp_btf/xdp_redirect_err")
int observes_and_is_refused(__u64 *ctx)
{
    *(__u8 *)ctx[0] = 0;
    return 0;
}

SEC("tp_btf/no_such_tracepoint")
int observes_what_is_nowhere(__u64 *ctx)
{
    return 0;
}
