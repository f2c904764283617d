/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pseudo-random numbers, which for each step begin anew from the seed and the step's number: so a
 * step does the same whatever steps are left out before it. */
#ifndef FLOWSPLIT_ATTACKS_CHANCE_H
#define FLOWSPLIT_ATTACKS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

void chance_begin(uint64_t seed, uint64_t step);

uint32_t chance(void);

/* From 0 to `count` - 1. */
unsigned chance_below(unsigned count);

/* True once in `count` times. */
bool chance_in(unsigned count);

#endif
