/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The attacker: sends what nobody should, in others' names. It sees no packet of others, but
 * guesses well: it knows who talks to whom, and its numbers are often just ahead of the real ones.
 * The right number itself it never hits; who does could do the same without flowsplit. */
#ifndef FLOWSPLIT_ATTACKS_FORGE_H
#define FLOWSPLIT_ATTACKS_FORGE_H

#include "hosts.h"

/* One packet, about this flow. */
void forge(struct conn *victim);

/* Some thousand of a kind, in the names of nobody who is there. */
void forge_flood(void);

#endif
