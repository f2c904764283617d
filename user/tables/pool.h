/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A version's slot table: as many slots as make its backends' shares equal enough, spread with the
 * fewest moves. Pure. */
#ifndef FLOWSPLIT_POOL_H
#define FLOWSPLIT_POOL_H

#include "draft.h"

/* Slots for a pool of `backends`: a power of two, at least 128 for each backend up to 128 of them
 * (shares within 0.8 % of equal), at least 16 beyond. */
uint32_t pool_slots(uint32_t backends);

/* Spreads the version's slots over its members. A table grows with its pool and never shrinks. With
 * no members the slots stay as they are: flows that are still there go on. Returns the number of
 * slots that moved, or -ENOMEM. */
long pool_spread(struct draft_version *version, struct split_time time);

#endif
