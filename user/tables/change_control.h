/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The control that a rollout compares its version with: as many of the baseline's buckets as the
 * version has, chosen at random. What their flows say is collected apart as well. Pure. */
#ifndef FLOWSPLIT_CHANGE_CONTROL_H
#define FLOWSPLIT_CHANGE_CONTROL_H

#include "change.h"

/* Chooses the control anew for a version, from a random `seed`. Without so many buckets the
 * baseline's are all in it; with none, it is empty. What has been collected is kept as long as
 * there is a control. Returns 0 or -errno with *err set. */
int change_control(struct change *change, const char *service, const char *version, uint64_t seed,
                   struct error *err);

/* Ends the control, if there is one. */
int change_control_end(struct change *change, const char *service, struct error *err);

/* How many buckets the control has. */
unsigned control_buckets(const struct draft *draft);

#endif
