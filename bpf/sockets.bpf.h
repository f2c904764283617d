/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket view: what the TCP sockets of backends on this host, in any network namespace, say of
 * their version. Sockets of no backend leave after one look-up. */
#ifndef FLOWSPLIT_SOCKETS_BPF_H
#define FLOWSPLIT_SOCKETS_BPF_H

#include "guard.bpf.h"
#include "vmlinux.h"

/* include/net/tcp_states.h */
enum tcp_state {
    STATE_ESTABLISHED = 1,
    STATE_SYN_RECV = 3,
    STATE_FIN_WAIT1 = 4,
    STATE_CLOSE = 7,
    STATE_CLOSE_WAIT = 8,
};

#define SOCKET_INET      2 /* AF_INET, AF_INET6 */
#define SOCKET_INET6     10
#define CLOCK_MONOTONIC  1
#define CLOSE_WAIT_AFTER 30000 /* ms, where no guard says otherwise */
#define TIMER_ATTEMPTS   4
#define TIMER_LOSS_PROBE 5 /* include/net/inet_connection_sock.h: ICSK_TIME_LOSS_PROBE */

enum close_wait_state {
    CLOSE_WAIT_SHORT, /* so far */
    CLOSE_WAIT_STUCK, /* for too long */
    CLOSE_WAIT_OVER,  /* it was left in time */
};

/* A socket in CLOSE_WAIT. Its timer and its end may come at once: who changes the state goes on. */
struct close_wait {
    struct bpf_timer timer;
    __u32 backend; /* id */
    __u32 health, epoch;
    __u32 state;  /* enum close_wait_state */
    __u32 bucket; /* of the client */
};

/* What is known of a socket goes with it when it goes. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct fs_socket);
} sockets SEC(".maps");

/* By cookie of the socket. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 16);
    __type(key, __u64);
    __type(value, struct close_wait);
} close_waits SEC(".maps");

/* Network namespaces, by number, in which a backend's socket has been seen: where to look for them.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, __u8);
} namespaces SEC(".maps");

/* A socket's own end as an endpoint, or its peer's. IPv4 in an IPv6 socket is IPv4. */
static __always_inline void socket_endpoint(const struct sock *sk, bool peer,
                                            struct fs_endpoint *at)
{
    const struct sock_common *common = &sk->__sk_common;
    const struct in6_addr *v6 = peer ? &common->skc_v6_daddr : &common->skc_v6_rcv_saddr;

    __builtin_memset(at, 0, sizeof(*at));
    at->proto = IPPROTO_TCP;
    at->port_be = peer ? common->skc_dport : bpf_htons(common->skc_num);
    at->family = 4;
    at->addr[0] = peer ? common->skc_daddr : common->skc_rcv_saddr;
    if (common->skc_family != SOCKET_INET6)
        return;
    if (!v6->in6_u.u6_addr32[0] && !v6->in6_u.u6_addr32[1] &&
        v6->in6_u.u6_addr32[2] == bpf_htonl(0xffff)) {
        at->addr[0] = v6->in6_u.u6_addr32[3];
        return;
    }
    at->family = 6;
    at->addr[0] = v6->in6_u.u6_addr32[0];
    at->addr[1] = v6->in6_u.u6_addr32[1];
    at->addr[2] = v6->in6_u.u6_addr32[2];
    at->addr[3] = v6->in6_u.u6_addr32[3];
}

static __always_inline struct fs_health *health_at(__u32 slot, __u32 epoch)
{
    struct fs_health *state = bpf_map_lookup_elem(&health, &slot);

    return state && state->epoch == epoch ? state : NULL;
}

static __always_inline struct fs_health *socket_health(const struct fs_socket *socket)
{
    return health_at(socket->health, socket->epoch);
}

/* Is this backend on record, and its version still the one that has this slot? */
static __always_inline bool is_on_record(fs_ref dir, __u32 id, __u32 slot, __u32 epoch)
{
    const struct fs_backend *backend = backend_at(dir, id);
    const struct fs_table *table = table_of(service_at(dir, backend->service));

    return (id & FS_SLOT_BACKEND) < directory_at(dir)->backend_count && backend->id == id &&
           backend->flags & FS_BACKEND_USED &&
           table->pool[backend->version & FS_OWNER_VERSION].health == slot &&
           health_at(slot, epoch);
}

