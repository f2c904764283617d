/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel observes, judges and does by itself: maps that the programs write and user space
 * maps into its memory. Apart from the arena, so that neither side overwrites the other's. */
#ifndef FLOWSPLIT_HEALTH_H
#define FLOWSPLIT_HEALTH_H

#include "abi.h"
#include "guard.h"

#define FS_HEALTH_SLOTS 1024 /* observed versions of an instance, retired ones included */
#define FS_NO_HEALTH    FS_HEALTH_SLOTS /* a version for which no slot was left */
#define FS_TRIP_SLOTS   2048            /* a power of two above FS_NO_HEALTH */

/* Histogram of times: log-linear, 16 bins an octave, so that no bin is wider than 1/16 (6.25 %) of
 * its lower end. The first 16 are 32 ns wide each, up to 512 ns; 28 octaves follow, up to 137 s.
 * Longer times are in the last one. */
#define FS_BIN_SHIFT   5
#define FS_BIN_BITS    4
#define FS_BIN_OCTAVES 28
#define FS_BINS        ((FS_BIN_OCTAVES + 1) << FS_BIN_BITS)

static __always_inline __u32 fs_bin(__u64 ns)
{
    __u64 value = ns >> FS_BIN_SHIFT;
    __u32 octave = 0;

    if (value >= 1ULL << (FS_BIN_OCTAVES + FS_BIN_BITS))
        return FS_BINS - 1;
#pragma GCC unroll 5
    for (int step = 16; step; step >>= 1) /* how far to shift until only 1xxxx is left */
        if (value >> (octave + step) >= 1u << FS_BIN_BITS)
            octave += step;
    if (value < 1u << FS_BIN_BITS)
        return (__u32)value;
    return ((octave + 1) << FS_BIN_BITS) + (__u32)((value >> octave) & ((1u << FS_BIN_BITS) - 1));
}

/* The shortest time in a bin, in ns; of FS_BINS, where the last one ends. */
static __always_inline __u64 fs_bin_low(__u32 bin)
{
    __u32 octave = bin >> FS_BIN_BITS;
    __u64 part = bin & ((1u << FS_BIN_BITS) - 1);

    if (!octave)
        return part << FS_BIN_SHIFT;
    return ((1ULL << FS_BIN_BITS) + part) << (octave - 1) << FS_BIN_SHIFT;
}

struct fs_histogram {
    __u64 count;
    __u64 sum_ns;
    __u64 bins[FS_BINS];
};

/* What a rule has seen. The present evidence is what has come since all scores were zero; times are
 * CLOCK_MONOTONIC. Clients are told apart by fs_hash_source() modulo FS_CELLS: two may share a cell
 * and count as one, but none has two. */
struct fs_score {
    __u64 total; /* outcomes since the version was declared or cleared, or came back */
    __u64 bad;
    __u64 first_bad_ns;        /* of the present evidence; 0: there is none */
    __u64 reached_ns;          /* when it was complete first; 0: it isn't, or has lapsed */
    __s64 score[2 * FS_BANKS]; /* by bank; those from FS_BANKS on, where the rule asks for several
                                  clients, are without bad outcomes that a client can provoke */
    __u8 cells[FS_CELLS]; /* of the present evidence: bad outcomes by client, up to FS_CELL_MAX */
    __u32 edition;        /* of the rules that all this belongs to */
    __u32 zero;
};

_Static_assert(sizeof(struct fs_score) == 88 + FS_CELLS, "fs_score is part of the ABI");

/* How many cells, and so at least how many clients, the present evidence has come from. */
static __always_inline __u32 fs_score_clients(const struct fs_score *score)
{
    const __u64 ones = 0x0101010101010101ULL, *words = (const __u64 *)score->cells;
    __u32 clients = 0;

    for (int i = 0; i < FS_CELLS / 8; i++) {
        __u64 used = words[i];

        used |= used >> 4; /* then the lowest bit of each byte says whether there is any */
        used |= used >> 2;
        used |= used >> 1;
        clients += (used & ones) * ones >> 56;
    }
    return clients;
}

