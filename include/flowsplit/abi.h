/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs in the kernel and the tools in user space agree on: limits, endpoints, flow
 * table entries and counters. Every struct has fixed-width members and an asserted size; a change
 * to any of them is a new FS_ABI. */
#ifndef FLOWSPLIT_ABI_H
#define FLOWSPLIT_ABI_H

#include <linux/types.h>

/* The number of this layout; pins made under another number are refused. */
#define FS_ABI              7

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
#define FS_IDLE_TCP_TICKS    (3 * 3600 * 15) /* 3 h: longer than Linux's first keepalive at 2 h */
#define FS_IDLE_UDP_TICKS    (30 * 15)       /* 30 s */
#define FS_ANSWER_UDP_TICKS  (180 * 15)      /* 3 min: until when a backend's packet is an answer */
#define FS_UNPROVEN_TICKS    (75 * 15)       /* 75 s: the longest pause between repeated SYNs */
#define FS_CLOSED_TICKS      (5 * 15)        /* after both FINs or a RST */
#define FS_HALF_CLOSED_TICKS (5 * 60 * 15)   /* after the client's FIN alone */

/* How long after a flow could not be written down new flows stay where they would have been before
 * the change, and so need no record. 5 s. */
#define FS_FULL_TICKS (5 * 15)

/* After how long a backend without records of its flows knows who was steered to it lately, so that
 * a direct packet can't take a steered flow's answers. 5 s. */
#define FS_LEARN_UDP_TICKS (5 * 15)

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
    FS_FLOW_CLIENT_FIN = 1,  /* the client has sent a FIN, and the backend acknowledged it */
    FS_FLOW_BACKEND_FIN = 2, /* the backend has sent a FIN */
    FS_FLOW_CLIENT_RST = 4,  /* the client has sent a RST, with the number that RFC 5961 asks for */
    FS_FLOW_BACKEND_RST = 8, /* the backend has sent a RST */
    FS_FLOW_FIN_NOTED = 16,  /* a FIN in the client's name: `end` is what will acknowledge it */
    FS_FLOW_CONTESTED = 32,  /* a backend has answered a SYN with the same tuple */
    FS_FLOW_CERTAIN = 64,    /* direct: no steered flow can have this tuple */
    FS_FLOW_BY_SYN = 128,    /* direct: what asks is a SYN, */
    FS_FLOW_ANSWERED = 512,  /* and the backend has answered it */
    FS_FLOW_STEERED = 256,   /* a UDP client was steered to the backend lately; or this SYN was, and
                                left to the stack to be forwarded */
    FS_FLOW_HALF = 1024,     /* what the backend has sent may be of half a connection */
};

/* Why an interface isn't redirected to. */
enum fs_ban_kind {
    FS_BAN_NONE,    /* it is */
    FS_BAN_NOT_NOW, /* the last try failed: one packet tries again now and then */
    FS_BAN_UNABLE,  /* its driver takes no redirected packets: now and then it is looked again */
};

/* How long after a failed try or look nothing is redirected to an interface, in ticks. 5 s. */
#define FS_BAN_TICKS (5 * 15)

/* A cell of the no_redirect map. */
struct fs_ban {
    __u32 kind;  /* enum fs_ban_kind */
    __u32 until; /* tick from which on a packet may try, or look, again */
};

_Static_assert(sizeof(struct fs_ban) == 8, "fs_ban is part of the ABI");

/* Value of the flow tables: where a flow is that isn't, or might not be, where the hash sends it.
 * Sequence numbers are in host byte order. */
struct fs_flow {
    __u32 backend; /* id of the backend, with its generation: see fs_backend */
    __u32 seen;    /* tick of the last packet of the backend's, or of anyone's where unproven */
    __u32 flags;   /* enum fs_flow_flags */
    __u32 acked;   /* the client's number that the backend acknowledged last; of who asks directly,
                      the backend's number that it acknowledges, or the end of another SYN */
    __u32 end;     /* the number after the client's FIN; of who asks directly, after its packet */
    __u32 from;    /* by which interface the backend's packets come; 0: from this host */
};

#define FS_FROM_UNKNOWN 0xffffffffu

/* How far a sweep of the flow tables has come, and what it has found: with large tables it takes
 * several commands. An item that an entry needs is marked with the sweep's number, here or in
 * fs_bucket_move and fs_slot_move. Only user space uses it, with the write lock. */
struct fs_sweep {
    __u32 number; /* 1 to 255, round and round; 0: none has ever begun */
    __u32 began;  /* tick */
    __u32 under_way;
    __u32 table;    /* which flow table comes next, and where in it: as bpf_map_lookup_batch() */
    __u32 position; /* has it */
    __u32 zero;
    __u8 backends[FS_MAX_BACKENDS]; /* by number: marks */
};

_Static_assert(sizeof(struct fs_sweep) == 24 + FS_MAX_BACKENDS, "fs_sweep is part of the ABI");

/* The handshakes that backends have answered lately in moving buckets, by a keyed fingerprint of
 * client, service and the number that acknowledges the answer. One cache line. A cell is
 * FS_ANSWER_* or 0; of a full set the oldest goes. */
#define FS_ANSWER_WAYS      8
#define FS_ANSWER_SETS      (1 << 19)
#define FS_ANSWER_BACKEND   0xffffull /* number of the backend */
#define FS_ANSWER_AGE_SHIFT 16        /* 8 bits: when, in units of 4 ticks */
#define FS_ANSWER_TAG_SHIFT 24        /* 40 bits of the fingerprint */

struct fs_answers {
    __u64 cells[FS_ANSWER_WAYS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct fs_answers) == 64, "fs_answers is part of the ABI");

_Static_assert(sizeof(struct fs_flow) == 24, "fs_flow is part of the ABI");

/* A datagram or segment that comes in fragments: what only the first of them says. */
struct fs_fragment_key {
    __be32 source[4], dest[4]; /* IPv4 in [0] */
    __be32 id_be;
    __u8 family;
    __u8 proto; /* IPv4; in IPv6 later fragments may say what they like (RFC 8200, 4.5) */
    __u16 zero;
};

_Static_assert(sizeof(struct fs_fragment_key) == 40, "fs_fragment_key is part of the ABI");

struct fs_fragment {
    __be16 source_be, dest_be; /* ports */
    __u8 proto;                /* IPPROTO_TCP or IPPROTO_UDP */
    __u8 tcp_flags;
    __u16 zero;
    __u32 seen; /* tick */
};

_Static_assert(sizeof(struct fs_fragment) == 12, "fs_fragment is part of the ABI");

/* After how long a first fragment's later ones are waited for no more: Linux's own ipfrag_time. */
#define FS_FRAGMENT_TICKS (30 * 15)

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