/* Gives an outcome of a socket to the guard; `id`, `slot`, `epoch` and `bucket` are what it was
 * born with. */
static __always_inline void socket_says(__u32 id, __u32 slot, __u32 epoch, __u32 bucket,
                                        const struct outcomes *outcomes)
{
    struct outcomes o = *outcomes;
    const struct fs_backend *backend;

    o.now_ns = bpf_ktime_get_ns();
    o.dir = directory_now();
    o.backend = id & FS_SLOT_BACKEND;
    if (!is_on_record(o.dir, id, slot, epoch))
        return;
    backend = backend_at(o.dir, id);
    o.control = control_of(table_of(service_at(o.dir, backend->service)), backend->version, bucket);
    guard_judge(&o);
}

/* The bucket of a socket's client. */
static __always_inline __u32 socket_bucket(const struct sock *sk, const struct fs_service *service)
{
    struct fs_endpoint client;

    socket_endpoint(sk, true, &client);
    return fs_hash_bucket(fs_hash_client(hash_key(), service->salt, client.addr, client.port_be,
                                         client.family, service->affinity));
}

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
    struct fs_endpoint at;
    __u32 found;

    socket_endpoint(sk, false, &at);
    found = find_backend(dir, at.addr, at.port_be, IPPROTO_TCP, at.family);
    if (!found)
        return;
    backend = backend_at(dir, found - 1);
    table = table_of(service_at(dir, backend->service));
    state = health_of(table, backend->version);
    if (!state)
        return;
    socket = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!socket) {
        count_reason(FS_REASON_SOCKET_UNREADABLE);
        return;
    }
    socket->born_ns = socket->state_ns = bpf_ktime_get_ns();
    socket->backend = backend->id;
    socket->health = table->pool[backend->version & FS_OWNER_VERSION].health;
    socket->epoch = state->epoch;
    socket->bucket = socket_bucket(sk, service_at(dir, backend->service));
    socket->state = STATE_ESTABLISHED;
    __sync_fetch_and_add(&state->sockets.opened, 1);
    __sync_fetch_and_add(&state->sockets.now[STATE_ESTABLISHED], 1);
    namespace_seen(sk);
}

/* Reports what has been sent since the last report: `again` segments of it had been sent before,
 * which by itself tells nothing; `bad` of those are lost ones. */