enum fs_trip_state {
    FS_TRIP_NONE,
    FS_TRIP_REPORTED,  /* a rule was broken; the version goes on */
    FS_TRIP_WITHDRAWN, /* by a rule, or by hand */
    FS_TRIP_ENDING,    /* it is just coming back */
};

#define FS_RULE_BY_HAND   0xffffffffu
#define FS_RULE_HEARTBEAT 0xfffffffeu /* its rollout's controller fell silent */
#define FS_RULE_ROLLOUT   0xfffffffdu /* its rollout was rolled back */

/* The last trip of a version. Times are CLOCK_MONOTONIC in ns. */
struct fs_trip {
    __u32 state; /* enum fs_trip_state */
    __u32 rule;  /* its number, or one of FS_RULE_* */
    __u64 total, bad;
    __s64 score;
    __u64 first_bad_ns;
    __u64 trip_ns;
    __u64 last_new_ns; /* of the last new flow before the trip */
    __u64 diverted_ns; /* of the first new flow that went to the baseline instead; 0: none yet */
    __u64 event;       /* number of its event */
    __u64 back_ns;     /* when it comes back by itself, or did; 0: not at all */
    __u64 baseline_total, baseline_bad; /* what the rule had seen of the baseline */
    __u32 baseline_breaks;              /* 1: the baseline broke it, too, so this is no more than a
                                           report */
    __u32 clients;                      /* that gave bad outcomes */
    __u32 recovered; /* how often the version has come back by itself since it was cleared */
    __u32 zero;
    struct fs_rule cause;
};

/* TCP_ESTABLISHED (1) to TCP_NEW_SYN_RECV (12), include/net/tcp_states.h */
#define FS_TCP_STATES 13

/* How a socket's connection ended. */
enum fs_socket_end {
    FS_END_OTHER,         /* timed out, or destroyed */
    FS_END_CLIENT,        /* the client's FIN came first */
    FS_END_BACKEND,       /* the backend's did */
    FS_END_CLIENT_RESET,  /* by a RST from the client */
    FS_END_BACKEND_RESET, /* by a RST from the backend */
    FS_END_COUNT,
};

/* The sockets of a version's backends on this host. `lifetime_ns` is a sum over closed sockets; the
 * other sums are over closed ones and, as of the last look, those that live. */
struct fs_sockets {
    __u64 now[FS_TCP_STATES]; /* sockets by TCP state */
    __u64 stuck;              /* in CLOSE_WAIT for longer than the guard's close_wait_after, now */
    __u64 opened;
    __u64 ended[FS_END_COUNT];
    __u64 lifetime_ns;
    __u64 bytes_in, bytes_out; /* payload */
    __u64 rtt_us, rtt_count;   /* of each socket's last smoothed RTT */
    __u64 segments;            /* with payload, sent again ones included */
    __u64 retransmits;
};

/* A socket in CLOSE_WAIT that the clock for these does not know. */
enum fs_untimed {
    FS_UNTIMED_NO,    /* it does, or there is nothing to time */
    FS_UNTIMED_SHORT, /* so far; judged by who looks, or at the socket's end */
    FS_UNTIMED_STUCK, /* for too long, which has been said */
};

/* What is kept of a socket. Written with the socket locked. */
struct fs_socket {
    __u64 born_ns;             /* CLOCK_MONOTONIC */
    __u64 state_ns;            /* when it came to its state */
    __u64 bytes_in, bytes_out; /* counted in the sums so far, like the next three */
    __u32 data_segments;
    __u32 retransmits;
    __u32 rtt_us;
    __u32 backend;  /* id */
    __u32 health;   /* slot of the version */
    __u32 epoch;    /* of the slot */
    __u32 segments; /* reported to the guard so far */
    __u32 state;    /* TCP state */
    __u32 end;      /* enum fs_socket_end, as far as it is known */
    __u32 bucket;   /* of the client */
    __u32 client;   /* fs_hash_source() */
    __u32 repeated; /* what the client had acknowledged, plus one, when a timer sent something again
                       that isn't judged yet; 0: there is no such thing */
    __u32 untimed;  /* enum fs_untimed */
    __u32 zero;
};

_Static_assert(sizeof(struct fs_socket) == 88, "fs_socket is part of the ABI");

