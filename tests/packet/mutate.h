/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spoils frames, at random but where it hurts: lengths, types, flags, addresses, ends. */
#ifndef FLOWSPLIT_MUTATE_H
#define FLOWSPLIT_MUTATE_H

#include "frame.h"

/* Changes the frame in one to a few ways. `ends` are endpoints that are worth writing into it. It
 * stays between 14 and MUTATE_MAX bytes long if it was. */
#define MUTATE_MAX 2000
void mutate(struct frame *frame, const struct end *ends, size_t count);

#endif
