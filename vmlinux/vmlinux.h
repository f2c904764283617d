/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's own types, as far as the BPF programs look into them: only the members in use. Their
 * offsets are relocated to the running kernel's when a program is loaded (CO-RE), so a machine
 * whose kernel has no BTF can still build. UAPI types come from linux/bpf.h. */
#ifndef FLOWSPLIT_VMLINUX_H
#define FLOWSPLIT_VMLINUX_H

#include <linux/in6.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_prog_aux {
    __u32 id;
};

struct bpf_prog {
    struct bpf_prog_aux *aux;
};

struct bpf_xdp_entity {
    struct bpf_prog *prog;
};

struct hlist_node {
    struct hlist_node *next;
};

struct hlist_head {
    struct hlist_node *first;
};

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
    struct hlist_head *dev_index_head;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct net_device {
    int ifindex;
    __u32 xdp_features; /* since 6.3 */
    possible_net_t nd_net;
    struct hlist_node index_hlist;
    struct bpf_xdp_entity xdp_state[3]; /* by enum bpf_xdp_mode */
    void *rx_handler;
    __u8 dev_addr_shadow[32];
};

struct xdp_rxq_info {
    struct net_device *dev;
};

struct xdp_buff {
    struct xdp_rxq_info *rxq;
};

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    possible_net_t skc_net;
};

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
};

struct inet_connection_sock {
    __u8 icsk_pending;
    __u8 icsk_retransmits;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u32 data_segs_out;
    __u32 delivered;
    __u32 srtt_us; /* in eighths */
    __u32 total_retrans;
    __u64 bytes_received;
    __u64 bytes_acked;
};

struct sk_buff {
    struct net_device *dev;
    unsigned int len;
};

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__tcp {
    struct bpf_iter_meta *meta;
    struct sock_common *sk_common;
};

#pragma clang attribute pop

#endif
