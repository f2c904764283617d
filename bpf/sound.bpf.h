/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells what a healthy backend can't answer from what it can: a SYN that a host drops or refuses,
 * and a client who explains by itself why it got no answer. The former is asked of every SYN, the
 * latter only of those that weren't answered. */
#ifndef FLOWSPLIT_SOUND_BPF_H
#define FLOWSPLIT_SOUND_BPF_H

#include "forward.bpf.h"
#include "served.bpf.h"

/* Is this sum of a checksummed range, its checksum included, what it must be (RFC 1071)? */
static __always_inline bool sum_is_right(__s64 sum)
{
    __u32 folded = (__u32)sum;

    folded = (folded & 0xffff) + (folded >> 16);
    return (folded & 0xffff) + (folded >> 16) == 0xffff;
}

/* Sums the IP header's part of a TCP checksum up; returns the TCP segment's length, or 0 for a
 * header that a host or router may have something against. */
static __always_inline __u32 sound_ip(void *l3, void *end, __u32 header_bytes, __u32 how,
                                      __s64 *sum)
{
    struct ipv6hdr *ip6 = l3;
    struct iphdr *ip = l3;

    if (l3 + sizeof(*ip6) > end)
        return 0;
    if (how & IS_IPV6) {
        *sum = bpf_csum_diff(NULL, 0, (void *)&ip6->saddr, 32, 0);
        return header_bytes == sizeof(*ip6) && ip6->hop_limit > 1 ? bpf_ntohs(ip6->payload_len) : 0;
    }
    *sum = bpf_csum_diff(NULL, 0, (void *)&ip->saddr, 8, 0);
    if (header_bytes != sizeof(*ip) || ip->ttl <= 1 ||
        (!(how & LOOPBACK) && !sum_is_right(bpf_csum_diff(NULL, 0, l3, sizeof(*ip), 0))))
        return 0;
    return bpf_ntohs(ip->tot_len) - sizeof(*ip);
}

/* Bits of a set of TCP option kinds' lengths, four for each: those that clients send in a SYN and
 * no host has anything against. The end (0) and no operation (1) have one byte, the maximum segment
 * size (2) four, window scale (3) three, SACK permitted (4) two, timestamps (8) ten. A host may
 * drop a SYN for others, as for MD5 (19), authentication (29) or a wrong length, or answer it with
 * a RST, as Multipath TCP (30) does. */
#define SYN_OPTION_BYTES ((10ULL << 32) | (2 << 16) | (3 << 12) | (4 << 8) | (1 << 4) | 1)
#define SYN_OPTION_KINDS 8
#define SYN_OPTIONS_MAX  (TCP_HEADER_MAX - sizeof(struct tcphdr))

/* Looks at an option, in a loop that the verifier looks at once. Returns whether it was the last.
 */
static long syn_option(__u32 i, void *unused)
{
    struct observed *o = observed_now();
    __u32 at, kind, next, length;
    const __u8 *text;

    if (!o)
        return 1;
    text = (const __u8 *)o->segment;
    at = o->option;
    kind = text[at & (SEGMENT_MAX - 1)];
    next = text[(at + 1) & (SEGMENT_MAX - 1)];
    length = kind > SYN_OPTION_KINDS ? 0 : SYN_OPTION_BYTES >> (kind * 4) & 15;
    o->option = kind ? at + length : o->option_end;
    if (!length || (length > 1 && next != length))
        o->option = SEGMENT_MAX; /* beyond any end */
    return o->option >= o->option_end;
}

static __always_inline bool syn_options_plain(struct observed *o, __u32 bytes)
{
    o->option = sizeof(struct tcphdr);
    o->option_end = bytes;
    if (bytes > sizeof(struct tcphdr))
        bpf_loop(SYN_OPTIONS_MAX, syn_option, NULL, 0);
    return o->option == bytes;
}

/* Of the segment in o->segment: is there nothing in it that a host drops or refuses it for, but
 * perhaps its checksum? Its flags may ask for ECN; it has no data, which Fast Open judges. */
static __always_inline bool syn_is_plain(struct observed *o, __u32 bytes)
{
    const struct tcphdr *tcp = (const struct tcphdr *)o->segment;

    return (o->tcp_flags & ~(TCP_ECE | TCP_CWR)) == TCP_SYN && tcp->source && tcp->doff >= 5 &&
           tcp->doff * 4u == bytes && syn_options_plain(o, bytes);
}

