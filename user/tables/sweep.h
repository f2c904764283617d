/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes a service's moved buckets to rest: drops flow table entries that say what the hash says, or
 * whose flows are over, and settles tracked buckets and slots without exceptions. Done by whoever
 * comes by; if nobody comes, all stays right and only costs look-ups. So large tables are looked
 * through a part at a time, by several commands: what settles is what had stopped moving when the
 * first of them began, and of which none has found an exception. */
#ifndef FLOWSPLIT_SWEEP_H
#define FLOWSPLIT_SWEEP_H

#include "maps.h"
#include "model.h"

/* Entries that a command looks at: some 25 ms of work, and all of them in most tables. */
#define SWEEP_BUDGET 65536

enum sweep_end {
    SWEEP_NO_END, /* others go on where it has stopped */
    SWEEP_REST,   /* it has looked through what others had left */
    SWEEP_ALL,    /* it has looked through all */
};

/* Flow table entries of each service (by its number in the model) that were seen and stay. */
struct sweep_result {
    uint64_t entries[FS_MAX_SERVICES];
    enum sweep_end end;
};

/* Goes on with a sweep, or begins one, until it has come to an end or looked at *budget entries.
 * `model` is as read from the arena, unchanged so far; what settles is changed in it, to be
 * published by the caller, who holds the write lock. Returns 0 or -errno with *err set. */
int sweep(struct model *model, const struct maps *maps, struct fs_sweep *state, uint32_t now,
          uint64_t *budget, struct sweep_result *result, struct error *err);

/* Only counts the entries, roughly where they are many; changes nothing. */
int sweep_count(struct model *model, const struct maps *maps, struct sweep_result *result,
                struct error *err);

#endif
