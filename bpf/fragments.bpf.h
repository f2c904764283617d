/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments of TCP segments and UDP datagrams. Only the first has ports: it is steered like any
 * packet, and leaves its ports where the later ones look for them. These get their address
 * rewritten, and go the same way; their checksum is in the first. One that comes before the first
 * is left to the stack.
 *
 * They are rare. So each step is a function that is verified by itself and reads the packet anew,
 * as for ICMP errors: on the way of all other packets there is only a bit to look at. */
#ifndef FLOWSPLIT_FRAGMENTS_BPF_H
#define FLOWSPLIT_FRAGMENTS_BPF_H

#include "direct.bpf.h"
#include "flows.bpf.h"
#include "fragment.bpf.h"
#include "nat.bpf.h"

/* Is a packet of a backend on this host, that came in by `from`, really one? */
static __always_inline bool is_forged(const struct fs_backend *backend, __u32 from)
{
    return backend->flags & FS_BACKEND_LOCAL && from != LOOPBACK_IFINDEX;
}

/* A first fragment to a service or of a backend leaves its ports. `from` is the interface that it
 * came in by, or for one that leaves the loopback's. */
static __always_inline int fragment_note(void *ctx, fs_ref dir, __u32 word, __u32 from, bool tc)
{
    bool tcp = word & WORD_TCP;
    struct fs_fragment first = {.proto = tcp ? IPPROTO_TCP : IPPROTO_UDP};
    struct fs_fragment_key key;
    struct packet pkt;
    __u32 found, at;

    if (!packet_again_ports(ctx, word, &pkt, tc) || !pkt.l4_check)
        return 0;
    at = word & WORD_IPV6 ? fragment_header6(&pkt) : 0;
    if (!fragment_key(&pkt, word, at, &key))
        return 0;
    first.source_be = pkt.source_be;
    first.dest_be = pkt.dest_be;
    if (tcp)
        first.tcp_flags = ((__u8 *)pkt.l4)[13];
    if (!find_service(dir, packet_dest(&pkt), pkt.dest_be, first.proto, pkt.family)) {
        found = find_backend(dir, packet_source(&pkt), pkt.source_be, first.proto, pkt.family);
        if (!found || is_forged(backend_at(dir, found - 1), from))
            return 0;
    }
    first.seen = tick_now();
    bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
    return 0;
}

__noinline int fragment_note_xdp(struct xdp_md *ctx, fs_ref dir, __u32 word, __u32 from)
{
    return fragment_note(ctx, dir, word, from, false);
}

__noinline int fragment_note_tc(struct __sk_buff *skb, fs_ref dir, __u32 word, __u32 from)
{
    return fragment_note(skb, dir, word, from, true);
}

/* What is found of a later fragment: the number of the service that it is for, or of the backend
 * that it is from; and of its client the port. */
enum fragment_found {
    FOUND_FORTH = 1 << 16,
    FOUND_BACK = 1 << 17,
    FOUND_MALFORMED = 1 << 18,
    FOUND_SYN = 1 << 19, /* the first began a flow */
    FOUND_TCP = 1 << 20,
};
#define FOUND_NUMBER     0xffffu
#define FOUND_PORT_SHIFT 32

static __always_inline __u64 fragment_find(void *ctx, fs_ref dir, __u32 word, bool leaves, bool tc)
{
    const struct fs_fragment *first;
    struct fs_fragment_key key;
    struct packet pkt;
    __u64 found = 0;

    if (!packet_again(ctx, word, &pkt, tc) || !fragment_key(&pkt, word, word, &key))
        return FOUND_MALFORMED;
    first = bpf_map_lookup_elem(&fragments, &key);
    if (!first || !fs_before(tick_now(), first->seen, FS_FRAGMENT_TICKS))
        return 0;
    if (fragment_overlaps(first->proto, fragment_offset(&pkt, word)))
        return FOUND_MALFORMED;
    if (first->proto == IPPROTO_TCP)
        found = FOUND_TCP | (tcp_is_first_syn(first->tcp_flags) ? FOUND_SYN : 0);
    if (!leaves) {
        __u32 service =
            find_service(dir, packet_dest(&pkt), first->dest_be, first->proto, pkt.family);

        if (service)
            return found | FOUND_FORTH | (service - 1) |
                   (__u64)first->source_be << FOUND_PORT_SHIFT;
    }
    {
        __u32 backend =
            find_backend(dir, packet_source(&pkt), first->source_be, first->proto, pkt.family);

        if (backend)
            return found | FOUND_BACK | (backend - 1) | (__u64)first->dest_be << FOUND_PORT_SHIFT;
    }
    return 0;
}

