/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes a service's moved buckets to rest: drops flow table entries that say what the hash says, or
 * whose flows are over, and settles tracked buckets and slots without exceptions. Done by whoever
 * comes by; if nobody comes, all stays right and only costs look-ups. */
#ifndef FLOWSPLIT_SWEEP_H
#define FLOWSPLIT_SWEEP_H

#include "maps.h"
#include "model.h"

/* Flow table entries of each service (by its number in the model) that stay. */
struct sweep_result {
    uint64_t entries[FS_MAX_SERVICES];
};

/* `model` is as read from the arena, unchanged so far; what settles is changed in it, to be
 * published by the caller, who holds the write lock. Returns 0 or -errno with *err set. */
int sweep(struct model *model, const struct maps *maps, uint32_t now, struct sweep_result *result,
          struct error *err);

/* Only counts the entries; changes nothing. */
int sweep_count(struct model *model, const struct maps *maps, struct sweep_result *result,
                struct error *err);

#endif
