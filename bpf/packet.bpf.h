/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses Ethernet, VLAN tags, IPv4, IPv6 with extension headers, and the ports of TCP and UDP. */
#ifndef FLOWSPLIT_PACKET_BPF_H
#define FLOWSPLIT_PACKET_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "walk.bpf.h"

#define VLAN_TAGS_MAX 2

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80
};

struct vlan_tag {
    __be16 tci_be;
    __be16 type_be;
};

/* The first eight bytes of an ICMP or ICMPv6 message; linux/icmp.h needs a C library. */
struct icmp_header {
    __u8 type;
    __u8 code;
    __u16 checksum;
    __u32 rest;
};

enum icmp_error {
    ICMP_UNREACHABLE = 3,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,
    ICMPV6_UNREACHABLE = 1, /* packet too big 2, time exceeded 3 */
    ICMPV6_PARAMETER_PROBLEM = 4,
};

struct tcp_udp_ports {
    __be16 source_be;
    __be16 dest_be;
};

/* A parsed packet. The pointers are good until the packet is resized or stored to by a helper. */
struct packet {
    void *data, *end;
    void *l3, *l4;
    __u16 *l4_check;      /* checksum of TCP or UDP */
    __u32 l3_off, l4_off; /* bytes from the start of the frame */
    __u32 ip_bytes;       /* length of the IP packet by its header */
    __be16 source_be, dest_be;
    __u8 family;    /* 4 or 6 */
    __u8 proto;     /* of the transport header */
    __u8 tags;      /* VLAN tags in the frame */
    __u8 tcp_flags; /* enum tcp_flag */
    __u8 l4_bytes;  /* length of the TCP or UDP header */
    __u8 more;      /* 1: it is the first of several fragments */
};

static __always_inline void *ctx_data(void *ctx, bool tc)
{
    return (void *)(long)(tc ? ((struct __sk_buff *)ctx)->data : ((struct xdp_md *)ctx)->data);
}

static __always_inline void *ctx_end(void *ctx, bool tc)
{
    return (void *)(long)(tc ? ((struct __sk_buff *)ctx)->data_end
                             : ((struct xdp_md *)ctx)->data_end);
}

enum parse_result { PARSE_PORTS = FS_REASON_COUNT, PARSE_ICMP_ERROR };

/* The address in its 16-byte form; for IPv4 only the first word may be read. */
static __always_inline __be32 *packet_source(const struct packet *pkt)
{
    return pkt->family == 4 ? &((struct iphdr *)pkt->l3)->saddr
                            : ((struct ipv6hdr *)pkt->l3)->saddr.s6_addr32;
}

static __always_inline __be32 *packet_dest(const struct packet *pkt)
{
    return pkt->family == 4 ? &((struct iphdr *)pkt->l3)->daddr
                            : ((struct ipv6hdr *)pkt->l3)->daddr.s6_addr32;
}

