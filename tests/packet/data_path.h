/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned programs and maps of the instance under test: runs frames through the first, reads
 * and writes the second. */
#ifndef FLOWSPLIT_DATA_PATH_H
#define FLOWSPLIT_DATA_PATH_H

#include <flowsplit/abi.h>
#include <flowsplit/reasons.h>

#include "frame.h"

enum program {
    XDP_INGRESS,
    TC_INGRESS,
    TC_EGRESS,
    XDP_LEARN,
    TC_LEARN,
    TC_STAND_IN,
    TC_EGRESS_STAND_IN,
    PROGRAM_COUNT,
};

/* Sets of programs. */
enum { XDP = 1, TC = 2, INGRESS = XDP | TC, EGRESS = 4, ALL = INGRESS | EGRESS };

extern const char *const program_names[PROGRAM_COUNT];
bool program_is_xdp(enum program program);
bool program_is_egress(enum program program);

enum verdict {
    PASS,
    DROP,
    FORWARD, /* out of another interface */
    BACK,    /* out of the same interface: at TC a FORWARD like any other */
    ANYTHING_ELSE,
};

extern const char *const verdict_names[];

/* How a program is run. */
struct run {
    enum program program;
    unsigned ifindex;    /* where the packet came in, or at egress where it leaves */
    unsigned came_in_by; /* TC egress: 0 for packets of this host */
    unsigned gso_size;   /* TC */
    bool complete;       /* TC: the card has summed the packet up */
};

/* Opens the pins under the directory. Gives up if one is missing. */
void data_path_open(const char *pin_dir);

/* Runs a frame; `out` gets what it has become, `raw` (may be NULL) what the program returned.
 * Returns 0 or -errno of the attempt. */
int data_path_try(const struct run *run, const struct frame *in, struct frame *out,
                  enum verdict *verdict, int *raw);

/* The same; gives up when it can't be run. */
enum verdict data_path_run(const struct run *run, const struct frame *in, struct frame *out);

/* All CPUs together. */
void reasons_read(uint64_t counts[FS_REASON_COUNT]);
void backend_read(unsigned number, struct fs_backend_counters *sum);

/* Checks that each counter moved since `before` by the times it is given behind; ends with -1.
 * E.g. check_reasons(before, FS_REASON_TO_LOCAL, 1, -1). */
bool check_reasons(const uint64_t before[FS_REASON_COUNT], ...);

enum table { FLOWS, UNPROVEN, UDP_FLOWS, TABLE_COUNT };
extern const char *const table_names[TABLE_COUNT];

/* How many entries a flow table has. */
unsigned table_entries(enum table table);

/* Checks the numbers of entries in all three. */
bool check_entries(unsigned flows, unsigned unproven, unsigned udp_flows);

/* An entry of the client's flow, in the scope of whatever has one. If there are several, any. */
bool table_find(enum table table, const char *client, struct fs_flow_key *key,
                struct fs_flow *flow);
/* Returns false if there is no room. */
bool table_try(enum table table, const struct fs_flow_key *key, const struct fs_flow *flow);
void table_put(enum table table, const struct fs_flow_key *key, const struct fs_flow *flow);

/* Removes all entries, and all knowledge of who talks to backends directly. */
void tables_clear(void);

/* Removes all that the programs have seen of flows, handshakes and samples, too. */
void maps_clear(void);

/* Time as in entries (FS_TICK_NS). */
uint32_t tick_now(void);

/* Says that redirecting to the interface has failed, now or so long ago that it is `over`; or
 * (FS_BAN_NONE) that it has not. */
void ban_redirect(unsigned ifindex, enum fs_ban_kind kind, bool over);

/* The arena, mapped for reading and writing. */
void *arena_map(void);

#endif