/* A connection, as it is now. */
struct fs_connection_now {
    struct fs_endpoint client;
    struct fs_endpoint local;
    __u64 bytes_in, bytes_out; /* payload */
    __u32 rtt_us;
    __u32 segments;
    __u32 retransmits;
    __u32 zero;
};

/* What the iterator writes for each socket of a backend. */
struct fs_connection {
    struct fs_socket socket;
    struct fs_connection_now now;
};

_Static_assert(sizeof(struct fs_connection) == 160, "fs_connection is part of the ABI");

#define FS_HTTP_CLASSES 6 /* 1xx to 5xx; 0: not to be read */

/* Outcomes of a signal that is a share, since the slot was given away. */
struct fs_tally {
    __u64 total;
    __u64 bad;
};

enum fs_heart_act {
    FS_HEART_HOLD,     /* nothing changes: only an event says so */
    FS_HEART_ROLLBACK, /* the version is withdrawn */
};

/* The heartbeat of the controller whose rollout is about this version. User space writes all of it
 * but `told`. */
struct fs_heart {
    __u64 beat_ns;       /* of the last beat, CLOCK_MONOTONIC */
    __u64 lost_after_ns; /* a beat older than that was the last; 0: no rollout is under way */
    __u64 held_ns;       /* how long the rollout's stage has been held */
    __u64 stage;         /* which one: the seed of its control */
    __u32 then;          /* enum fs_heart_act */
    __u32 live_flows;    /* enum fs_live_flows, for ROLLBACK */
    __u32 live_ticks;
    __u32 told; /* 1: the kernel has done what is to be done */
};

_Static_assert(sizeof(struct fs_heart) == 48, "fs_heart is part of the ABI");

/* One observed version, or the control that a rollout compares with. */
struct fs_health {
    __u64 last_new_ns;    /* of the last new flow, CLOCK_MONOTONIC */
    __u64 last_answer_ns; /* of the last SYN-ACK, CLOCK_MONOTONIC */
    __u64 epoch;          /* how often the slot has been given away; the rest began at zero then */
    struct fs_heart heart;
    struct fs_trip trip;
    struct fs_tally tallies[FS_SIGNAL_COUNT];
    struct fs_score scores[FS_MAX_RULES];
    __u64 http[FS_HTTP_CLASSES];
    struct fs_sockets sockets;
    struct fs_histogram connect_time;
    struct fs_histogram response_time;
};

/* Where the flows are that aren't on record, while a change that isn't in the tables moves them. */
enum fs_trip_former {
    FS_FORMER_TABLE,    /* where they were by the table before the first such change */
    FS_FORMER_OWNER,    /* with the buckets' owner */
    FS_FORMER_BASELINE, /* with the baseline */
};

/* A version that takes no new flows although buckets are its own, or takes them again. `state` is
 * changed as a whole, after all the rest. In ticks; 0: not at all. */
struct fs_trip_word {
    union {
        struct {
            __u32 tick; /* since when it is withdrawn */
            __u32 back; /* since when it is back */
        };
        __u64 state;
    };
    __u32 cut;    /* while withdrawn: from when on its live flows are cut */
    __u32 until;  /* while withdrawn: from when on it is back by itself */
    __u32 first;  /* when the first change came that isn't in the tables (fs_pool.trip_state) */
    __u32 former; /* enum fs_trip_former */
};

_Static_assert(sizeof(struct fs_trip_word) == 24, "fs_trip_word is part of the ABI");

/* What the kernel withdraws by: the map .data.trips. */
struct fs_trips {
    __u64 event_count; /* ever written: the next one's number */
    __u32 full;        /* tick of when a flow could not be written down last; 0: never */
    __u32 zero;
    struct fs_trip_word words[FS_TRIP_SLOTS];
};

_Static_assert(sizeof(struct fs_trips) == 16 + FS_TRIP_SLOTS * 24, "fs_trips is part of the ABI");

