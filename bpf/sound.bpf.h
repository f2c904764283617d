/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells what a healthy backend can't answer from what it can: a SYN that any host drops, and a
 * client to whom no answer gets. Asked of SYNs only, and of routes only when one wasn't answered.
 */
#ifndef FLOWSPLIT_SOUND_BPF_H
#define FLOWSPLIT_SOUND_BPF_H

#include "forward.bpf.h"
#include "observed.bpf.h"

/* Is this sum of a checksummed range, its checksum included, what it must be (RFC 1071)? */
static __always_inline bool sum_is_right(__s64 sum)
{
    __u32 folded = (__u32)sum;

    folded = (folded & 0xffff) + (folded >> 16);
    return (folded & 0xffff) + (folded >> 16) == 0xffff;
}

/* Sums the IP header's part of a TCP checksum up; returns the TCP segment's length, or 0 for a
 * header that a host or router may have something against. */
static __always_inline __u32 sound_ip(void *l3, void *end, __u32 header_bytes, bool ipv6,
                                      __s64 *sum)
{
    struct ipv6hdr *ip6 = l3;
    struct iphdr *ip = l3;

    if (l3 + sizeof(*ip6) > end)
        return 0;
    if (ipv6) {
        *sum = bpf_csum_diff(NULL, 0, (void *)&ip6->saddr, 32, 0);
        return header_bytes == sizeof(*ip6) && ip6->hop_limit > 1 ? bpf_ntohs(ip6->payload_len) : 0;
    }
    *sum = bpf_csum_diff(NULL, 0, (void *)&ip->saddr, 8, 0);
    if (header_bytes != sizeof(*ip) || ip->ttl <= 1 ||
        !sum_is_right(bpf_csum_diff(NULL, 0, l3, sizeof(*ip), 0)))
        return 0;
    return bpf_ntohs(ip->tot_len) - sizeof(*ip);
}

/* A SYN with data isn't looked into, and so not taken for sound. */
static __always_inline bool syn_is_sound(void *ctx, struct observed *o, void *data, void *end,
                                         __u32 offsets, __u32 how, bool tc)
{
    __u32 l3_off = offsets >> 16 & TRANSPORT_OFF_MAX, l4_off = offsets & TRANSPORT_OFF_MAX, bytes;
    __s64 sum;

    if (how & LOOPBACK)
        return true;
    bytes = sound_ip(data + l3_off, end, l4_off - l3_off, how & IS_IPV6, &sum);
    if (bytes > TCP_HEADER_MAX)
        return false;
    asm volatile("" : "+r"(bytes)); /* shows the verifier what is known: see bound_offset() */
    bytes &= SEGMENT_MAX - 1;
    if (bytes < sizeof(struct tcphdr))
        return false;
    if (load_bytes(ctx, l4_off, o->segment, bytes, tc))
        return false;
    sum = (__u32)sum + (__u64)bpf_htons(IPPROTO_TCP) + bpf_htons(bytes);
    sum = (__u32)sum + ((__u64)sum >> 32);
    return sum_is_right(bpf_csum_diff(NULL, 0, o->segment, sizeof(o->segment), (__u32)sum));
}

/* Without forwarding on the interface, the kernel doesn't say. A neighbour that nobody has talked
 * to yet may be a client that a dead version has left without an answer, or one that doesn't exist.
 */
static __always_inline bool client_is_reachable(void *ctx, struct observed *o, __u32 ifindex)
{
    long answer;

    __builtin_memset(&o->fib, 0, sizeof(o->fib));
    o->fib.ifindex = ifindex;
    o->fib.l4_protocol = IPPROTO_TCP;
    if (o->family == 4) {
        o->fib.family = AF_INET;
        o->fib.ipv4_dst = o->key.addr[0];
    } else {
        o->fib.family = AF_INET6;
        __builtin_memcpy(o->fib.ipv6_dst, o->key.addr, sizeof(o->fib.ipv6_dst));
    }
    answer = bpf_fib_lookup(ctx, &o->fib, sizeof(o->fib), 0);
    return answer == BPF_FIB_LKUP_RET_SUCCESS || answer == BPF_FIB_LKUP_RET_FWD_DISABLED ||
           answer == BPF_FIB_LKUP_RET_UNSUPP_LWT ||
           (answer == BPF_FIB_LKUP_RET_NO_NEIGH && o->silent);
}

#endif
