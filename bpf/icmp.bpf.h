/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors quote the packet they are about (RFC 792, RFC 4443). Those about a service's packets
 * are translated like the packets themselves, outside and inside, so that path MTU discovery and
 * refusals reach the right end.
 *
 * They are rare. So each step is a function that is verified by itself and reads the packet anew:
 * on the way of all other packets, they cost neither time nor stack. */
#ifndef FLOWSPLIT_ICMP_BPF_H
#define FLOWSPLIT_ICMP_BPF_H

#include "adopt.bpf.h"
#include "direct.bpf.h"
#include "flows.bpf.h"
#include "nat.bpf.h"
#include "quote.bpf.h"

/* An error that comes in is ours if it quotes a packet that a service sent. Returns that one's
 * number plus one, or 0. */
static __always_inline __u32 icmp_service(void *ctx, fs_ref dir, __u32 quoted, bool tc)
{
    struct packet pkt;
    struct quote quote;
    __u32 found;

    if (!icmp_again(ctx, quoted, &pkt, &quote, tc))
        return 0;
    found = find_service(dir, quote_source(&pkt, &quote), quote.source_be, quote.proto, pkt.family);
    if (!found || !addr_is(packet_dest(&pkt), service_at(dir, found - 1)->vip.addr, pkt.family))
        return 0;
    return found;
}

__noinline __u32 icmp_service_xdp(struct xdp_md *ctx, fs_ref dir, __u32 quoted)
{
    return icmp_service(ctx, dir, quoted, false);
}

__noinline __u32 icmp_service_tc(struct __sk_buff *skb, fs_ref dir, __u32 quoted)
{
    return icmp_service(skb, dir, quoted, true);
}

/* Is the quoted packet of a connection that is older than flowsplit? */
static __always_inline bool icmp_is_adopted(void *ctx, fs_ref dir, __u32 quoted, __u32 service,
                                            bool tc)
{
    struct packet pkt;
    struct quote quote;
    struct said_by by;

    if (!icmp_again(ctx, quoted, &pkt, &quote, tc))
        return false;
    by = said_by(quote_dest(&pkt, &quote), quote.dest_be, pkt.family, quote.proto);
    return client_is_adopted(ctx, where_in(dir, service), &by, tc);
}

__noinline int icmp_is_adopted_xdp(struct xdp_md *ctx, fs_ref dir, __u32 quoted, __u32 service)
{
    return icmp_is_adopted(ctx, dir, quoted, service, false);
}

__noinline int icmp_is_adopted_tc(struct __sk_buff *skb, fs_ref dir, __u32 quoted, __u32 service)
{
    return icmp_is_adopted(skb, dir, quoted, service, true);
}

/* The number of the backend of the service's flow whose reply is quoted, or FS_NO_BACKEND. */
static __always_inline __u32 icmp_backend(void *ctx, fs_ref dir, __u32 quoted, __u32 service,
                                          bool tc)
{
    struct packet pkt;
    struct quote quote;

    if (!icmp_again(ctx, quoted, &pkt, &quote, tc))
        return FS_NO_BACKEND;
    return flow_backend(dir, service, quote_dest(&pkt, &quote), quote.dest_be, pkt.family,
                        quote.proto, false);
}

__noinline __u32 icmp_backend_xdp(struct xdp_md *ctx, fs_ref dir, __u32 quoted, __u32 service)
{
    return icmp_backend(ctx, dir, quoted, service, false);
}

__noinline __u32 icmp_backend_tc(struct __sk_buff *skb, fs_ref dir, __u32 quoted, __u32 service)
{
    return icmp_backend(skb, dir, quoted, service, true);
}

/* Makes an error one for the backend. Returns 0 or a negative errno. */
static __always_inline long icmp_forth(void *ctx, fs_ref dir, __u32 quoted, __u32 number, bool tc)
{
    struct fs_backend *backend = backend_at(dir, number);
    struct rewrite rw = nat_forth(service_at(dir, backend->service), backend);
    struct icmp_change change;
    struct packet pkt;
    struct quote quote;

    if (!icmp_again(ctx, quoted, &pkt, &quote, tc))
        return -1;
    rw.source = true; /* what the service sent is quoted, so the VIP is the quote's source */
    icmp_plan(&pkt, &quote, &rw, true, &change);
    return icmp_store(ctx, &change, &backend->at, tc);
}

