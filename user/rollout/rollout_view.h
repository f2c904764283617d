/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rollout as `rollout status --json` shows it, and as a person sees it. */
#ifndef FLOWSPLIT_ROLLOUT_VIEW_H
#define FLOWSPLIT_ROLLOUT_VIEW_H

#include "rollout_decide.h"
#include "rollout_facts.h"

/* All that is known of a rollout. The caller owns the reference. */
json_t *rollout_view(const struct rollout *rollout, const struct facts *facts,
                     const struct situation *situation);

/* All rollouts of a journal, by what the kernel shows now; only that of `service` if it isn't NULL.
 * Needs no controller. NULL with *err set on failure. */
json_t *rollout_view_all(const char *pin_dir, const char *state_dir, const char *service,
                         struct error *err);

/* Prints it for a person. */
void rollout_print(const json_t *view);

/* Only where it is and why. */
void rollout_print_head(const json_t *view);

#endif
