/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the few steps that it takes to break a promise, and tells of them packet by packet. */
#ifndef FLOWSPLIT_ATTACKS_SHRINK_H
#define FLOWSPLIT_ATTACKS_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "promise.h"

/* It was broken in this step of the run; `end`: in its end. */
void shrink(uint64_t seed, enum promise promise, uint64_t step, bool end);

#endif
