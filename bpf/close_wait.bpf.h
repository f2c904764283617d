/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets in CLOSE_WAIT: the client has closed, the backend has not. One that stays so for too long
 * is judged by a clock of this file, or by who looks or ends it where the clock doesn't know it. */
#ifndef FLOWSPLIT_CLOSE_WAIT_BPF_H
#define FLOWSPLIT_CLOSE_WAIT_BPF_H

#include "socket.bpf.h"

#define CLOCK_MONOTONIC     1
#define CLOSE_WAIT_AFTER    30000 /* ms, where no guard says otherwise */
#define CLOSE_WAIT_ROUND_NS 200000000ULL

enum close_wait_state {
    CLOSE_WAIT_SHORT, /* so far */
    CLOSE_WAIT_STUCK, /* for too long */
    CLOSE_WAIT_OVER,  /* it was left in time */
};

/* A socket in CLOSE_WAIT. Who judges it and its end may come at once: who changes the state goes
 * on.
 */
struct close_wait {
    __u64 due_ns;  /* when it is stuck, CLOCK_MONOTONIC */
    __u32 backend; /* id */
    __u32 health, epoch;
    __u32 state;  /* enum close_wait_state */
    __u32 bucket; /* of the client */
    __u32 client; /* fs_hash_source() */
};

/* One timer for all of them: kernels run out of memory for one each. */
struct close_wait_clock {
    struct bpf_timer timer;
    __u64 due_ns; /* when it goes off, CLOCK_MONOTONIC; 0: not at all */
};

/* By cookie of the socket. Preallocated: never full for want of memory. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1 << 16);
    __type(key, __u64);
    __type(value, struct close_wait);
} close_waits SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct close_wait_clock);
} close_wait_clock SEC(".maps");

/* That socket is stuck now, if nobody has said so or ended it before. */
static __always_inline void close_wait_stuck(struct close_wait *wait)
{
    struct fs_health *state = health_at(wait->health, wait->epoch);

    if (__sync_val_compare_and_swap(&wait->state, CLOSE_WAIT_SHORT, CLOSE_WAIT_STUCK) !=
        CLOSE_WAIT_SHORT)
        return;
    if (state)
        __sync_fetch_and_add(&state->sockets.stuck, 1);
    socket_says(wait->backend, wait->health, wait->epoch, wait->bucket,
                &(struct outcomes){.seen = 1u << FS_SIGNAL_CLOSE_WAIT,
                                   .bad = 1u << FS_SIGNAL_CLOSE_WAIT,
                                   .client = wait->client});
}

/* A round of the clock: what is due by `now_ns`, and when the next is. */
struct close_wait_round {
    __u64 now_ns, next_ns;
};

static long close_wait_check(void *map, __u64 *cookie, struct close_wait *wait,
                             struct close_wait_round *round)
{
    if (wait->state != CLOSE_WAIT_SHORT)
        return 0;
    if (wait->due_ns <= round->now_ns)
        close_wait_stuck(wait);
    else if (wait->due_ns < round->next_ns)
        round->next_ns = wait->due_ns;
    return 0;
}

/* Not oftener than every CLOSE_WAIT_ROUND_NS. */
static int close_wait_clock_due(void *map, __u32 *key, struct close_wait_clock *clock)
{
    struct close_wait_round round = {.now_ns = bpf_ktime_get_ns(), .next_ns = ~0ULL};
    __u64 least_ns = round.now_ns + CLOSE_WAIT_ROUND_NS;

    __sync_lock_test_and_set(&clock->due_ns, 0); /* who comes from now on sets it again */
    bpf_for_each_map_elem(&close_waits, close_wait_check, &round, 0);
    if (round.next_ns == ~0ULL || (clock->due_ns && clock->due_ns <= round.next_ns))
        return 0;
    clock->due_ns = round.next_ns > least_ns ? round.next_ns : least_ns;
    bpf_timer_start(&clock->timer, clock->due_ns - round.now_ns, 0);
    return 0;
}

static __always_inline __u64 close_wait_after_ns(const struct fs_socket *socket)
{
    fs_ref dir = directory_now();
    const struct fs_backend *backend = backend_at(dir, socket->backend);
    __u32 ms = table_of(service_at(dir, backend->service))->guard.close_wait_after_ms;

    return (ms ? ms : CLOSE_WAIT_AFTER) * 1000000ULL;
}

/* Sees to it that the clock goes off by `due_ns`. Where the kernel has no memory for the timer, the
 * next socket asks again. */
static __always_inline void close_wait_wind(__u64 due_ns, __u64 now_ns)
{
    __u32 zero = 0;
    struct close_wait_clock *clock = bpf_map_lookup_elem(&close_wait_clock, &zero);

    if (!clock || (clock->due_ns && clock->due_ns <= due_ns))
        return;
    bpf_timer_init(&clock->timer, &close_wait_clock, CLOCK_MONOTONIC); /* once; then it says so */
    if (bpf_timer_set_callback(&clock->timer, close_wait_clock_due))
        return;
    if (!bpf_timer_start(&clock->timer, due_ns - now_ns, 0))
        clock->due_ns = due_ns;
}

static __always_inline void close_wait_begin(struct sock *sk, struct fs_socket *socket,
                                             __u64 now_ns)
{
    __u64 cookie = bpf_get_socket_cookie(sk);
    struct close_wait fresh = {.due_ns = now_ns + close_wait_after_ns(socket),
                               .backend = socket->backend,
                               .health = socket->health,
                               .epoch = socket->epoch,
                               .bucket = socket->bucket,
                               .client = socket->client};

    if (bpf_map_update_elem(&close_waits, &cookie, &fresh, BPF_NOEXIST)) {
        socket->untimed = FS_UNTIMED_SHORT;
        count_reason(FS_REASON_CLOSE_WAIT_UNWATCHED);
        return;
    }
    close_wait_wind(fresh.due_ns, now_ns);
}

static __always_inline void close_wait_forget(struct sock *sk)
{
    __u64 cookie = bpf_get_socket_cookie(sk);

    bpf_map_delete_elem(&close_waits, &cookie);
}

/* Judges a socket that has been in CLOSE_WAIT since `since_ns`, if the clock hasn't. */
static __always_inline void close_wait_look(struct sock *sk, struct fs_socket *socket,
                                            struct fs_health *state, __u64 since_ns, __u64 now_ns)
{
    __u64 cookie = bpf_get_socket_cookie(sk);
    struct close_wait *wait;

    if (now_ns - since_ns < close_wait_after_ns(socket))
        return;
    wait = bpf_map_lookup_elem(&close_waits, &cookie);
    if (wait) {
        close_wait_stuck(wait);
        return;
    }
    if (socket->untimed != FS_UNTIMED_SHORT)
        return;
    socket->untimed = FS_UNTIMED_STUCK;
    __sync_fetch_and_add(&state->sockets.stuck, 1);
    socket_says(socket->backend, socket->health, socket->epoch, socket->bucket,
                &(struct outcomes){.seen = 1u << FS_SIGNAL_CLOSE_WAIT,
                                   .bad = 1u << FS_SIGNAL_CLOSE_WAIT,
                                   .client = socket->client});
}

/* Whether the clock, or who looked, found the socket stuck. From now on neither does. */
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

#endif
