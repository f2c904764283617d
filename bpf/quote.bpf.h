/* SPDX-License-Identifier: GPL-2.0-only */
/* What an ICMP error quotes: takes it apart, and puts another end into it, with every checksum that
 * knows of it. */
#ifndef FLOWSPLIT_QUOTE_BPF_H
#define FLOWSPLIT_QUOTE_BPF_H

#include "again.bpf.h"
#include "rewrite.bpf.h"

/* The quoted packet. */
struct quote {
    void *l3, *l4;
    __u32 l3_off, l4_off;
    __be16 source_be, dest_be;
    __u8 proto;
};

static __always_inline __be32 *quote_source(const struct packet *pkt, const struct quote *quote)
{
    return pkt->family == 4 ? &((struct iphdr *)quote->l3)->saddr
                            : ((struct ipv6hdr *)quote->l3)->saddr.s6_addr32;
}

static __always_inline __be32 *quote_dest(const struct packet *pkt, const struct quote *quote)
{
    return pkt->family == 4 ? &((struct iphdr *)quote->l3)->daddr
                            : ((struct ipv6hdr *)quote->l3)->daddr.s6_addr32;
}

/* Does the IP packet, not only the frame, reach to `off`? What is behind it is padding. */
static __always_inline bool ip_reaches(const struct packet *pkt, __u32 off)
{
    return off <= pkt->l3_off + pkt->ip_bytes;
}

/* Finds the quoted packet's ports. Returns false if there is nothing of ours to find. */
static __always_inline bool quote_parse(void *ctx, struct packet *pkt, struct quote *quote, bool tc)
{
    struct tcp_udp_ports *ports;
    __u32 off;

    quote->l3 = pkt->l4 + sizeof(struct icmp_header);
    quote->l3_off = pkt->l4_off + sizeof(struct icmp_header);
    if (pkt->family == 4) {
        struct iphdr *ip = quote->l3;

        if ((void *)(ip + 1) > pkt->end || ip->version != 4 || ip->ihl < 5 ||
            bpf_ntohs(ip->tot_len) < ip->ihl * 4 || ip->frag_off & bpf_htons(IP_FRAGMENT_LATER))
            return false;
        quote->proto = ip->protocol;
        off = quote->l3_off + ip->ihl * 4;
    } else {
        struct ipv6hdr *ip = quote->l3;
        int found;

        if ((void *)(ip + 1) > pkt->end || ip->version != 6)
            return false;
        found = ipv6_skip_extensions(ctx, quote->l3_off + sizeof(*ip), ip->nexthdr, tc);
        if (found < 0)
            return false;
        quote->proto = found & 0xff;
        off = (__u32)found >> 16;
    }
    if (off > TRANSPORT_OFF_MAX || (quote->proto != IPPROTO_TCP && quote->proto != IPPROTO_UDP))
        return false;
    bound_offset(off);
    quote->l4_off = off;
    quote->l4 = ports = pkt->data + off;
    if (quote->l4 + 8 > pkt->end || !ip_reaches(pkt, off + 8))
        return false;
    quote->source_be = ports->source_be;
    quote->dest_be = ports->dest_be;
    return true;
}

/* Where things are in an error, in one word for the next step: a packet's, but that the transport
 * is the quoted one's, the offset of which is in the lower half. Zero: it quotes nothing of ours.
 */
static __always_inline __u32 icmp_parse(void *ctx, bool tc)
{
    struct packet pkt;
    struct quote quote;

    if (parse(ctx, &pkt, ctx_data(ctx, tc), ctx_end(ctx, tc), tc) != PARSE_ICMP_ERROR ||
        !quote_parse(ctx, &pkt, &quote, tc))
        return 0;
    return packet_word(&pkt, quote.proto) | quote.l4_off;
}

__noinline __u32 icmp_parse_xdp(struct xdp_md *ctx)
{
    return icmp_parse(ctx, false);
}

__noinline __u32 icmp_parse_tc(struct __sk_buff *skb)
{
    return icmp_parse(skb, true);
}

/* Reads an error anew, as far as what follows needs it. */
static __always_inline bool icmp_again(void *ctx, __u32 quoted, struct packet *pkt,
                                       struct quote *quote, bool tc)
{
    struct tcp_udp_ports *ports;

    if (!packet_again(ctx, quoted, pkt, tc))
        return false;
    quote->l3 = pkt->l4 + sizeof(struct icmp_header);
    quote->l3_off = pkt->l4_off + sizeof(struct icmp_header);
    quote->l4_off = quoted & TRANSPORT_OFF_MAX;
    quote->l4 = ports = pkt->data + quote->l4_off;
    quote->proto = quoted & WORD_UDP ? IPPROTO_UDP : IPPROTO_TCP;
    if (quote->l4 + 8 > pkt->end)
        return false;
    if (pkt->family == 4 ? quote->l3 + sizeof(struct iphdr) > pkt->end
                         : quote->l3 + sizeof(struct ipv6hdr) > pkt->end)
        return false;
    quote->source_be = ports->source_be;
    quote->dest_be = ports->dest_be;
    return true;
}

