/* SPDX-License-Identifier: GPL-2.0-only */
/* A remote backend that calls the VIP and is given itself: with its own address as source it would
 * take the packet for forged. It gets the VIP's address instead, and the port stays. What a backend
 * then sends to the VIP's address is for itself, so the way back needs no state here either: only
 * who talks to a backend itself from that address, this host, is on record. */
#ifndef FLOWSPLIT_HAIRPIN_BPF_H
#define FLOWSPLIT_HAIRPIN_BPF_H

#include "act.bpf.h"
#include "again.bpf.h"
#include "direct.bpf.h"

/* Puts an address in the place of the other of backend and VIP, into source or destination; the
 * port stays. Returns 0 or a negative errno. */
static __always_inline int hairpin_rewrite(void *ctx, __u32 word, fs_ref dir, __u32 number,
                                           bool forth, bool tc)
{
    const struct fs_backend *backend = backend_at(dir, number);
    struct fs_endpoint to = forth ? service_at(dir, backend->service)->vip : backend->at;
    __u16 delta = forth ? ~backend->addr_delta : backend->addr_delta;
    struct rewrite rw = {.to = &to, .addr_delta = delta, .l4_delta = delta, .source = forth};
    struct packet pkt;

    if (!packet_again_ports(ctx, word, &pkt, tc) || !pkt.l4_check)
        return -1;
    to.port_be = forth ? pkt.source_be : pkt.dest_be;
    return act_rewrite(ctx, &pkt, &rw, tc);
}

__noinline int hairpin_forth_xdp(struct xdp_md *ctx, __u32 word, fs_ref dir, __u32 number)
{
    return hairpin_rewrite(ctx, word, dir, number, true, false);
}

__noinline int hairpin_forth_tc(struct __sk_buff *skb, __u32 word, fs_ref dir, __u32 number)
{
    return hairpin_rewrite(skb, word, dir, number, true, true);
}

__noinline int hairpin_back_xdp(struct xdp_md *ctx, __u32 word, fs_ref dir, __u32 number)
{
    return hairpin_rewrite(ctx, word, dir, number, false, false);
}

__noinline int hairpin_back_tc(struct __sk_buff *skb, __u32 word, fs_ref dir, __u32 number)
{
    return hairpin_rewrite(skb, word, dir, number, false, true);
}

/* In which bits a packet's source and its backend's address differ, of all words together: not at
 * all if it goes to the very host that sent it. It is no truth value, of which the verifier would
 * follow both. */
static __always_inline __u32 hairpin_differs(const struct packet *pkt,
                                             const struct fs_backend *backend)
{
    const __be32 *source = packet_source(pkt), *dest = backend->at.addr;
    __u32 differs = source[0] ^ dest[0];

    return pkt->family == 4
               ? differs
               : differs | (source[1] ^ dest[1]) | (source[2] ^ dest[2]) | (source[3] ^ dest[3]);
}

/* A packet with its backend as destination, which is its source, too. */
static __always_inline int hairpin_forth(void *ctx, __u32 word, fs_ref dir, __u32 number, bool tc)
{
    count_reason(FS_REASON_HAIRPIN);
    return tc ? hairpin_forth_tc(ctx, word, dir, number)
              : hairpin_forth_xdp(ctx, word, dir, number);
}

/* Does anyone talk to the backend from the VIP's address and this port? */
static __always_inline bool hairpin_is_direct(const struct packet *pkt, fs_ref dir,
                                              const struct fs_backend *backend)
{
    __u32 *since = direct_since(backend->id);
    struct said_by by;

    if (!since || !*since)
        return false;
    by = said_by(packet_dest(pkt), pkt->dest_be, pkt->family, pkt->proto);
    return direct_asks(where_in(dir, backend->id & FS_SLOT_BACKEND), by.addr_low, by.addr_high,
                       by.said);
}

/* Is a remote backend's packet for itself? */
static __always_inline bool is_hairpin_reply(const struct packet *pkt, fs_ref dir,
                                             const struct fs_service *service,
                                             const struct fs_backend *backend)
{
    return unlikely(addr_is(packet_dest(pkt), service->vip.addr, pkt->family)) &&
           !hairpin_is_direct(pkt, dir, backend);
}

/* Makes it one for the backend's own address. Returns false if that fails. */
static __always_inline bool hairpin_back(void *ctx, const struct packet *pkt, fs_ref dir,
                                         const struct fs_backend *backend, bool tc)
{
    __u32 word = packet_word(pkt, pkt->proto), number = backend->id & FS_SLOT_BACKEND;

    return !(tc ? hairpin_back_tc(ctx, word, dir, number)
                : hairpin_back_xdp(ctx, word, dir, number));
}

#endif
