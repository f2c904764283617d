/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes down what has happened by itself since the last command: what the kernel has withdrawn,
 * and what has come to rest. */
#ifndef FLOWSPLIT_SETTLE_H
#define FLOWSPLIT_SETTLE_H

#include "instance.h"
#include "sweep.h"

enum settle_way {
    SETTLE_QUICKLY, /* as far as a sweep comes in a few milliseconds */
    SETTLE_ALL,     /* what has come to rest by now, however long it takes to find out */
};

/* Settles and publishes. The caller holds the write lock. *model is the arena's new state. Returns
 * 0 or -errno with *err set and *model perhaps NULL. */
int settle(struct instance *instance, enum settle_way way, struct model **model,
           struct sweep_result *swept, struct error *err);

#endif
