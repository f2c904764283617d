/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A service's table taken apart, to be changed and put together again elsewhere. Pure. */
#ifndef FLOWSPLIT_DRAFT_H
#define FLOWSPLIT_DRAFT_H

#include <flowsplit/arena.h>
#include <flowsplit/health.h>

#include "split.h"

/* What is to happen to what the kernel keeps of a version, just before the draft is published. */
enum health_act {
    HEALTH_KEEP,
    HEALTH_NEW,      /* the slot is another version's from now on */
    HEALTH_CLEAR,    /* its trip is over */
    HEALTH_WITHDRAW, /* as if it had tripped */
    HEALTH_RESTORE,  /* as NEW, and then it had tripped before */
};

/* A version and its pool. Owns `members` and `slots`. */
struct draft_version {
    char name[FS_NAME_MAX + 1];
    uint32_t state; /* enum fs_version_state */
    uint32_t weight_bp;
    uint32_t rank;
    uint32_t *members; /* numbers of backends, as declared */
    uint32_t member_count;
    struct split_item *slots;
    uint32_t slot_count;
    uint32_t health;     /* its slot, or FS_NO_HEALTH */
    bool withdrawn;      /* by trip_state: its buckets are served by the baseline */
    uint64_t trip_state; /* fs_trip_word.state that the draft has taken in */
    enum health_act act;
    uint32_t cut;        /* for HEALTH_WITHDRAW: tick from which on live flows are cut, or 0 */
    uint32_t cause;      /* for HEALTH_WITHDRAW: FS_RULE_BY_HAND or FS_RULE_ROLLOUT */
    struct fs_trip trip; /* for HEALTH_RESTORE */
    struct fs_backend_counters gone;
};

/* A service's table. Versions are numbered as in struct fs_table. */
struct draft {
    char name[FS_NAME_MAX + 1];
    uint32_t drain_ms;
    uint32_t baseline;
    uint32_t generation;
    struct fs_guard guard;
    uint32_t control;            /* health slot of the control, or FS_NO_HEALTH: there is none */
    bool control_new;            /* that slot begins at zero when the draft is published */
    bool in_control[FS_BUCKETS]; /* counts as long as the bucket is the baseline's */
    struct split_item buckets[FS_BUCKETS];
    struct draft_version versions[FS_VERSION_SLOTS];
};

/* An empty draft, whose buckets belong to nobody. NULL when out of memory. */
struct draft *draft_new(const char *name);

/* A copy of a table in the arena. NULL when out of memory. */
struct draft *draft_read(void *arena, const struct fs_table *table);

void draft_free(struct draft *draft);

/* Bytes of arena that draft_write() needs. */
size_t draft_bytes(const struct draft *draft);

/* Writes the table at `at`, which is aligned and has room for it. */
void draft_write(const struct draft *draft, void *arena, fs_ref at);

/* The number of the version with this name in any state but NONE, or -1. */
int draft_version_find(const struct draft *draft, const char *name);

/* Empties a version's place. */
void draft_version_clear(struct draft_version *version);

#endif
