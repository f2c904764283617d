/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket view: what the TCP sockets of backends on this host, in any network namespace, say of
 * their version. Sockets of no backend leave after one look-up. */
#ifndef FLOWSPLIT_SOCKETS_BPF_H
#define FLOWSPLIT_SOCKETS_BPF_H

#include "close_wait.bpf.h"

#define TIMER_LOSS_PROBE 5  /* include/net/inet_connection_sock.h: ICSK_TIME_LOSS_PROBE */
#define SEGMENTS_MAX     64 /* of one packet that are judged; of 1,024 bytes, 64 KiB have as many */

/* Network namespaces, by number, in which a backend's socket has been seen: where to look for them.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, __u8);
} namespaces SEC(".maps");

/* --- the life of a connection --- */

static __always_inline void namespace_seen(const struct sock *sk)
{
    __u32 inum = sk->__sk_common.skc_net.net->ns.inum;
    __u8 seen = 1;

    if (!bpf_map_lookup_elem(&namespaces, &inum))
        bpf_map_update_elem(&namespaces, &inum, &seen, BPF_ANY);
}

static __always_inline void socket_born(struct sock *sk)
{
    fs_ref dir = directory_now();
    const struct fs_backend *backend;
    const struct fs_table *table;
    struct fs_health *state;
    struct fs_socket *socket;
    struct tcp_sock *tcp;
    struct fs_endpoint at;
    __u32 found, port;

    socket_endpoint(sk, false, &at);
    port = at.port_be;
    asm volatile("" : "+r"(port)); /* cut to 16 bits where the verifier of 6.12 sees it */
    found = find_backend(dir, at.addr, port, IPPROTO_TCP, at.family);
    if (!found)
        return;
    backend = backend_at(dir, found - 1);
    table = table_of(service_at(dir, backend->service));
    state = health_of(table, backend->version);
    if (!state)
        return;
    socket = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    tcp = bpf_skc_to_tcp_sock(sk);
    if (!socket || !tcp) {
        count_reason(FS_REASON_SOCKET_UNREADABLE);
        return;
    }
    socket->born_ns = socket->state_ns = bpf_ktime_get_ns();
    socket->backend = backend->id;
    socket->health = table->pool[backend->version & FS_OWNER_VERSION].health;
    socket->epoch = state->epoch;
    socket_client(sk, service_at(dir, backend->service), socket);
    socket->state = STATE_ESTABLISHED;
    socket->retransmits = tcp->total_retrans; /* SYN-ACKs, which are no segments with payload */
    __sync_fetch_and_add(&state->sockets.opened, 1);
    __sync_fetch_and_add(&state->sockets.now[STATE_ESTABLISHED], 1);
    namespace_seen(sk);
}

/* Reports what has been sent since the last report: `again` segments of it had been sent before,
 * which by itself tells nothing; `bad` segments were lost. */
static __always_inline void socket_sent(struct fs_socket *socket, const struct tcp_sock *tcp,
                                        __u32 again, __u32 bad)
{
    __u32 sent = tcp->data_segs_out - socket->segments;
    struct outcomes o = {.good_before = sent > again ? sent - again : 0, .client = socket->client};

    socket->segments += sent;
    if (bad)
        o.seen = o.bad = 1u << FS_SIGNAL_RETRANSMITS;
    for (__u32 i = 0; i < SEGMENTS_MAX && (o.good_before || i < bad); i++) {
        socket_says(socket->backend, socket->health, socket->epoch, socket->bucket, &o);
        o.good_before = 0;
    }
}

/* Has the client acknowledged anything since a timer sent something again? Then that had been lost.
 */
static __always_inline bool socket_lost(struct fs_socket *socket, const struct tcp_sock *tcp)
{
    if (!socket->repeated || socket->repeated == tcp->delivered + 1)
        return false;
    socket->repeated = 0;
    return true;
}

/* Adds to the sums what has come about since the last time. The socket is locked, by who ends it or
 * by the iterator, so nothing is added twice. */
static __always_inline void socket_count(struct fs_socket *socket, const struct tcp_sock *tcp,
                                         struct fs_sockets *sum)
{
    __u64 in = tcp->bytes_received, out = tcp->bytes_acked;
    __u32 segments = tcp->data_segs_out, again = tcp->total_retrans, rtt_us = tcp->srtt_us >> 3;

    __sync_fetch_and_add(&sum->bytes_in, in - socket->bytes_in);
    __sync_fetch_and_add(&sum->bytes_out, out - socket->bytes_out);
    __sync_fetch_and_add(&sum->segments, segments - socket->data_segments);
    __sync_fetch_and_add(&sum->retransmits, again - socket->retransmits);
    socket->bytes_in = in;
    socket->bytes_out = out;
    socket->data_segments = segments;
    socket->retransmits = again;
    if (!rtt_us)
        return;
    if (!socket->rtt_us)
        __sync_fetch_and_add(&sum->rtt_count, 1);
    __sync_fetch_and_add(&sum->rtt_us, (__u64)rtt_us - socket->rtt_us);
    socket->rtt_us = rtt_us;
}

static __always_inline void socket_gone(struct sock *sk, struct fs_socket *socket,
                                        struct fs_sockets *sum, __u64 now_ns)
{
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    __u32 end = socket->end;