static __always_inline long store(void *ctx, __u32 off, const void *from, __u32 bytes, bool tc)
{
    return tc ? bpf_skb_store_bytes(ctx, off, from, bytes, BPF_F_RECOMPUTE_CSUM)
              : bpf_xdp_store_bytes(ctx, off, (void *)from, bytes);
}

/* Everything that translating an error changes: values are worked out while the packet can be read,
 * then stored. */
struct icmp_change {
    __u16 outer_addr_off, outer_check_off; /* 0: not changed */
    __u16 quote_addr_off, quote_port_off;
    __u16 quote_check_off, quote_l4_check_off; /* 0: none there */
    __u16 icmp_check_off;
    __u16 outer_check, quote_check, quote_l4_check, icmp_check;
};

static __always_inline void icmp_plan_l4(struct packet *pkt, struct quote *quote,
                                         const struct rewrite *rw, struct icmp_change *change)
{
    __u32 at = quote->proto == IPPROTO_TCP ? offsetof(struct tcphdr, check)
                                           : offsetof(struct udphdr, check);
    __u16 *check = quote->l4 + at;

    if ((void *)(check + 1) > pkt->end || !ip_reaches(pkt, quote->l4_off + at + sizeof(*check)) ||
        (quote->proto == IPPROTO_UDP && !*check))
        return;
    change->quote_l4_check_off = quote->l4_off + at;
    change->quote_l4_check = csum_mend(*check, rw->l4_delta);
    change->icmp_check = csum_mend(change->icmp_check, ~rw->l4_delta);
}

/* Works out how to replace the quote's source (rw->source) or destination, and with `outer` the
 * opposite end of the packet itself. */
static __always_inline void icmp_plan(struct packet *pkt, struct quote *quote,
                                      const struct rewrite *rw, bool outer,
                                      struct icmp_change *change)
{
    struct icmp_header *icmp = pkt->l4;

    __builtin_memset(change, 0, sizeof(*change));
    change->icmp_check_off = pkt->l4_off + offsetof(struct icmp_header, checksum);
    change->icmp_check = csum_mend(csum_mend(icmp->checksum, rw->addr_delta), rw->port_delta);
    change->quote_port_off = quote->l4_off + (rw->source ? 0 : sizeof(__be16));
    if (pkt->family == 4) {
        change->quote_addr_off = quote->l3_off + (rw->source ? offsetof(struct iphdr, saddr)
                                                             : offsetof(struct iphdr, daddr));
        change->quote_check_off = quote->l3_off + offsetof(struct iphdr, check);
        change->quote_check = csum_mend(((struct iphdr *)quote->l3)->check, rw->addr_delta);
        change->icmp_check = csum_mend(change->icmp_check, ~rw->addr_delta);
    } else {
        change->quote_addr_off = quote->l3_off + (rw->source ? offsetof(struct ipv6hdr, saddr)
                                                             : offsetof(struct ipv6hdr, daddr));
    }
    icmp_plan_l4(pkt, quote, rw, change);
    if (!outer)
        return;
    if (pkt->family == 4) {
        change->outer_addr_off = pkt->l3_off + (rw->source ? offsetof(struct iphdr, daddr)
                                                           : offsetof(struct iphdr, saddr));
        change->outer_check_off = pkt->l3_off + offsetof(struct iphdr, check);
        change->outer_check = csum_mend(((struct iphdr *)pkt->l3)->check, rw->addr_delta);
    } else { /* the address is part of ICMPv6's checksum */
        change->outer_addr_off = pkt->l3_off + (rw->source ? offsetof(struct ipv6hdr, daddr)
                                                           : offsetof(struct ipv6hdr, saddr));
        change->icmp_check = csum_mend(change->icmp_check, rw->addr_delta);
    }
}

static __always_inline long store_check(void *ctx, __u32 off, const __u16 *check, bool tc)
{
    return off ? store(ctx, off, check, sizeof(*check), tc) : 0;
}

static __always_inline long store_addr(void *ctx, __u32 off, const struct fs_endpoint *to, bool tc)
{
    if (!off)
        return 0;
    return to->family == 4 ? store(ctx, off, to->addr, sizeof(__be32), tc)
                           : store(ctx, off, to->addr, 4 * sizeof(__be32), tc);
}

static __always_inline long icmp_store(void *ctx, const struct icmp_change *change,
                                       const struct fs_endpoint *to, bool tc)
{
    long err = store_addr(ctx, change->quote_addr_off, to, tc);

    err = err ? err : store_addr(ctx, change->outer_addr_off, to, tc);
    err = err ? err : store(ctx, change->quote_port_off, &to->port_be, sizeof(to->port_be), tc);
    err = err ? err : store_check(ctx, change->quote_check_off, &change->quote_check, tc);
    err = err ? err : store_check(ctx, change->quote_l4_check_off, &change->quote_l4_check, tc);
    err = err ? err : store_check(ctx, change->outer_check_off, &change->outer_check, tc);
    return err ? err : store_check(ctx, change->icmp_check_off, &change->icmp_check, tc);
}

#endif
