/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a declared guard to the fixed-point arithmetic of the data path. Pure. */
#ifndef FLOWSPLIT_USER_GUARD_H
#define FLOWSPLIT_USER_GUARD_H

#include "spec.h"

/* The rates of bad outcomes that the scores of a rule with this limit are made to notice; all are
 * above the limit and below 1. */
void guard_rates(unsigned share_ppm, double rates[FS_BANKS]);

/* Fills in all of *guard but its edition, which becomes 0. */
void guard_build(const struct guard_spec *spec, struct fs_guard *guard);

#endif
