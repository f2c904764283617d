/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The arena: one flat piece of memory, an array map of one element that user space maps, which
 * holds everything that steers. User space writes, the data path reads.
 *
 *   fs_root --> fs_directory --> services --> fs_table of each
 *                           \--> backends
 *
 * Nothing that can be reached from the root is ever changed, except the root's one reference: a
 * change builds a new directory (and the tables that differ) in free space, stores the reference,
 * and waits for a grace period. What can't be reached from the root is free. Two things are edited
 * in place, a byte and a word that nothing is built upon: the marks of sweeps, and when a bucket
 * stops moving, where `flows` is full. */
#ifndef FLOWSPLIT_ARENA_H
#define FLOWSPLIT_ARENA_H

#include <linux/types.h>

#include "abi.h"
#include "guard.h"
#include "hash.h"
#include "observers.h"

#define FS_ARENA_SIZE  (64u << 20)
#define FS_ARENA_GUARD (128u << 10) /* behind the end: a masked offset plus any struct fits */
#define FS_ARENA_BYTES (FS_ARENA_SIZE + FS_ARENA_GUARD)
#define FS_ARENA_ALIGN 64u
#define FS_ARENA_MAGIC 0x74696c7073776f66ULL /* "fowsplit" */

/* A byte offset into the arena; 0 is none. */
typedef __u32 fs_ref;

/* A pointer into the arena. The mask makes any offset safe, which is all the verifier asks; that
 * it is the right one is the publisher's promise. */
#define fs_at(type, arena, ref) ((type *)((char *)(arena) + ((ref) & (FS_ARENA_SIZE - 1))))

/* At offset 0. */
struct fs_root {
    __u64 magic;
    __u32 abi;
    fs_ref directory; /* the one store that publishes */
    struct fs_hash_key key;
    __u64 created_ns;                /* CLOCK_REALTIME */
    __u16 refused[FS_MAX_OBSERVERS]; /* by enum fs_observer: errno with which the kernel refused the
                                        program, or 0: it took it */
};

_Static_assert(sizeof(struct fs_root) == 88, "fs_root is part of the ABI");

#define FS_ROOT_BYTES 4096u /* the first extent begins here */

/* An index of endpoints by open addressing with linear probing. A cell is 0 (empty), or the number
 * of a record plus one. `mask` is the number of cells less one; no search is longer than
 * FS_INDEX_PROBES cells. */
struct fs_index {
    fs_ref cells; /* __u32[mask + 1] */
    __u32 mask;
};

#define FS_INDEX_PROBES 8

/* A set of 16-bit ports (as in the packet, network byte order), one bit each. */
struct fs_port_set {
    __u64 words[1024];
};

/* All that is steered at one time. */
struct fs_directory {
    __u32 bytes;         /* of the extent: this struct, the records and cells behind it */
    __u32 generation;    /* counts publications */
    __u32 next_service;  /* id of the next new service */
    __u32 service_count; /* records in `services` */
    __u32 backend_count; /* records in `backends`, unused ones included */
    fs_ref services;     /* struct fs_service[service_count] */
    fs_ref backends;     /* struct fs_backend[backend_count] */
    fs_ref left;         /* __u32[backend_count]: tick of when each left its pool, if it has */
    __u32 learn_until;   /* tick until which unknown direct flows are taken for what they seem */
    __u32 events_known;  /* fs_trips.event_count, whose trips the tables have taken in */
    __u32 zero[2];
    struct fs_index vips; /* by fs_service.vip */
    struct fs_index pool; /* by fs_backend.at */
    struct fs_port_set vip_ports;
    struct fs_port_set backend_ports;
};

_Static_assert(sizeof(struct fs_directory) == 64 + 2 * 8192, "fs_directory is part of the ABI");

/* A service, as far as every packet needs it. */
struct fs_service {
    struct fs_endpoint vip;
    __u32 id; /* never reused in an instance */
    __u64 salt;
    fs_ref table;
    __u32 sample;   /* flows whose hash is no higher are observed: 2^(32 - n) - 1 for one in 2^n */
    __u8 mode;      /* enum fs_mode */
    __u8 affinity;  /* enum fs_affinity */
    __u8 http;      /* 1: it speaks plaintext HTTP/1 */
    __u8 unsettled; /* 1: a bucket or slot of its table is */
    __u8 adopt;     /* enum fs_adopt */
    __u8 zero[3];
};

/* Connections to the VIP that are older than flowsplit go on with the server that has them. */
enum fs_adopt {
    FS_ADOPT_WANTED = 1,
    FS_ADOPT_UNDER_WAY = 2, /* there may be some: each packet asks for it */
};

_Static_assert(sizeof(struct fs_service) == 48, "fs_service is part of the ABI");

/* A backend. Its number in fs_directory.backends is the lower 16 bits of its id and stays the same
 * as long as anything refers to it; the upper 16 are a generation, raised when the number is given
 * away again, so that an old flow table entry never means another backend. */
