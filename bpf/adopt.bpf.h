/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections to the VIP that are older than flowsplit: their server has a socket at the VIP
 * itself, which no steered connection can have. While there may be any, packets of the service ask
 * for it.
 *
 * A SYN where there is one is the server's, too: as ever, it answers with an ACK, and a client that
 * knows nothing of the connection ends it by the RST that follows (RFC 5961, 4). What only lingers
 * in TIME_WAIT keeps no new connection from being steered. */
#ifndef FLOWSPLIT_ADOPT_BPF_H
#define FLOWSPLIT_ADOPT_BPF_H

#include "client.bpf.h"
#include "lookup.bpf.h"
#include "packet.bpf.h"

static __always_inline bool has_connection(void *ctx, __u64 where, __u64 addr_low, __u64 addr_high,
                                           __u64 said)
{
    const struct fs_endpoint *vip = &service_at(where >> 32, where)->vip;
    __be32 addr[] = said_addr(addr_low, addr_high);
    struct bpf_sock_tuple tuple = {0};
    __u32 bytes = sizeof(tuple.ipv4), state;
    struct bpf_sock *sk;

    if (said_is(said, SAID_IPV6)) {
        bytes = sizeof(tuple.ipv6);
        __builtin_memcpy(tuple.ipv6.saddr, addr, sizeof(tuple.ipv6.saddr));
        __builtin_memcpy(tuple.ipv6.daddr, vip->addr, sizeof(tuple.ipv6.daddr));
        tuple.ipv6.sport = said_port(said);
        tuple.ipv6.dport = vip->port_be;
    } else {
        tuple.ipv4.saddr = addr[0];
        tuple.ipv4.daddr = vip->addr[0];
        tuple.ipv4.sport = said_port(said);
        tuple.ipv4.dport = vip->port_be;
    }
    sk = bpf_skc_lookup_tcp(ctx, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
    if (!sk)
        return false;
    state = sk->state;
    bpf_sk_release(sk);
    return state != BPF_TCP_LISTEN && state != BPF_TCP_TIME_WAIT;
}

/* `where` is the service, the rest a struct said_by of the client. */

__noinline int has_connection_xdp(struct xdp_md *ctx, __u64 where, __u64 addr_low, __u64 addr_high,
                                  __u64 said)
{
    return has_connection(ctx, where, addr_low, addr_high, said);
}

__noinline int has_connection_tc(struct __sk_buff *skb, __u64 where, __u64 addr_low,
                                 __u64 addr_high, __u64 said)
{
    return has_connection(skb, where, addr_low, addr_high, said);
}

static __always_inline bool client_is_adopted(void *ctx, __u64 where, const struct said_by *by,
                                              bool tc)
{
    return tc ? has_connection_tc(ctx, where, by->addr_low, by->addr_high, by->said)
              : has_connection_xdp(ctx, where, by->addr_low, by->addr_high, by->said);
}

/* A packet of a client to a service that may have such connections. */
static __always_inline bool is_adopted(void *ctx, const struct packet *pkt, __u64 where, bool tc)
{
    struct said_by by = said_by(packet_source(pkt), pkt->source_be, pkt->family, pkt->proto);

    return client_is_adopted(ctx, where, &by, tc);
}

#endif
