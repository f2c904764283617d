/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs in the kernel and the tools in user space agree on: limits, endpoints, flow
 * table entries and counters. Every struct has fixed-width members and an asserted size; a change
 * to any of them is a new FS_ABI. */
#ifndef FLOWSPLIT_ABI_H
#define FLOWSPLIT_ABI_H

#include <linux/types.h>

/* The number of this layout; pins made under another number are refused. */
#define FS_ABI              6

#define FS_NO_REDIRECT_SIZE 4096 /* cells of the no_redirect map, by ifindex modulo this */

#define FS_BUCKETS          10000 /* per service; one is 0.01 % of its new flows */
#define FS_MAX_SERVICES     256   /* per instance */
#define FS_MAX_VERSIONS     16    /* declared per service */
#define FS_VERSION_SLOTS    32    /* declared and retired ones whose flows live on, per service */
#define FS_MAX_POOL         4096  /* backends per version */
#define FS_MAX_BACKENDS     65536 /* per instance, draining ones included */
#define FS_NAME_MAX         63    /* bytes in a service's or version's name */

/* How a steered packet reaches its backend. */
enum fs_mode {
    FS_MODE_NAT = 0, /* destination address and port become the backend's */
};

/* What of a flow is hashed. */
enum fs_affinity {
    FS_AFFINITY_FLOW = 0,   /* address and port of the client */
    FS_AFFINITY_SOURCE = 1, /* address of the client, /64 for IPv6 */
    FS_AFFINITY_NONE = 2,   /* as FLOW, but nothing is recorded: each packet by the current owner */
};

/* An address, port and protocol: a VIP, a backend or a client. `addr` is as in the packet (network
 * byte order); IPv4 is in addr[0], the rest zero. The last four bytes are compared as one word. */
struct fs_endpoint {
    __be32 addr[4];
    __be16 port_be;
    __u8 proto;  /* IPPROTO_TCP or IPPROTO_UDP; 0 where it does not matter */
    __u8 family; /* 4 or 6 */
};

_Static_assert(sizeof(struct fs_endpoint) == 20, "fs_endpoint is part of the ABI");

/* Time in the data path: CLOCK_MONOTONIC_COARSE in units of 2^26 ns (67 ms), modulo 2^32 (9 years);
 * compare by signed difference. */
#define FS_TICK_SHIFT 26
#define FS_TICK_NS    (1ULL << FS_TICK_SHIFT)

/* How much longer than `drain` the data path goes on recording in a moved bucket, so that it never
 * stops before the publisher of a change believes that it has. 2 s and a bit. */
#define FS_MARGIN_TICKS 32

/* After how long a flow table entry counts as idle, in ticks. */
#define FS_IDLE_TCP_TICKS     (3 * 3600 * 15) /* 3 h: longer than Linux's first keepalive at 2 h */
#define FS_IDLE_UDP_TICKS     (30 * 15)       /* 30 s */
#define FS_FRESH_SYN_TICKS    (75 * 15)       /* 75 s: the longest pause between repeated SYNs */
#define FS_CLOSED_TICKS       (5 * 15)        /* after both FINs or the backend's RST */
#define FS_HALF_CLOSED_TICKS  (5 * 60 * 15)   /* after the client's FIN alone */
#define FS_CLIENT_RESET_TICKS (30 * 15) /* after a RST from the client, which anyone can fake */

/* Key of the flow tables. */
struct fs_flow_key {
    __be32 addr[4]; /* of the client; IPv4 in addr[0] */
    __be16 port_be; /* of the client */
    __u16 zero;
    __u32 scope; /* the service's id; or FS_SCOPE_DIRECT and the index of the backend it talks to */
};

_Static_assert(sizeof(struct fs_flow_key) == 24, "fs_flow_key is part of the ABI");

#define FS_SCOPE_DIRECT 0x80000000u

enum fs_flow_flags {
    FS_FLOW_CLIENT_FIN = 1,  /* the client has sent a FIN */
    FS_FLOW_BACKEND_FIN = 2, /* the backend has sent a FIN */
    FS_FLOW_CLIENT_RST = 4,  /* the client has sent a RST, and nothing else since */
    FS_FLOW_BACKEND_RST = 8, /* the backend has sent a RST */
    FS_FLOW_ANSWERED = 16,   /* the backend has sent a SYN-ACK: which backend is final */
    FS_FLOW_CONTESTED = 32,  /* a SYN with the same tuple began another flow, or claims to */
    FS_FLOW_CERTAIN = 64,    /* direct: no steered flow can have this tuple */
};

/* Why an interface isn't redirected to. */
enum fs_ban_kind {
    FS_BAN_NONE,    /* it is */
    FS_BAN_NOT_NOW, /* the last try failed: one packet tries again now and then */
    FS_BAN_NEVER,   /* its driver takes no redirected packets */
};

/* How long after a failed try nothing more is redirected to an interface, in ticks. 5 s. */
#define FS_BAN_TICKS (5 * 15)

/* A cell of the no_redirect map. */
struct fs_ban {
    __u32 kind;  /* enum fs_ban_kind */
    __u32 until; /* NOT_NOW: tick from which on a packet may try again */
};

_Static_assert(sizeof(struct fs_ban) == 8, "fs_ban is part of the ABI");

/* Value of the flow tables: where a flow is that isn't, or might not be, where the hash sends it.
 */
struct fs_flow {
    __u32 backend; /* id of the backend, with its generation: see fs_backend */
    __u32 seen;    /* tick of the last packet */
    __u32 flags;   /* enum fs_flow_flags */
    __u32 syn_seq; /* half-open: sequence number of the SYN, host byte order */
};

_Static_assert(sizeof(struct fs_flow) == 16, "fs_flow is part of the ABI");

/* Counters of one backend on one CPU. Bytes are those of the IP packets, headers included. */
struct fs_backend_counters {
    __u64 packets_in; /* from clients */
    __u64 bytes_in;
    __u64 packets_out; /* to clients */
    __u64 bytes_out;
    __u64 new_flows;   /* SYNs, new UDP flows, or with affinity none every packet */
    __u64 handshakes;  /* TCP: begun, repeated SYNs not counted again */
    __u64 answered;    /* by a SYN-ACK */
    __u64 refused;     /* by a RST */
    __u64 unanswered;  /* the SYN came again, 0.9 s later or more */
    __u64 established; /* sampled connections: the client has completed the handshake */
    __u64 ended;       /* of these: properly */
    __u64 resets;      /* of these: reset by the backend */
};

_Static_assert(sizeof(struct fs_backend_counters) == 96, "fs_backend_counters is part of the ABI");

#endif