static __always_inline void socket_sent(struct fs_socket *socket, const struct tcp_sock *tcp,
                                        __u32 again, __u32 bad)
{
    __u32 sent = tcp->data_segs_out - socket->segments;
    struct outcomes o = {.good_before = sent > again ? sent - again : 0};

    socket->segments += sent;
    if (bad)
        o.seen = o.bad = 1u << FS_SIGNAL_RETRANSMITS;
    for (__u32 i = 0; i < 2 && (o.good_before || i < bad); i++) {
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

/* --- CLOSE_WAIT --- */

static int close_wait_due(void *map, __u64 *cookie, struct close_wait *wait)
{
    struct fs_health *state = health_at(wait->health, wait->epoch);

    if (__sync_val_compare_and_swap(&wait->state, CLOSE_WAIT_SHORT, CLOSE_WAIT_STUCK) !=
        CLOSE_WAIT_SHORT)
        return 0;
    if (state)
        __sync_fetch_and_add(&state->sockets.stuck, 1);
    socket_says(
        wait->backend, wait->health, wait->epoch, wait->bucket,
        &(struct outcomes){.seen = 1u << FS_SIGNAL_CLOSE_WAIT, .bad = 1u << FS_SIGNAL_CLOSE_WAIT});
    return 0;
}

static __always_inline __u64 close_wait_after_ns(const struct fs_socket *socket)
{
    fs_ref dir = directory_now();
    const struct fs_backend *backend = backend_at(dir, socket->backend);
    __u32 ms = table_of(service_at(dir, backend->service))->guard.close_wait_after_ms;

    return (ms ? ms : CLOSE_WAIT_AFTER) * 1000000ULL;
}

/* Kernels may have no memory for a timer when it is wanted, and some for the next. */
static __always_inline bool close_wait_time(struct close_wait *wait, __u64 after_ns)
{
    long code = -1;

    for (int i = 0; i < TIMER_ATTEMPTS && code; i++)
        code = bpf_timer_init(&wait->timer, &close_waits, CLOCK_MONOTONIC);
    return !code && !bpf_timer_set_callback(&wait->timer, close_wait_due) &&
           !bpf_timer_start(&wait->timer, after_ns, 0);
}

static __always_inline void close_wait_begin(struct sock *sk, struct fs_socket *socket)
{
    __u64 cookie = bpf_get_socket_cookie(sk);
    struct close_wait fresh = {.backend = socket->backend,
                               .health = socket->health,
                               .epoch = socket->epoch,
                               .bucket = socket->bucket};
    struct close_wait *wait;

    bpf_map_update_elem(&close_waits, &cookie, &fresh, BPF_NOEXIST);
    wait = bpf_map_lookup_elem(&close_waits, &cookie);
    if (wait && close_wait_time(wait, close_wait_after_ns(socket)))
        return;
    if (wait)
        bpf_map_delete_elem(&close_waits, &cookie);
    socket->untimed = FS_UNTIMED_SHORT;
    count_reason(FS_REASON_CLOSE_WAIT_UNWATCHED);
}

static __always_inline void close_wait_forget(struct sock *sk)
{
    __u64 cookie = bpf_get_socket_cookie(sk);

    bpf_map_delete_elem(&close_waits, &cookie);
}

/* Judges a socket without a timer that has been in CLOSE_WAIT since `since_ns`. */
static __always_inline void close_wait_look(struct fs_socket *socket, struct fs_health *state,
                                            __u64 since_ns, __u64 now_ns)
{
    if (socket->untimed != FS_UNTIMED_SHORT || now_ns - since_ns < close_wait_after_ns(socket))
        return;
    socket->untimed = FS_UNTIMED_STUCK;
    __sync_fetch_and_add(&state->sockets.stuck, 1);
    socket_says(
        socket->backend, socket->health, socket->epoch, socket->bucket,
        &(struct outcomes){.seen = 1u << FS_SIGNAL_CLOSE_WAIT, .bad = 1u << FS_SIGNAL_CLOSE_WAIT});
}

/* Whether the socket's timer, or who looked, found it stuck. From now on neither does. */
static __always_inline bool close_wait_was_stuck(struct sock *sk, struct fs_socket *socket)
{
    __u64 cookie = bpf_get_socket_cookie(sk);
    struct close_wait *wait = bpf_map_lookup_elem(&close_waits, &cookie);
    bool stuck = socket->untimed == FS_UNTIMED_STUCK;

    socket->untimed = FS_UNTIMED_NO;
    if (!wait)
        return stuck;
    stuck = __sync_val_compare_and_swap(&wait->state, CLOSE_WAIT_SHORT, CLOSE_WAIT_OVER) ==
            CLOSE_WAIT_STUCK;
    bpf_map_delete_elem(&close_waits, &cookie);
    return stuck;
}

/* A socket leaves CLOSE_WAIT, or closes without ever having been there. */
static __always_inline void close_wait_end(struct sock *sk, struct fs_socket *socket,
                                           struct fs_health *state)
{
    if (close_wait_was_stuck(sk, socket))
        __sync_fetch_and_add(&state->sockets.stuck, -1);
    else
        socket_says(socket->backend, socket->health, socket->epoch, socket->bucket,
                    &(struct outcomes){.seen = 1u << FS_SIGNAL_CLOSE_WAIT});
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
        close_wait_begin(sk, socket);
    }
    if (old == STATE_CLOSE_WAIT)
        close_wait_look(socket, health, since_ns, now_ns);
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

/* What a client reports as lost was. What a timer sends again, over and over, may be for a client
 * that isn't there any more: that counts once, and only if the client is heard of again. */
static __always_inline int socket_retransmitted(struct sock *sk, const struct sk_buff *skb)
{
    struct fs_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
    struct tcp_sock *tcp = socket ? bpf_skc_to_tcp_sock(sk) : NULL;
    bool timed, lost;

    if (!tcp || !skb->len) /* of a FIN alone, nothing */
        return 0;
    timed = tcp->inet_conn.icsk_retransmits || tcp->inet_conn.icsk_pending == TIMER_LOSS_PROBE;
    lost = socket_lost(socket, tcp);
    if (timed && !socket->repeated)
        socket->repeated = tcp->delivered + 1;
    socket_sent(socket, tcp, 1, lost + !timed);
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
        close_wait_look(socket, state, socket->state_ns, bpf_ktime_get_ns());
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