    if (end < FS_END_COUNT)
        __sync_fetch_and_add(&sum->ended[end], 1);
    __sync_fetch_and_add(&sum->lifetime_ns, now_ns - socket->born_ns);
    if (!tcp) {
        count_reason(FS_REASON_SOCKET_UNREADABLE);
        return;
    }
    socket_count(socket, tcp, sum);
    socket_sent(socket, tcp, 0, socket_lost(socket, tcp));
}

/* --- events --- */

static __always_inline void socket_end_known(struct fs_socket *socket, __u32 end)
{
    if (socket->end == FS_END_OTHER)
        socket->end = end;
}

static __always_inline int socket_moved(struct sock *sk, struct fs_socket *socket, __u32 state)
{
    __u32 old = socket->state;
    struct fs_health *health = socket_health(socket);
    __u64 now_ns = bpf_ktime_get_ns(), since_ns = socket->state_ns;

    socket->state = state;
    socket->state_ns = now_ns;
    if (!health || old >= FS_TCP_STATES || state >= FS_TCP_STATES) {
        close_wait_forget(sk); /* its version is no more */
        return 0;
    }
    __sync_fetch_and_add(&health->sockets.now[old], -1);
    if (state != STATE_CLOSE)
        __sync_fetch_and_add(&health->sockets.now[state], 1);
    if (state == STATE_FIN_WAIT1)
        socket_end_known(socket, FS_END_BACKEND);
    if (state == STATE_CLOSE_WAIT) {
        socket_end_known(socket, FS_END_CLIENT);
        close_wait_begin(sk, socket, now_ns);
    }
    if (old == STATE_CLOSE_WAIT)
        close_wait_look(sk, socket, health, since_ns, now_ns);
    if (old == STATE_CLOSE_WAIT || (old == STATE_ESTABLISHED && state != STATE_CLOSE_WAIT))
        close_wait_end(sk, socket, health);
    if (state == STATE_CLOSE)
        socket_gone(sk, socket, &health->sockets, now_ns);
    return 0;
}

static __always_inline int socket_state(struct sock *sk, int old, int state)
{
    struct fs_socket *socket;

    if (sk->sk_protocol != IPPROTO_TCP)
        return 0;
    if (old == STATE_SYN_RECV && state == STATE_ESTABLISHED) {
        socket_born(sk);
        return 0;
    }
    socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
    return socket ? socket_moved(sk, socket, state) : 0;
}

/* What a client reports as lost was: all segments of the packet. What a timer sends again, over and
 * over, may be for a client that isn't there any more: that counts once, and only if the client is
 * heard of again. */
static __always_inline int socket_retransmitted(struct sock *sk, const struct sk_buff *skb)
{
    struct fs_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
    struct tcp_sock *tcp = socket ? bpf_skc_to_tcp_sock(sk) : NULL;
    struct fs_health *state = tcp ? socket_health(socket) : NULL;
    bool timed, lost;
    __u32 again;

    if (!state)
        return 0;
    again = tcp->total_retrans - socket->retransmits;
    socket_count(socket, tcp, &state->sockets);
    if (!skb->len) /* of a FIN alone, nothing */
        return 0;
    timed = tcp->inet_conn.icsk_retransmits || tcp->inet_conn.icsk_pending == TIMER_LOSS_PROBE;
    lost = socket_lost(socket, tcp);
    if (timed && !socket->repeated)
        socket->repeated = tcp->delivered + 1;
    socket_sent(socket, tcp, again, lost + (timed ? 0 : again));
    return 0;
}

/* A socket that resets its peer is closed before it sends the RST (tcp_close(), tcp_disconnect()):
 * then its end has been counted already. */
static __always_inline int socket_reset(struct sock *sk, __u32 end)
{
    struct fs_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
    struct fs_health *health;

    if (!socket || socket->end != FS_END_OTHER)
        return 0;
    socket->end = end;
    health = socket->state == STATE_CLOSE ? socket_health(socket) : NULL;
    if (health && end < FS_END_COUNT) {
        __sync_fetch_and_add(&health->sockets.ended[FS_END_OTHER], -1);
        __sync_fetch_and_add(&health->sockets.ended[end], 1);
    }
    return 0;
}

/* --- for who looks --- */

/* Brings what is known of a socket up to date, and tells it. */
static __always_inline int socket_look(struct seq_file *seq, struct sock_common *common)
{
    struct fs_connection_now connection = {};
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(common);
    struct sock *sk = (struct sock *)tcp;
    struct fs_socket *socket = tcp ? bpf_sk_storage_get(&sockets, tcp, NULL, 0) : NULL;
    struct fs_health *state = socket ? socket_health(socket) : NULL;

    if (!socket)
        return 0;
    if (state) {
        socket_count(socket, tcp, &state->sockets);
        socket_sent(socket, tcp, 0, 0);
        if (socket->state == STATE_CLOSE_WAIT)
            close_wait_look(sk, socket, state, socket->state_ns, bpf_ktime_get_ns());
    }
    socket_endpoint(sk, false, &connection.local);
    socket_endpoint(sk, true, &connection.client);
    connection.bytes_in = tcp->bytes_received;
    connection.bytes_out = tcp->bytes_acked;
    connection.rtt_us = tcp->srtt_us >> 3;
    connection.segments = tcp->data_segs_out;
    connection.retransmits = tcp->total_retrans;
    bpf_seq_write(seq, socket, sizeof(*socket));
    bpf_seq_write(seq, &connection, sizeof(connection));
    return 0;
}

#endif