__noinline __u64 fragment_find_xdp(struct xdp_md *ctx, fs_ref dir, __u32 word)
{
    return fragment_find(ctx, dir, word, false, false);
}

__noinline __u64 fragment_find_tc(struct __sk_buff *skb, fs_ref dir, __u32 word)
{
    return fragment_find(skb, dir, word, false, true);
}

__noinline __u64 fragment_find_leaving(struct __sk_buff *skb, fs_ref dir, __u32 word)
{
    return fragment_find(skb, dir, word, true, true);
}

/* The number of the backend that the first one went to, or FS_NO_BACKEND: asks as for the first,
 * which has left what there is to find. */
static __always_inline __u32 fragment_backend(void *ctx, fs_ref dir, __u32 word, __u64 found,
                                              bool tc)
{
    struct packet pkt;

    if (!packet_again(ctx, word, &pkt, tc))
        return FS_NO_BACKEND;
    return flow_backend(dir, found & FOUND_NUMBER, packet_source(&pkt), found >> FOUND_PORT_SHIFT,
                        pkt.family, found & FOUND_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                        found & FOUND_SYN);
}

__noinline __u32 fragment_backend_xdp(struct xdp_md *ctx, fs_ref dir, __u32 word, __u64 found)
{
    return fragment_backend(ctx, dir, word, found, false);
}

__noinline __u32 fragment_backend_tc(struct __sk_buff *skb, fs_ref dir, __u32 word, __u64 found)
{
    return fragment_backend(skb, dir, word, found, true);
}

/* Is the one whom a backend's fragment is for a client of the backend itself? */
static __always_inline int fragment_is_direct(void *ctx, fs_ref dir, __u32 word, __u64 found,
                                              bool tc)
{
    struct packet pkt;
    struct said_by by;

    if (!packet_again(ctx, word, &pkt, tc))
        return true;
    by = said_by(packet_dest(&pkt), found >> FOUND_PORT_SHIFT, pkt.family,
                 found & FOUND_TCP ? IPPROTO_TCP : IPPROTO_UDP);
    return is_direct(where_in(dir, found & FOUND_NUMBER), by.addr_low, by.addr_high, by.said);
}

__noinline int fragment_is_direct_xdp(struct xdp_md *ctx, fs_ref dir, __u32 word, __u64 found)
{
    return fragment_is_direct(ctx, dir, word, found, false);
}

__noinline int fragment_is_direct_tc(struct __sk_buff *skb, fs_ref dir, __u32 word, __u64 found)
{
    return fragment_is_direct(skb, dir, word, found, true);
}

/* Makes a later fragment one for the backend with this number. Returns 0 or a negative errno. */
static __always_inline int fragment_write(void *ctx, fs_ref dir, __u32 word, __u32 number, bool tc)
{
    const struct fs_backend *backend = backend_at(dir, number);
    struct rewrite rw = nat_forth(service_at(dir, backend->service), backend);
    struct packet pkt;

    if (!packet_again(ctx, word, &pkt, tc))
        return -1;
    count_in(number, pkt.ip_bytes, false);
    return rewrite_later(ctx, &pkt, &rw, tc);
}

__noinline int fragment_write_xdp(struct xdp_md *ctx, fs_ref dir, __u32 word, __u32 number)
{
    return fragment_write(ctx, dir, word, number, false);
}