struct fs_backend {
    struct fs_endpoint at;
    __u32 id;
    __u16 service;    /* number in fs_directory.services */
    __u8 version;     /* number in fs_table.versions */
    __u8 flags;       /* enum fs_backend_flags */
    __u16 addr_delta; /* ones' complement sum: the backend's address less the VIP's */
    __u16 l4_delta;   /* the same, ports included */
};

_Static_assert(sizeof(struct fs_backend) == 32, "fs_backend is part of the ABI");

enum fs_backend_flags {
    FS_BACKEND_USED = 1,    /* the record is in use */
    FS_BACKEND_IN_POOL = 2, /* takes new flows if its version does */
    FS_BACKEND_LOCAL = 4,   /* its address is one of this host's */
};

/* What the data path needs of a version. */
struct fs_pool {
    fs_ref slots;     /* __u32[slot_count], see FS_SLOT_* */
    __u32 slot_count; /* a power of two, or 0: no backends */
    __u32 health;     /* the version's number in the map `health`, or FS_NO_HEALTH */
    __u32 zero;
    __u64 trip_state; /* fs_trip_word.state that this table has taken in */
};

/* A slot: the number of a backend, and whether the slot is unsettled. */
#define FS_SLOT_UNSETTLED 0x80000000u
#define FS_SLOT_BACKEND   0x0000ffffu

/* A bucket's owner: the number of a version, whether the bucket is unsettled, and whether what its
 * flows say is also the control's (fs_table.control). While its owner is withdrawn, a bucket is
 * served by the baseline. */
#define FS_OWNER_UNSETTLED 0x80u
#define FS_OWNER_CONTROL   0x40u
#define FS_OWNER_VERSION   0x1fu

/* How a bucket came to who serves it. Read by the data path only where the bucket is unsettled. */
struct fs_bucket_move {
    __u32 moving_until; /* tick; from then on the bucket is tracked */
    __u16 order;        /* place in its owner's order of taking: the latest is given back first */
    __u8 previous;      /* version that served it before */
    __u8 swept;         /* number of the sweep that last found an exception */
};

/* The same for a slot; `previous` is the number of a backend, FS_NO_BACKEND for none. */
struct fs_slot_move {
    __u32 moving_until;
    __u16 order;
    __u8 swept;
    __u8 zero;
    __u32 previous;
};

#define FS_NO_BACKEND 0xffffffffu

enum fs_version_state {
    FS_VERSION_NONE = 0,
    FS_VERSION_DECLARED = 1,
    FS_VERSION_RETIRED = 2, /* no longer declared, but live flows may still be with it */
};

/* What user space needs of a version. Its pool's backends are the records of fs_directory.backends
 * that name it. */
struct fs_version {
    char name[FS_NAME_MAX + 1];
    __u32 weight_bp;    /* its buckets; while it is withdrawn it serves none of them */
    __u32 withdrawn;    /* 1: by fs_pool.trip_state, its buckets are served by the baseline */
    __u32 state;        /* enum fs_version_state */
    __u32 rank;         /* place in the file, from 0 */
    __u32 member_count; /* backends in the pool */
    fs_ref members;     /* __u32[member_count], numbers of backends as in the file */
    fs_ref slot_moves;  /* struct fs_slot_move[slot_count] */
    __u32 zero;
    struct fs_backend_counters gone; /* of backends that are no longer on record */
};

/* A service's table: which version has each bucket, which backend each slot. */
struct fs_table {
    __u8 owner[FS_BUCKETS];
    struct fs_pool pool[FS_VERSION_SLOTS];
    __u32 bytes;      /* of the extent: this struct, and slots, moves and members behind it */
    __u32 generation; /* counts changes of this service */
    __u32 drain_ms;
    __u32 baseline;  /* number in versions */
    __u32 control;   /* number in the map `health` that collects the control's, or FS_NO_HEALTH */
    __u32 unsettled; /* whether a bucket or slot is */
    char name[FS_NAME_MAX + 1];
    struct fs_guard guard;
    struct fs_version versions[FS_VERSION_SLOTS];
    struct fs_bucket_move moves[FS_BUCKETS];
};

_Static_assert(sizeof(struct fs_bucket_move) == 8, "fs_bucket_move is part of the ABI");
_Static_assert(sizeof(struct fs_slot_move) == 12, "fs_slot_move is part of the ABI");
_Static_assert(sizeof(struct fs_version) == 192, "fs_version is part of the ABI");
_Static_assert(sizeof(struct fs_table) == FS_BUCKETS * 9 + FS_VERSION_SLOTS * (24 + 192) + 24 +
                                              FS_NAME_MAX + 1 + sizeof(struct fs_guard),
               "fs_table is part of the ABI");
_Static_assert(sizeof(struct fs_table) <= FS_ARENA_GUARD, "the guard covers any struct");

#endif
