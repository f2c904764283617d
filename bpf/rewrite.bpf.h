/* SPDX-License-Identifier: GPL-2.0-only */
/* Replaces one endpoint of a packet and mends the checksums: with plain stores in XDP, with the
 * kernel's helpers at TC, where a checksum may be one that hardware is still to complete. */
#ifndef FLOWSPLIT_REWRITE_BPF_H
#define FLOWSPLIT_REWRITE_BPF_H

#include "packet.bpf.h"

#include <flowsplit/abi.h>

/* What to write: into the source if `source`, else into the destination. The deltas are ones'
 * complement sums of the new less the old. */
struct rewrite {
    const struct fs_endpoint *to;
    __u16 addr_delta;
    __u16 port_delta;
    __u16 l4_delta; /* of both */
    bool source;
};

/* A checksum after its data has changed by `delta` (RFC 1624, equation 3). */
static __always_inline __u16 csum_mend(__u16 check, __u16 delta)
{
    __u32 sum = (__u16)~check + (__u32)delta;

    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static __always_inline void rewrite_port(struct packet *pkt, const struct rewrite *rw)
{
    struct tcp_udp_ports *ports = pkt->l4;

    if (rw->source)
        ports->source_be = rw->to->port_be;
    else
        ports->dest_be = rw->to->port_be;
}

static __always_inline void rewrite_l4(struct packet *pkt, const struct rewrite *rw)
{
    __u16 check = *pkt->l4_check;

    if (pkt->proto == IPPROTO_TCP) {
        check = csum_mend(check, rw->l4_delta);
    } else if (check) { /* zero is "none" (RFC 768), for tunnels also in IPv6 (RFC 6935) */
        check = csum_mend(check, rw->l4_delta);
        check = check ? check : 0xffff;
    }
    *pkt->l4_check = check;
    rewrite_port(pkt, rw);
}

static __always_inline void rewrite_addr(struct packet *pkt, const struct rewrite *rw)
{
    __be32 *addr = rw->source ? packet_source(pkt) : packet_dest(pkt);

    addr[0] = rw->to->addr[0];
    if (pkt->family == 4) {
        struct iphdr *ip = pkt->l3;

        ip->check = csum_mend(ip->check, rw->addr_delta);
        return;
    }
    addr[1] = rw->to->addr[1];
    addr[2] = rw->to->addr[2];
    addr[3] = rw->to->addr[3];
}

/* In XDP. Always succeeds. */
static __always_inline int rewrite_xdp(struct packet *pkt, const struct rewrite *rw)
{
    rewrite_l4(pkt, rw);
    rewrite_addr(pkt, rw);
    return 0;
}

static __always_inline long rewrite_tc_l4_checksum(struct __sk_buff *skb, const struct packet *pkt,
                                                   const struct rewrite *rw)
{
    bool tcp = pkt->proto == IPPROTO_TCP;
    __u32 at =
        pkt->l4_off + (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
    __u64 zero_is_none = tcp ? 0 : BPF_F_MARK_MANGLED_0;
    long err;

    if (!tcp && !*pkt->l4_check) {
        /* Nothing in the packet makes up for the new port: CHECKSUM_COMPLETE has to follow. */
        bpf_csum_update(skb, rw->port_delta);
        return 0;
    }
    err = bpf_l4_csum_replace(skb, at, 0, rw->port_delta, zero_is_none);
    return err ? err
               : bpf_l4_csum_replace(skb, at, 0, rw->addr_delta, zero_is_none | BPF_F_PSEUDO_HDR);
}

static __always_inline long rewrite_tc_checksums(struct __sk_buff *skb, const struct packet *pkt,
                                                 const struct rewrite *rw)
{
    long err = rewrite_tc_l4_checksum(skb, pkt, rw);

    if (err)
        return err;
    if (pkt->family == 4)
        return bpf_l3_csum_replace(skb, pkt->l3_off + offsetof(struct iphdr, check), 0,
                                   rw->addr_delta, 0);
    /* With CHECKSUM_COMPLETE the helper takes the address change for one that an IP header checksum
     * makes up for. IPv6 has none: put it back. Does nothing for other packets. */
    bpf_csum_update(skb, rw->addr_delta);
    return 0;
}

static __always_inline long rewrite_tc_addr(struct __sk_buff *skb, const struct packet *pkt,
                                            const struct rewrite *rw)
{
    if (pkt->family == 4)
        return bpf_skb_store_bytes(skb,
                                   pkt->l3_off + (rw->source ? offsetof(struct iphdr, saddr)
                                                             : offsetof(struct iphdr, daddr)),
                                   rw->to->addr, sizeof(__be32), 0);
    return bpf_skb_store_bytes(skb,
                               pkt->l3_off + (rw->source ? offsetof(struct ipv6hdr, saddr)
                                                         : offsetof(struct ipv6hdr, daddr)),
                               rw->to->addr, 4 * sizeof(__be32), 0);
}

/* At TC. Returns 0 or a negative errno; the pointers in *pkt are no longer good. */
static __always_inline int rewrite_tc(struct __sk_buff *skb, const struct packet *pkt,
                                      const struct rewrite *rw)
{
    __u32 port_at = pkt->l4_off + (rw->source ? offsetof(struct tcp_udp_ports, source_be)
                                              : offsetof(struct tcp_udp_ports, dest_be));
    long err = rewrite_tc_checksums(skb, pkt, rw);

    if (err)
        return err;
    err = bpf_skb_store_bytes(skb, port_at, &rw->to->port_be, sizeof(rw->to->port_be), 0);
    return err ? err : rewrite_tc_addr(skb, pkt, rw);
}

/* Only the address: a later fragment has no ports, and the checksum that covers it is in the first.
 * Returns 0 or a negative errno. */
static __always_inline int rewrite_later(void *ctx, struct packet *pkt, const struct rewrite *rw,
                                         bool tc)
{
    long err = 0;

    if (!tc) {
        rewrite_addr(pkt, rw);
        return 0;
    }
    if (pkt->family == 4)
        err = bpf_l3_csum_replace(ctx, pkt->l3_off + offsetof(struct iphdr, check), 0,
                                  rw->addr_delta, 0);
    else /* nothing in this packet makes up for the address: CHECKSUM_COMPLETE has to follow */
        bpf_csum_update(ctx, rw->addr_delta);
    return err ? err : rewrite_tc_addr(ctx, pkt, rw);
}

#endif