/* What of enum fs_handshake_flags is to be said of a SYN by itself. The sums of those that come by
 * `lo` are never worked out. */
static __always_inline __u32 syn_flags(void *ctx, struct observed *o, void *data, void *end,
                                       __u32 offsets, __u32 how, bool tc)
{
    __u32 l3_off = offsets >> 16 & TRANSPORT_OFF_MAX, l4_off = offsets & TRANSPORT_OFF_MAX, bytes;
    __s64 sum;

    if (o->payload)
        return FS_HANDSHAKE_DATA;
    bytes = sound_ip(data + l3_off, end, l4_off - l3_off, how, &sum);
    if (bytes > TCP_HEADER_MAX)
        return 0;
    asm volatile("" : "+r"(bytes)); /* shows the verifier what is known: see bound_offset() */
    bytes &= SEGMENT_MAX - 1;
    if (bytes < sizeof(struct tcphdr))
        return 0;
    if (load_bytes(ctx, l4_off, o->segment, bytes, tc) || !syn_is_plain(o, bytes))
        return 0;
    sum = (__u32)sum + (__u64)bpf_htons(IPPROTO_TCP) + bpf_htons(bytes);
    sum = (__u32)sum + ((__u64)sum >> 32);
    if (how & LOOPBACK ||
        sum_is_right(bpf_csum_diff(NULL, 0, o->segment, sizeof(o->segment), (__u32)sum)))
        return FS_HANDSHAKE_PLAIN | FS_HANDSHAKE_SOUND;
    return FS_HANDSHAKE_PLAIN;
}

/* Has the client been served before, so that it is known to be none whom hosts drop by its
 * source address? */
static __always_inline bool client_was_served(const struct observed *o)
{
    __u32 tag, *known = served_entry(o, &tag);

    return known && *known == tag;
}

/* Does anybody talk to the backend itself from the client's address and port? Then it has to answer
 * the SYN with an ACK. */
static __always_inline bool client_is_direct(struct observed *o)
{
    struct fs_flow_key *key = &o->direct;

    *key = o->key;
    key->scope = FS_SCOPE_DIRECT | o->says.backend;
    return bpf_map_lookup_elem(&flows, key) || bpf_map_lookup_elem(&unproven, key);
}

/* The same, and for any other connection of theirs, asked of the kernel: where the backend is on
 * this host, in the namespace of the interface. */
static __always_inline bool client_has_socket(void *ctx, struct observed *o)
{
    const struct fs_backend *backend = backend_at(o->says.dir, o->says.backend);
    struct bpf_sock_tuple *tuple = &o->tuple;
    struct bpf_sock *sk;
    __u32 bytes, state;

    __builtin_memset(tuple, 0, sizeof(*tuple));
    if (o->family == 4) {
        bytes = sizeof(tuple->ipv4);
        tuple->ipv4.saddr = o->key.addr[0];
        tuple->ipv4.daddr = backend->at.addr[0];
        tuple->ipv4.sport = o->key.port_be;
        tuple->ipv4.dport = backend->at.port_be;
        sk = bpf_skc_lookup_tcp(ctx, tuple, bytes, BPF_F_CURRENT_NETNS, 0);
    } else {
        bytes = sizeof(tuple->ipv6);
        __builtin_memcpy(tuple->ipv6.saddr, o->key.addr, sizeof(tuple->ipv6.saddr));
        tuple->ipv6.daddr[0] = backend->at.addr[0];
        tuple->ipv6.daddr[1] = backend->at.addr[1];
        tuple->ipv6.daddr[2] = backend->at.addr[2];
        tuple->ipv6.daddr[3] = backend->at.addr[3];
        tuple->ipv6.sport = o->key.port_be;
        tuple->ipv6.dport = backend->at.port_be;
        sk = bpf_skc_lookup_tcp(ctx, tuple, bytes, BPF_F_CURRENT_NETNS, 0);
    }
    if (!sk)
        return false;
    state = sk->state;
    bpf_sk_release(sk);
    return state != BPF_TCP_LISTEN;
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

/* Does the client, or the way to it, explain that its SYN got no answer? */
static __always_inline bool silence_is_explained(void *ctx, struct observed *o, __u32 ifindex)
{
    return !client_was_served(o) || client_is_direct(o) || client_has_socket(ctx, o) ||
           (!o->loopback && !client_is_reachable(ctx, o, ifindex));
}

#endif
