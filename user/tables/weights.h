/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives a service's buckets to its versions by weight. Pure. */
#ifndef FLOWSPLIT_WEIGHTS_H
#define FLOWSPLIT_WEIGHTS_H

#include "draft.h"
#include "error.h"

/* A weight by the name of its version. */
struct named_weight {
    const char *version;
    unsigned weight_bp;
};

/* Sets weights by name in the draft: what isn't named keeps its own, the baseline takes the rest,
 * unless it is named too, when all must come to 100 %. Moves no bucket. Returns 0, or -EINVAL with
 * *err set and nothing changed. */
int weights_set(struct draft *draft, const struct named_weight *weights, size_t count,
                struct error *err);

/* Says that the service has no version of this name, and which it has. Returns -EINVAL. */
int weights_unknown_version(const struct draft *draft, const char *name, struct error *err);

/* The shares that the versions really get: a withdrawn one nothing, and the baseline that. */
void weights_effective(const struct draft *draft, unsigned bp[FS_VERSION_SLOTS]);

/* Who serves the buckets of each version. */
struct serving {
    uint32_t by[FS_VERSION_SLOTS];
    bool cut[FS_VERSION_SLOTS]; /* its live flows are cut */
};

/* As things are at `now`. */
struct serving weights_serving(const struct draft *draft, const struct fs_trips *trips,
                               uint32_t now);

/* Divides the buckets by the weights. What moves, and when it moved last, goes by who serves a
 * bucket, `before` and now. `before` may be NULL where time.drain is 0. Returns the number of
 * buckets that move, or -ENOMEM. */
long weights_divide(struct draft *draft, const struct serving *before, struct split_time time);

#endif