__noinline int icmp_forth_xdp(struct xdp_md *ctx, fs_ref dir, __u32 quoted, __u32 number)
{
    return icmp_forth(ctx, dir, quoted, number, false);
}

__noinline int icmp_forth_tc(struct __sk_buff *skb, fs_ref dir, __u32 quoted, __u32 number)
{
    return icmp_forth(skb, dir, quoted, number, true);
}

/* An error that comes in. */
static __always_inline int icmp_ingress(void *ctx, fs_ref dir, bool tc)
{
    __u32 quoted = tc ? icmp_parse_tc(ctx) : icmp_parse_xdp(ctx);
    __u32 found, number;

    if (!quoted)
        return act_pass(FS_REASON_NO_PORTS, tc);
    found = tc ? icmp_service_tc(ctx, dir, quoted) : icmp_service_xdp(ctx, dir, quoted);
    if (!found)
        return act_pass(FS_REASON_NO_PORTS, tc);
    if (unlikely(service_at(dir, found - 1)->adopt & FS_ADOPT_UNDER_WAY) &&
        (tc ? icmp_is_adopted_tc(ctx, dir, quoted, found - 1)
            : icmp_is_adopted_xdp(ctx, dir, quoted, found - 1)))
        return act_pass(FS_REASON_ADOPTED, tc);
    number = tc ? icmp_backend_tc(ctx, dir, quoted, found - 1)
                : icmp_backend_xdp(ctx, dir, quoted, found - 1);
    if (number == FS_NO_BACKEND)
        return act_pass(FS_REASON_NO_BACKEND, tc);
    if (tc ? icmp_forth_tc(ctx, dir, quoted, number) : icmp_forth_xdp(ctx, dir, quoted, number))
        return act_drop(FS_REASON_WRITE_FAILED, tc);
    count_reason(FS_REASON_ICMP_IN);
    if (backend_at(dir, number)->flags & FS_BACKEND_LOCAL)
        return act_pass(FS_REASON_TO_LOCAL, tc);
    return send(ctx, quoted & ~(WORD_TCP | WORD_UDP), tc);
}

/* An error that leaves is ours if it quotes a packet that was steered to a backend. Returns the
 * number of the backend that it is about plus one, or 0. */
__noinline __u32 icmp_find_out(struct __sk_buff *skb, fs_ref dir, __u32 quoted)
{
    struct packet pkt;
    struct quote quote;

    if (!icmp_again(skb, quoted, &pkt, &quote, true))
        return 0;
    return find_backend(dir, quote_dest(&pkt, &quote), quote.dest_be, quote.proto, pkt.family);
}

/* Did the one whose packet is quoted talk to the backend with this number itself? */
__noinline int icmp_is_direct(struct __sk_buff *skb, fs_ref dir, __u32 quoted, __u32 number)
{
    struct packet pkt;
    struct quote quote;
    struct said_by by;

    if (!icmp_again(skb, quoted, &pkt, &quote, true))
        return true;
    by = said_by(quote_source(&pkt, &quote), quote.source_be, pkt.family, quote.proto);
    return is_direct(where_in(dir, number), by.addr_low, by.addr_high, by.said);
}

/* Makes an error of the backend one of the VIP. Returns 0 or a negative errno. */
__noinline int icmp_back(struct __sk_buff *skb, fs_ref dir, __u32 quoted, __u32 number)
{
    struct fs_backend *backend = backend_at(dir, number);
    struct fs_service *service = service_at(dir, backend->service);
    struct rewrite rw = nat_back(service, backend);
    struct icmp_change change;
    struct packet pkt;
    struct quote quote;

    if (!icmp_again(skb, quoted, &pkt, &quote, true))
        return -1;
    rw.source = false;
    icmp_plan(&pkt, &quote, &rw, addr_is(packet_source(&pkt), backend->at.addr, pkt.family),
              &change);
    return icmp_store(skb, &change, &service->vip, true);
}

/* An error that leaves. */
static __always_inline int icmp_egress(struct __sk_buff *skb, fs_ref dir)
{
    __u32 quoted = icmp_parse_tc(skb), found;

    found = quoted ? icmp_find_out(skb, dir, quoted) : 0;
    if (!found || icmp_is_direct(skb, dir, quoted, found - 1))
        return act_pass(FS_REASON_NO_PORTS, true);
    if (icmp_back(skb, dir, quoted, found - 1))
        return act_drop(FS_REASON_WRITE_FAILED, true);
    return act_pass(FS_REASON_ICMP_OUT, true);
}

#endif
