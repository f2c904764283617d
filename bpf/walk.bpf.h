/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks over what may stand between the fixed part of an IP header and the transport header: IPv4
 * options and IPv6 extension headers. */
#ifndef FLOWSPLIT_WALK_BPF_H
#define FLOWSPLIT_WALK_BPF_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <flowsplit/reasons.h>

#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Shows the verifier that an offset, already checked, is no larger than TRANSPORT_OFF_MAX; the asm
 * keeps the compiler from seeing that it knew, and from using a copy. */
#define bound_offset(off)             \
    do {                              \
        asm volatile("" : "+r"(off)); \
        (off) &= TRANSPORT_OFF_MAX;   \
    } while (0)

/* A constant that the compiler doesn't know to be one: it may not ask something else in its place,
 * of which the verifier doesn't know that it is the same. */
#define opaque(constant)             \
    ({                               \
        __u32 n_ = (constant);       \
        asm volatile("" : "+r"(n_)); \
        n_;                          \
    })

#define IPV6_EXTENSIONS    8
#define IPV4_OPTIONS       40     /* bytes, and so at most as many options */
#define IP_FRAGMENT_LATER  0x1fff /* the offset: none is that of the first */
#define IP_FRAGMENT_MORE   13     /* which bit says that others follow */
#define IP6_FRAGMENT_LATER 0xfff8 /* the offset in an IPv6 fragment header */
#define TRANSPORT_OFF_MAX  0x7ff

enum ipv4_option {
    IPV4_OPTION_END = 0,
    IPV4_OPTION_NONE = 1,
    IPV4_OPTION_LSRR = 0x83, /* loose and strict source route */
    IPV4_OPTION_SSRR = 0x89,
};

/* Looks through the options of an IPv4 header, from `off` to `stop`. Returns 0, or why the packet
 * is none of ours. */
static __always_inline int ipv4_options(void *data, void *end, __u32 off, __u32 stop)
{
    for (int i = 0; i < IPV4_OPTIONS; i++) {
        __u8 *option, bytes;

        if (off >= stop)
            break;
        bound_offset(off); /* also so that all ways through the loop end alike */
        option = data + off;
        if (option + 3 > (__u8 *)end) /* there's more behind the header */
            return FS_REASON_MALFORMED;
        bytes = option[1];
        if (option[0] == IPV4_OPTION_END)
            break;
        if (option[0] == IPV4_OPTION_NONE)
            bytes = 1;
        else if (bytes < 2 || bytes > stop - off)
            return FS_REASON_MALFORMED;
        else if ((option[0] == IPV4_OPTION_LSRR || option[0] == IPV4_OPTION_SSRR) &&
                 option[2] <= bytes) /* the next hop is in it (RFC 791) */
            return FS_REASON_SOURCE_ROUTE;
        off += bytes;
    }
    return 0;
}

/* Functions that aren't static are verified once, by themselves, not anew on every path that leads
 * to them: these walks, and whatever else is off the fast path, would exceed the verifier's
 * patience. */
__noinline int ipv4_options_xdp(struct xdp_md *ctx, __u32 off, __u32 stop)
{
    return ipv4_options((void *)(long)ctx->data, (void *)(long)ctx->data_end, off, stop);
}

__noinline int ipv4_options_tc(struct __sk_buff *skb, __u32 off, __u32 stop)
{
    return ipv4_options((void *)(long)skb->data, (void *)(long)skb->data_end, off, stop);
}

/* Walks the extension headers that begin at `off` with type `next`. Returns the offset of the first
 * other header in the upper, its type in the lower 16 bits, with a bit at WALK_MORE_SHIFT if it is
 * in the first of several fragments; or minus a reason. */
#define WALK_MORE_SHIFT 8
static __always_inline int ipv6_walk(void *data, void *end, __u32 off, __u32 next)
{
    __u32 more = 0;

    for (int i = 0; i < IPV6_EXTENSIONS; i++) {
        struct ipv6_opt_hdr *opt;
        __u32 bytes;

        if (off > TRANSPORT_OFF_MAX)
            return -FS_REASON_MALFORMED;
        opt = data + off;
        switch (next) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
        case IPPROTO_FRAGMENT:
            break;
        case IPPROTO_AH:
            return -FS_REASON_AUTHENTICATED;
        default:
            return off << 16 | more << WALK_MORE_SHIFT | (next & 0xff);
        }
        if ((void *)opt + 8 > end)
            return -FS_REASON_MALFORMED;
        bytes = (opt->hdrlen + 1) * 8;
        if (next == IPPROTO_ROUTING && ((__u8 *)opt)[3]) /* segments left */
            return -FS_REASON_SOURCE_ROUTE;
        if (next == IPPROTO_FRAGMENT) {
            __u32 fragment = bpf_ntohs(((__be16 *)opt)[1]);

            if (fragment & IP6_FRAGMENT_LATER)
                return -FS_REASON_FRAGMENT;
            more = fragment & 1;
            bytes = 8;
        }
        next = opt->nexthdr;
        off += bytes;
    }
    return -FS_REASON_NO_PORTS;
}

__noinline int ipv6_walk_xdp(struct xdp_md *ctx, __u32 off, __u32 next)
{
    return ipv6_walk((void *)(long)ctx->data, (void *)(long)ctx->data_end, off, next);
}

__noinline int ipv6_walk_tc(struct __sk_buff *skb, __u32 off, __u32 next)
{
    return ipv6_walk((void *)(long)skb->data, (void *)(long)skb->data_end, off, next);
}

static __always_inline int ipv6_skip_extensions(void *ctx, __u32 off, __u32 next, bool tc)
{
    return tc ? ipv6_walk_tc(ctx, off, next) : ipv6_walk_xdp(ctx, off, next);
}

#endif