/* The SYN that begins a connection. */
static __always_inline bool tcp_is_first_syn(__u8 tcp_flags)
{
    return (tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static __always_inline bool packet_is_new(const struct packet *pkt)
{
    return tcp_is_first_syn(pkt->tcp_flags);
}

/* Sequence number of a TCP segment, host byte order; of a UDP datagram, nothing in particular. It
 * is in the first eight bytes, which both have. */
static __always_inline __u32 packet_seq(const struct packet *pkt)
{
    return bpf_ntohl(((__be32 *)pkt->l4)[1]);
}

/* What a TCP segment acknowledges, host byte order. */
static __always_inline __u32 packet_ack(const struct packet *pkt)
{
    struct tcphdr *tcp = pkt->l4;

    return (void *)(tcp + 1) > pkt->end ? 0 : bpf_ntohl(tcp->ack_seq);
}

/* The sequence number after a TCP segment, host byte order. */
static __always_inline __u32 packet_end(const struct packet *pkt)
{
    __u32 headers = pkt->l4_off - pkt->l3_off + pkt->l4_bytes;

    return packet_seq(pkt) + (pkt->ip_bytes > headers ? pkt->ip_bytes - headers : 0) +
           !!(pkt->tcp_flags & TCP_SYN) + !!(pkt->tcp_flags & TCP_FIN);
}

static __always_inline bool icmp_is_error(__u8 family, __u8 type)
{
    if (family == 6)
        return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
    return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline int parse_transport(struct packet *pkt, __u32 l4_bytes)
{
    struct tcp_udp_ports *ports = pkt->l4;

    if (pkt->proto == IPPROTO_TCP) {
        struct tcphdr *tcp = pkt->l4;

        if ((void *)(tcp + 1) > pkt->end || l4_bytes < sizeof(*tcp))
            return FS_REASON_MALFORMED;
        pkt->tcp_flags = ((__u8 *)tcp)[13];
        pkt->l4_bytes = tcp->doff * 4;
        if ((__u32)pkt->l4_bytes - sizeof(*tcp) > l4_bytes - sizeof(*tcp)) /* of both, no less */
            return FS_REASON_MALFORMED;
        pkt->l4_check = &tcp->check;
    } else if (pkt->proto == IPPROTO_UDP) {
        struct udphdr *udp = pkt->l4;

        if ((void *)(udp + 1) > pkt->end || l4_bytes < sizeof(*udp))
            return FS_REASON_MALFORMED;
        pkt->l4_bytes = sizeof(*udp);
        pkt->l4_check = &udp->check;
    } else if (pkt->more) {
        return FS_REASON_FRAGMENT;
    } else if (pkt->proto == (pkt->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
        struct icmp_header *icmp = pkt->l4;

        if ((void *)(icmp + 1) > pkt->end || l4_bytes < sizeof(*icmp))
            return FS_REASON_MALFORMED;
        return icmp_is_error(pkt->family, icmp->type) ? PARSE_ICMP_ERROR : FS_REASON_NO_PORTS;
    } else {
        return pkt->proto == IPPROTO_AH ? FS_REASON_AUTHENTICATED : FS_REASON_NO_PORTS;
    }
    pkt->source_be = ports->source_be;
    pkt->dest_be = ports->dest_be;
    return PARSE_PORTS;
}

/* An IPv4 header that isn't 20 bytes long. Returns 0, or why the packet is none of ours. */
static __always_inline int parse_ipv4_options(void *ctx, const struct packet *pkt, bool tc)
{
    const struct iphdr *ip = pkt->l3;
    __u32 off = pkt->l3_off + sizeof(*ip), stop = pkt->l3_off + ip->ihl * 4;
    int found;

    if (ip->ihl < 5)
        return FS_REASON_MALFORMED;
    found = tc ? ipv4_options_tc(ctx, off, stop) : ipv4_options_xdp(ctx, off, stop);
    /* Spelled out: to the verifier, the function may return anything. */
    return !found                            ? 0
           : found == FS_REASON_SOURCE_ROUTE ? FS_REASON_SOURCE_ROUTE
                                             : FS_REASON_MALFORMED;
}

static __always_inline int parse_ipv4(void *ctx, struct packet *pkt, bool tc)
{
    struct iphdr *ip = pkt->l3;
    __u32 header_bytes;

    if ((void *)(ip + 1) > pkt->end || ip->version != 4)
        return FS_REASON_MALFORMED;
    if (unlikely(ip->ihl != 5)) {
        int none = parse_ipv4_options(ctx, pkt, tc);

        if (none)
            return none;
    }
    header_bytes = ip->ihl * 4;
    pkt->family = 4;
    pkt->proto = ip->protocol;
    pkt->ip_bytes = bpf_ntohs(ip->tot_len);
    if (pkt->ip_bytes < header_bytes)
        return FS_REASON_MALFORMED;
    if (ip->frag_off & bpf_htons(IP_FRAGMENT_LATER))
        return FS_REASON_FRAGMENT;
    pkt->more = bpf_ntohs(ip->frag_off) >> IP_FRAGMENT_MORE & 1;
    pkt->l4 = pkt->l3 + header_bytes;
    pkt->l4_off = pkt->l3_off + header_bytes;
    return parse_transport(pkt, pkt->ip_bytes - header_bytes);
}

static __always_inline int parse_ipv6(void *ctx, struct packet *pkt, bool tc)
{
    struct ipv6hdr *ip = pkt->l3;
    __u32 header_bytes = sizeof(*ip);

    if ((void *)(ip + 1) > pkt->end || ip->version != 6)
        return FS_REASON_MALFORMED;
    pkt->family = 6;
    pkt->proto = ip->nexthdr;
    pkt->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
    if (unlikely(pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP &&
                 pkt->proto != IPPROTO_ICMPV6)) {
        int found = ipv6_skip_extensions(ctx, pkt->l3_off + sizeof(*ip), pkt->proto, tc);
        __u32 off;

        if (found < 0) /* spelled out, as above */
            return found == -FS_REASON_FRAGMENT        ? FS_REASON_FRAGMENT
                   : found == -FS_REASON_MALFORMED     ? FS_REASON_MALFORMED
                   : found == -FS_REASON_SOURCE_ROUTE  ? FS_REASON_SOURCE_ROUTE
                   : found == -FS_REASON_AUTHENTICATED ? FS_REASON_AUTHENTICATED
                                                       : FS_REASON_NO_PORTS;
        off = (__u32)found >> 16;
        if (off > TRANSPORT_OFF_MAX)
            return FS_REASON_MALFORMED;
        bound_offset(off);
        pkt->proto = found & 0xff;
        pkt->more = found >> WALK_MORE_SHIFT & 1;
        pkt->l4_off = off;
        pkt->l4 = pkt->data + off;
        header_bytes = off - pkt->l3_off;
    } else {
        pkt->l4_off = pkt->l3_off + sizeof(*ip);
        pkt->l4 = ip + 1;
    }
    if (ip->payload_len == 0) /* a jumbogram: its length is in an option, or nowhere (BIG TCP) */
        return pkt->more ? FS_REASON_MALFORMED : parse_transport(pkt, ~0u);
    if (pkt->ip_bytes < header_bytes)
        return FS_REASON_MALFORMED;
    return parse_transport(pkt, pkt->ip_bytes - header_bytes);
}

/* Returns PARSE_PORTS, PARSE_ICMP_ERROR or the reason why the packet is none of ours. */
static __always_inline int parse(void *ctx, struct packet *pkt, void *data, void *end, bool tc)
{
    struct ethhdr *eth = data;
    __be16 type_be;
    __u32 off = sizeof(*eth);

    __builtin_memset(pkt, 0, sizeof(*pkt));
    pkt->data = data;
    pkt->end = end;
    if ((void *)(eth + 1) > end)
        return FS_REASON_MALFORMED;
    type_be = eth->h_proto;
#pragma unroll
    for (int i = 0; i < VLAN_TAGS_MAX; i++) {
        struct vlan_tag *tag = data + off;

        if (type_be != bpf_htons(ETH_P_8021Q) && type_be != bpf_htons(ETH_P_8021AD))
            break;
        if ((void *)(tag + 1) > end)
            return FS_REASON_MALFORMED;
        type_be = tag->type_be;
        off += sizeof(*tag);
        pkt->tags++;
    }
    pkt->l3 = data + off;
    pkt->l3_off = off;
    if (type_be == bpf_htons(ETH_P_IP))
        return parse_ipv4(ctx, pkt, tc);
    if (type_be == bpf_htons(ETH_P_IPV6))
        return parse_ipv6(ctx, pkt, tc);
    return FS_REASON_NOT_IP;
}

#endif
