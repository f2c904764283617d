/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Carries out what the journal has announced: weights, the control, a withdrawal. All or nothing,
 * and doing it twice is as good as once. */
#ifndef FLOWSPLIT_ROLLOUT_ACT_H
#define FLOWSPLIT_ROLLOUT_ACT_H

#include "rollout.h"

/* Does what rollout->act says, with rollout->wished. Waits for other commands. Returns 0 or -errno
 * with *err set and nothing changed. */
int rollout_do(const char *pin_dir, const struct rollout *rollout, struct error *err);

#endif
