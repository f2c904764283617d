/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a rollout's hooks have still to be told, as the journal has it: a controller that was killed
 * tells it when it is back. So each hook is told of each event at least once, or the journal says
 * why not. Pure. */
#ifndef FLOWSPLIT_ROLLOUT_UNTOLD_H
#define FLOWSPLIT_ROLLOUT_UNTOLD_H

#include "rollout.h"

/* Notes what hooks want to know of a line that the rollout has just taken up, if anything; `number`
 * is the line's. Of more than ROLLOUT_UNTOLD_MAX events the oldest is forgotten. */
void untold_note(struct rollout *rollout, const json_t *line, uint64_t number);

/* A hook is done with an event; what isn't there is left alone. */
void untold_forget(struct rollout *rollout, uint64_t number, size_t hook);

void untold_free(struct rollout *rollout);

#endif
