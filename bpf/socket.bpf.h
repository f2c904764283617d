/* SPDX-License-Identifier: GPL-2.0-only */
/* One TCP socket of a backend on this host: its ends, what is kept of it, whose it is, and how what
 * it says reaches the guard. */
#ifndef FLOWSPLIT_SOCKET_BPF_H
#define FLOWSPLIT_SOCKET_BPF_H

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

#define SOCKET_INET  2 /* AF_INET, AF_INET6 */
#define SOCKET_INET6 10

/* What is known of a socket goes with it when it goes. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct fs_socket);
} sockets SEC(".maps");

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

/* Gives an outcome of a socket to the guard, and fills in the rest of it; `id`, `slot`, `epoch` and
 * `bucket` are what it was born with. */
static __always_inline void socket_says(__u32 id, __u32 slot, __u32 epoch, __u32 bucket,
                                        struct outcomes *o)
{
    const struct fs_backend *backend;

    o->now_ns = bpf_ktime_get_ns();
    o->dir = directory_now();
    o->backend = id & FS_SLOT_BACKEND;
    if (!is_on_record(o->dir, id, slot, epoch))
        return;
    backend = backend_at(o->dir, id);
    o->control =
        control_of(table_of(service_at(o->dir, backend->service)), backend->version, bucket);
    guard_judge(o);
}

/* Notes who a socket's client is. */
static __always_inline void socket_client(const struct sock *sk, const struct fs_service *service,
                                          struct fs_socket *socket)
{
    struct fs_endpoint client;

    socket_endpoint(sk, true, &client);
    socket->client = fs_hash_source(hash_key(), client.addr, client.family);
    socket->bucket = fs_hash_bucket(fs_hash_client(
        hash_key(), service->salt, client.addr, client.port_be, client.family, service->affinity));
}

#endif
