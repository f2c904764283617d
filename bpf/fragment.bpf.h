/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes a fragment apart: which it is, and by what the others of its packet are known. */
#ifndef FLOWSPLIT_FRAGMENT_BPF_H
#define FLOWSPLIT_FRAGMENT_BPF_H

#include <flowsplit/abi.h>

#include "again.bpf.h"
#include "packet.bpf.h"

/* Where things are in a later fragment: a packet's word, in the lower half of which is the offset
 * of IPv6's fragment header. */
enum fragment_word {
    FRAGMENT_OTHER = 0,     /* neither of TCP nor of UDP */
    FRAGMENT_MALFORMED = 1, /* headers cut short; as attackers make them, RFC 1858 */
};

/* Might a fragment with this offset, in bytes, change the header that came in the first? */
static __always_inline bool fragment_overlaps(__u8 proto, __u32 offset)
{
    return proto == IPPROTO_TCP && offset < sizeof(struct tcphdr);
}

static __always_inline __u32 fragment_word4(struct packet *pkt)
{
    const struct iphdr *ip = pkt->l3;
    __u32 offset = (bpf_ntohs(ip->frag_off) & IP_FRAGMENT_LATER) * 8;

    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
        return FRAGMENT_OTHER;
    pkt->l4_off = pkt->l3_off + ip->ihl * 4;
    return fragment_overlaps(ip->protocol, offset) ? FRAGMENT_MALFORMED : packet_word(pkt, 0);
}

/* The offset of the fragment header, or 0. parse() has walked there before. */
static __always_inline __u32 fragment_header6(const struct packet *pkt)
{
    __u32 off = pkt->l3_off + sizeof(struct ipv6hdr);
    __u32 next = ((struct ipv6hdr *)pkt->l3)->nexthdr;

    for (int i = 0; i < IPV6_EXTENSIONS; i++) {
        struct ipv6_opt_hdr *opt;

        if (off > TRANSPORT_OFF_MAX)
            return 0;
        opt = pkt->data + off;
        if ((void *)opt + 8 > pkt->end)
            return 0;
        if (next == IPPROTO_FRAGMENT)
            return off;
        next = opt->nexthdr;
        off += (opt->hdrlen + 1) * 8;
    }
    return 0;
}

static __always_inline __u32 fragment_word6(struct packet *pkt)
{
    __u32 at = fragment_header6(pkt);
    __be16 *header;

    if (!at)
        return FRAGMENT_MALFORMED;
    bound_offset(at);
    header = pkt->data + at;
    if ((void *)(header + 4) > pkt->end)
        return FRAGMENT_MALFORMED;
    if (!(header[1] & bpf_htons(IP6_FRAGMENT_LATER)))
        return FRAGMENT_OTHER;
    pkt->l4_off = at;
    return packet_word(pkt, 0) | at;
}

/* The word of a packet of which the IP header and the tags are known. */
static __always_inline __u32 fragment_word(void *ctx, __u32 word, bool tc)
{
    struct packet pkt;

    if (!packet_again(ctx, word, &pkt, tc))
        return FRAGMENT_MALFORMED;
    return pkt.family == 4 ? fragment_word4(&pkt) : fragment_word6(&pkt);
}

__noinline __u32 fragment_word_xdp(struct xdp_md *ctx, __u32 word)
{
    return fragment_word(ctx, word, false);
}

__noinline __u32 fragment_word_tc(struct __sk_buff *skb, __u32 word)
{
    return fragment_word(skb, word, true);
}

/* `at`, in its lower half: where IPv6's fragment header is. Returns false if the packet isn't as
 * the word says. */
static __always_inline bool fragment_key(const struct packet *pkt, __u32 word, __u32 at,
                                         struct fs_fragment_key *key)
{
    __builtin_memset(key, 0, sizeof(*key));
    if (!(word & WORD_IPV6)) {
        const struct iphdr *ip = pkt->l3;

        key->source[0] = ip->saddr;
        key->dest[0] = ip->daddr;
        key->id_be = ip->id;
        key->family = 4;
        key->proto = ip->protocol;
    } else {
        const struct ipv6hdr *ip = pkt->l3;
        const __be32 *header;

        bound_offset(at);
        header = pkt->data + at;
        if ((void *)(header + 2) > pkt->end)
            return false;
        __builtin_memcpy(key->source, &ip->saddr, sizeof(key->source));
        __builtin_memcpy(key->dest, &ip->daddr, sizeof(key->dest));
        key->id_be = header[1];
        key->family = 6;
    }
    return true;
}

static __always_inline __u32 fragment_offset(const struct packet *pkt, __u32 word)
{
    __u32 at = word & TRANSPORT_OFF_MAX;
    const __be16 *header;

    if (!(word & WORD_IPV6))
        return (bpf_ntohs(((struct iphdr *)pkt->l3)->frag_off) & IP_FRAGMENT_LATER) * 8;
    bound_offset(at);
    header = pkt->data + at;
    return (void *)(header + 2) > pkt->end ? 0 : bpf_ntohs(header[1]) & IP6_FRAGMENT_LATER;
}

/* The word of a packet that parse() found to be a later fragment, or the first of an ICMP message.
 */
static __always_inline __u32 fragment_parse(void *ctx, const struct packet *pkt, bool tc)
{
    __u32 word = packet_word(pkt, 0);

    return tc ? fragment_word_tc(ctx, word) : fragment_word_xdp(ctx, word);
}

#endif