__noinline int fragment_write_tc(struct __sk_buff *skb, fs_ref dir, __u32 word, __u32 number)
{
    return fragment_write(skb, dir, word, number, true);
}

/* What follows is what the programs call. */

/* A first fragment. */
static __always_inline void fragment_first(void *ctx, const struct packet *pkt, fs_ref dir,
                                           __u32 from, bool tc)
{
    __u32 word = packet_word(pkt, pkt->proto);

    if (tc)
        fragment_note_tc(ctx, dir, word, from);
    else
        fragment_note_xdp(ctx, dir, word, from);
}

static __always_inline int fragment_leave(__u64 found, bool tc)
{
    return act_pass(found & FOUND_MALFORMED ? FS_REASON_MALFORMED : FS_REASON_FRAGMENT, tc);
}

static __always_inline __u32 later_word(__u32 word, __u64 found)
{
    return word | (found & FOUND_TCP ? WORD_LATER_TCP : WORD_LATER_UDP);
}

/* A later one to a service. */
static __always_inline int fragment_forth(void *ctx, fs_ref dir, __u32 word, __u64 found, bool tc)
{
    __u32 number = tc ? fragment_backend_tc(ctx, dir, word, found)
                      : fragment_backend_xdp(ctx, dir, word, found);

    if (number == FS_NO_BACKEND)
        return act_pass(FS_REASON_NO_BACKEND, tc);
    if (tc ? fragment_write_tc(ctx, dir, word, number) : fragment_write_xdp(ctx, dir, word, number))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    count_reason(FS_REASON_FRAGMENT_FOLLOWED);
    if (backend_at(dir, number)->flags & FS_BACKEND_LOCAL)
        return act_pass(FS_REASON_TO_LOCAL, tc);
    return send(ctx, later_word(word, found), tc);
}

/* A later one that has come in. */
static __always_inline int fragment_ingress(void *ctx, fs_ref dir, __u32 word, bool tc)
{
    __u64 found;
    bool direct;

    if (word == FRAGMENT_OTHER || word == FRAGMENT_MALFORMED)
        return fragment_leave(word == FRAGMENT_MALFORMED ? FOUND_MALFORMED : 0, tc);
    found = tc ? fragment_find_tc(ctx, dir, word) : fragment_find_xdp(ctx, dir, word);
    if (found & FOUND_FORTH)
        return fragment_forth(ctx, dir, word, found, tc);
    if (!(found & FOUND_BACK))
        return fragment_leave(found, tc);
    if (is_forged(backend_at(dir, found & FOUND_NUMBER), ctx_ifindex(ctx, tc)))
        return act_pass(FS_REASON_FORGED_SOURCE, tc);
    direct = tc ? fragment_is_direct_tc(ctx, dir, word, found)
                : fragment_is_direct_xdp(ctx, dir, word, found);
    if (direct)
        return act_pass(FS_REASON_DIRECT_OUT, tc);
    count_reason(FS_REASON_FRAGMENT_FOLLOWED);
    return nat_reply_ingress(ctx, later_word(word, found), dir, found & FOUND_NUMBER, tc);
}

/* A later one that is about to leave. */
static __always_inline int fragment_egress(struct __sk_buff *skb, fs_ref dir, __u32 word)
{
    __u64 found;

    if (word == FRAGMENT_OTHER || word == FRAGMENT_MALFORMED)
        return fragment_leave(word == FRAGMENT_MALFORMED ? FOUND_MALFORMED : 0, true);
    found = fragment_find_leaving(skb, dir, word);
    if (!(found & FOUND_BACK))
        return fragment_leave(found, true);
    if (fragment_is_direct_tc(skb, dir, word, found))
        return act_pass(FS_REASON_DIRECT_OUT, true);
    count_reason(FS_REASON_FRAGMENT_FOLLOWED);
    if (reply_restore_tc(skb, later_word(word, found), dir, found & FOUND_NUMBER))
        return act_drop(FS_REASON_WRITE_FAILED, true);
    return act_pass(FS_REASON_REPLY_EGRESS, true);
}

#endif