enum fs_handshake_flags {
    FS_HANDSHAKE_SOUND = 1,      /* the SYN was one that no host drops (sound.bpf.h) */
    FS_HANDSHAKE_FAILED = 2,     /* it counts as unanswered already */
    FS_HANDSHAKE_ANSWERED = 4,   /* by a SYN-ACK */
    FS_HANDSHAKE_CLOSED = 8,     /* and the backend has sent a FIN since */
    FS_HANDSHAKE_CONTESTED = 16, /* it came over a connection that may still have lived */
    FS_HANDSHAKE_PLAIN = 32,     /* sound, but perhaps for its checksum */
    FS_HANDSHAKE_DATA = 64,      /* it brought data, which the SYN-ACK may acknowledge */
};

/* The last handshake of a flow. Times are CLOCK_MONOTONIC. */
struct fs_handshake {
    __u64 tag;      /* fs_hash_flow() of its key; 0: empty, or being written */
    __u64 first_ns; /* of the SYN; or, if CLOSED, of the backend's FIN */
    __u64 last_ns;  /* of the SYN's last repetition */
    __u32 backend;  /* id */
    __u32 syn_seq;  /* host byte order */
    __u32 flags;    /* enum fs_handshake_flags */
    __u32 zero;
};

/* Handshakes are kept in sets, by fs_hash_flow() modulo their number; a new one takes the place of
 * the one in its set that was longest without a SYN. */
#define FS_HANDSHAKE_WAYS 4
#define FS_HANDSHAKE_SETS (1u << 15)

struct fs_handshakes {
    struct fs_handshake ways[FS_HANDSHAKE_WAYS];
};

_Static_assert(sizeof(struct fs_handshake) == 40, "fs_handshake is part of the ABI");

/* Clients of the map `served`; a power of two. */
#define FS_SERVED (1u << 17)

enum fs_sample_flags {
    FS_SAMPLE_ESTABLISHED = 1, /* the client has acknowledged the SYN-ACK, which no forger can */
    FS_SAMPLE_WAITING = 2,     /* the client has said something, the backend not since */
    FS_SAMPLE_JUDGED = 4,      /* its end has been scored */
    FS_SAMPLE_HEAD = 8,        /* HTTP: the last request was HEAD, whose answer has no body */
    FS_SAMPLE_CHUNKED = 16,    /* HTTP: the response that goes on is in chunks */
    FS_SAMPLE_LAST = 32,       /* HTTP: it isn't known where the last request ends */
    FS_SAMPLE_UNCLEAR = 64,    /* HTTP: nor where the next response begins */
};

/* A connection in the sample. */
struct fs_sample {
    __u64 request_ns; /* when the last of a request was sent; CLOCK_MONOTONIC; while WAITING */
    __u32 backend;    /* id */
    __u32 flags;      /* enum fs_sample_flags */
    /* Sequence numbers, host byte order. */
    __u32 answer_seq;    /* of the SYN-ACK */
    __u32 request_end;   /* behind what the client has sent */
    __u32 request_ack;   /* what the client had got by then: where the answer begins */
    __u32 request_next;  /* HTTP: where the next request begins */
    __u32 response_next; /* HTTP: where the next response begins, or its next chunk */
    __u32 zero;
};

_Static_assert(sizeof(struct fs_sample) == 40, "fs_sample is part of the ABI");

#define FS_EVENTS 2048 /* kept; a power of two */

enum fs_event_kind {
    FS_EVENT_TRIP = 1,  /* a rule was broken, or a heartbeat lost and the version withdrawn */
    FS_EVENT_COMMAND,   /* a person's act, or a controller's */
    FS_EVENT_HEARTBEAT, /* a heartbeat was lost; nothing else changed */
    FS_EVENT_RECOVERY,  /* a withdrawn version came back by itself; `trip` is what ended */
};

/* Something that happened. Written by the programs, and by commands under the instance's lock. */
struct fs_event {
    __u64 number;  /* plus one; 0 while it is being written */
    __u64 time_ns; /* CLOCK_MONOTONIC */
    __u32 kind;    /* enum fs_event_kind */
    __u32 health;  /* TRIP, RECOVERY: the version's slot */
    char service[FS_NAME_MAX + 1];
    char version[FS_NAME_MAX + 1];
    union {
        struct fs_trip trip;
        struct {
            char verb[16]; /* the command */
            char who[48];
            char text[256];
        };
    };
};

_Static_assert(sizeof(struct fs_event) == 472, "fs_event is part of the ABI");

#endif
