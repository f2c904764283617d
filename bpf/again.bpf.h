/* SPDX-License-Identifier: GPL-2.0-only */
/* A parsed packet in one word, for functions that are verified by themselves: they take no pointers
 * into it, and read it anew. */
#ifndef FLOWSPLIT_AGAIN_BPF_H
#define FLOWSPLIT_AGAIN_BPF_H

#include "packet.bpf.h"

/* Where things are in a parsed packet: the offset of the transport header from bit 16 on, what is
 * in it, and the number of VLAN tags on top. A later fragment has no such header: it says what
 * would be in it. The rest is free (bpf/icmp.bpf.h, fragments.bpf.h). */
enum packet_word {
    WORD_LATER_TCP = 1 << 14,
    WORD_LATER_UDP = 1 << 15,
    WORD_TCP = 1 << 27,
    WORD_UDP = 1 << 28,
    WORD_IPV6 = 1 << 29,
};
#define WORD_LATER      (WORD_LATER_TCP | WORD_LATER_UDP)
#define WORD_L4_SHIFT   16
#define WORD_TAGS_SHIFT 30

static __always_inline __u32 packet_word(const struct packet *pkt, __u8 proto)
{
    return (__u32)(pkt->l3_off - ETH_HLEN) / sizeof(struct vlan_tag) << WORD_TAGS_SHIFT |
           (pkt->family == 6 ? WORD_IPV6 : 0) |
           (proto == IPPROTO_TCP   ? WORD_TCP
            : proto == IPPROTO_UDP ? WORD_UDP
                                   : 0) |
           pkt->l4_off << WORD_L4_SHIFT;
}

/* Reads the IP header, and says where the transport header must be. Returns false if the packet
 * isn't as the word says. */
static __always_inline bool packet_again(void *ctx, __u32 word, struct packet *pkt, bool tc)
{
    __builtin_memset(pkt, 0, sizeof(*pkt));
    pkt->data = ctx_data(ctx, tc);
    pkt->end = ctx_end(ctx, tc);
    pkt->tags = word >> WORD_TAGS_SHIFT;
    pkt->l3_off = ETH_HLEN + pkt->tags * sizeof(struct vlan_tag);
    pkt->l4_off = word >> WORD_L4_SHIFT & TRANSPORT_OFF_MAX;
    pkt->l3 = pkt->data + pkt->l3_off;
    pkt->l4 = pkt->data + pkt->l4_off;
    if (pkt->data + ETH_HLEN > pkt->end)
        return false;
    if (word & WORD_IPV6) {
        struct ipv6hdr *ip = pkt->l3;

        if ((void *)(ip + 1) > pkt->end)
            return false;
        pkt->family = opaque(6);
        pkt->proto = IPPROTO_ICMPV6;
        pkt->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
    } else {
        struct iphdr *ip = pkt->l3;

        if ((void *)(ip + 1) > pkt->end)
            return false;
        pkt->family = opaque(4);
        pkt->proto = IPPROTO_ICMP;
        pkt->ip_bytes = bpf_ntohs(ip->tot_len);
    }
    return true;
}

/* Reads also the header of TCP or UDP, if that is what the word says there is. */
static __always_inline bool packet_again_ports(void *ctx, __u32 word, struct packet *pkt, bool tc)
{
    struct tcp_udp_ports *ports;

    if (!packet_again(ctx, word, pkt, tc))
        return false;
    if (word & WORD_TCP) {
        struct tcphdr *tcp = pkt->l4;

        if ((void *)(tcp + 1) > pkt->end)
            return false;
        pkt->proto = opaque(IPPROTO_TCP);
        pkt->l4_bytes = tcp->doff * 4;
        pkt->l4_check = &tcp->check;
    } else if (word & WORD_UDP) {
        struct udphdr *udp = pkt->l4;

        if ((void *)(udp + 1) > pkt->end)
            return false;
        pkt->proto = opaque(IPPROTO_UDP);
        pkt->l4_bytes = sizeof(*udp);
        pkt->l4_check = &udp->check;
    } else {
        if (word & WORD_LATER)
            pkt->proto = word & WORD_LATER_TCP ? IPPROTO_TCP : IPPROTO_UDP;
        return true;
    }
    ports = pkt->l4;
    pkt->source_be = ports->source_be;
    pkt->dest_be = ports->dest_be;
    return true;
}

#endif
