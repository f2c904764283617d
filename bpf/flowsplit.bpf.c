// SPDX-License-Identifier: GPL-2.0-only
/* The programs: XDP and TC ingress towards the backends, TC egress on the way back, and the watch
 * over failing redirects.
 *
 * An interface needs a program on each way, and these can't be attached in one step. So each way in
 * has a second program that only learns who talks to the backends' own addresses: it holds the
 * place until the way back is there, and while that goes. A third, at TC, stands in while one mode
 * gives way to another, and one on the way back while that goes to the front of its chain.
 * user/kernel/iface.c has the order. */
#include "vmlinux.h"
#include "sockets.bpf.h"
#include "steer.bpf.h"
#include "watch.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int xdp_ingress(struct xdp_md *ctx)
{
    struct packet pkt;
    int parsed = parse(ctx, &pkt, (void *)(long)ctx->data, (void *)(long)ctx->data_end, false);

    return steer_ingress(ctx, &pkt, parsed, false, true);
}

SEC("xdp.frags")
int xdp_learn(struct xdp_md *ctx)
{
    struct packet pkt;
    int parsed = parse(ctx, &pkt, (void *)(long)ctx->data, (void *)(long)ctx->data_end, false);

    return learn_ingress(ctx, &pkt, parsed, false);
}

/* The linear part of an skb may end before the headers do: pulls them in, and parses again. */
static __always_inline int parse_skb(struct __sk_buff *skb, struct packet *pkt)
{
    int parsed = parse(skb, pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, true);

    if (parsed != FS_REASON_MALFORMED || skb->data_end - skb->data >= skb->len)
        return parsed;
    if (bpf_skb_pull_data(skb, skb->len < 256 ? skb->len : 256))
        return parsed;
    return parse(skb, pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, true);
}

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return steer_ingress(skb, &pkt, parsed, true, true);
}

SEC("tc")
int tc_stand_in(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return steer_ingress(skb, &pkt, parsed, true, false);
}

SEC("tc")
int tc_learn(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return learn_ingress(skb, &pkt, parsed, true);
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
    struct packet pkt;
    int parsed = parse_skb(skb, &pkt);

    return steer_egress(skb, &pkt, parsed);
}

/* What tc_egress does, as another program: a chain of tcx can't hold one twice. */
SEC("tc")
int tc_egress_stand_in(struct __sk_buff *skb)
{
    bpf_tail_call(skb, &stood_in_for, 0);
    return TC_ACT_UNSPEC;
}

SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(watch_devmap_xmit, const struct net_device *from, const struct net_device *to,
             int sent, int drops, int err)
{
    return runs_own(from) ? watch_sent(to, sent, drops, err) : 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(watch_redirect_err, const struct net_device *from, const struct bpf_prog *program,
             const void *target, int err, int map_type, __u32 map_id, __u32 index)
{
    return is_own(program) ? watch_refused(index, err) : 0;
}

SEC("tp_btf/xdp_bulk_tx")
int BPF_PROG(watch_bulk_tx, const struct net_device *dev, int sent, int drops, int err)
{
    return runs_own(dev) ? watch_sent(dev, sent, drops, err) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sockets_state, struct sock *sk, int old, int state)
{
    return socket_state(sk, old, state);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(sockets_retransmit, struct sock *sk, const struct sk_buff *skb)
{
    return socket_retransmitted(sk, skb);
}

/* A reset may belong to no socket; the helper that is asked for what is kept of it takes NULL. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(sockets_send_reset, struct sock *sk)
{
    return socket_reset(sk, FS_END_BACKEND_RESET);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(sockets_receive_reset, struct sock *sk)
{
    return socket_reset(sk, FS_END_CLIENT_RESET);
}

/* Runs with the socket locked (net/ipv4/tcp_ipv4.c, bpf_iter_tcp_seq_show). */
SEC("iter/tcp")
int sockets_list(struct bpf_iter__tcp *ctx)
{
    struct sock_common *sk = ctx->sk_common; /* read once: what was checked is what is used */

    return sk ? socket_look(ctx->meta->seq, sk) : 0;
}
