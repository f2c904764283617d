/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The steps of a run: what each does is told by the seed, its number and what there is. */
#ifndef FLOWSPLIT_ATTACKS_STEPS_H
#define FLOWSPLIT_ATTACKS_STEPS_H

#include <stdint.h>

/* Back to where a run begins. */
void steps_begin(void);

void step_make(uint64_t seed, uint64_t number);

/* The end of a run: each live flow is attacked once more, entries that are over are swept, and then
 * each must still work. */
void steps_end(uint64_t seed, uint64_t number);

#endif
