/* SPDX-License-Identifier: GPL-2.0-only */
/* The client's end of a flow and what a packet said of it, in three numbers: functions that are
 * verified by themselves take nothing else that each could make a map key of, for Linux 6.1 takes
 * none from a caller's stack; and what they need is on their own stack only. */
#ifndef FLOWSPLIT_CLIENT_BPF_H
#define FLOWSPLIT_CLIENT_BPF_H

#include <flowsplit/abi.h>
#include <flowsplit/arena.h>

/* Which words of the address there are, and of what a packet tells. */
enum said {
    SAID_IPV6 = 1,
    SAID_UDP = 2,
    SAID_CHECKED = 4,    /* a backend's packet: where it comes from was looked at, */
    SAID_ELSEWHERE = 8,  /* and isn't where the backend is */
    SAID_AMBIGUOUS = 16, /* to a backend itself, by a client who may have been steered there */
    SAID_FORWARDED = 32, /* and leaves by the stack, which may have been given it to forward */
};

#define SAID_PORT_SHIFT  32
#define SAID_FLAGS_SHIFT 48
#define SAID_BITS_SHIFT  56

struct said_by {
    __u64 addr_low, addr_high;
    __u64 said; /* see said_seq() and those after it */
    __u64 more; /* see said_end() and said_other() */
};

/* Of the client at `addr`, `port_be`. */
static __always_inline struct said_by said_by(const __be32 *addr, __be16 port_be, __u8 family,
                                              __u8 proto)
{
    struct said_by by = {.addr_low = addr[0], .said = (__u64)port_be << SAID_PORT_SHIFT};

    if (proto == IPPROTO_UDP)
        by.said |= (__u64)SAID_UDP << SAID_BITS_SHIFT;
    if (family == 6) {
        by.said |= (__u64)SAID_IPV6 << SAID_BITS_SHIFT;
        by.addr_low |= (__u64)addr[1] << 32;
        by.addr_high = addr[2] | (__u64)addr[3] << 32;
    }
    return by;
}

static __always_inline void said_also(struct said_by *by, enum said what)
{
    by->said |= (__u64)what << SAID_BITS_SHIFT;
}

/* Adds a TCP packet's flags and numbers (host byte order). `seq` is in the client's sequence space:
 * of its packet, or what a backend's acknowledges; `other` in the backend's, the reverse. `end` is
 * the number after the client's packet, or by which interface a backend's has come. */
static __always_inline void said_by_tcp(struct said_by *by, __u8 tcp_flags, __u32 seq, __u32 other,
                                        __u32 end)
{
    by->said |= (__u64)tcp_flags << SAID_FLAGS_SHIFT | seq;
    by->more = (__u64)end << 32 | other;
}

static __always_inline __u32 said_seq(__u64 said)
{
    return said;
}

static __always_inline __u32 said_other(__u64 more)
{
    return more;
}

static __always_inline __u32 said_end(__u64 more)
{
    return more >> 32;
}

static __always_inline __be16 said_port(__u64 said)
{
    return said >> SAID_PORT_SHIFT;
}

static __always_inline __u8 said_flags(__u64 said)
{
    return said >> SAID_FLAGS_SHIFT;
}

static __always_inline bool said_is(__u64 said, enum said what)
{
    return said >> SAID_BITS_SHIFT & what;
}

static __always_inline __u8 said_proto(__u64 said)
{
    return said_is(said, SAID_UDP) ? IPPROTO_UDP : IPPROTO_TCP;
}

/* How far an answer to a SYN may be from it: it may acknowledge data that came with it (TCP Fast
 * Open, RFC 7413). */
#define SYN_WINDOW 65536

static __always_inline bool seq_follows(__u32 seq, __u32 syn_seq)
{
    return seq - syn_seq <= SYN_WINDOW;
}

/* The words of the address. */
#define said_addr(low, high)                     \
    {                                            \
        (low), (low) >> 32, (high), (high) >> 32 \
    }

/* A service or a backend of a directory, in one number. */
static __always_inline __u64 where_in(fs_ref dir, __u32 number)
{
    return (__u64)dir << 32 | number;
}

#endif
