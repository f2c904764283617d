/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The chains of programs that kernels from 6.6 on have in front of all qdiscs, one for each
 * direction of an interface. No program can be in a chain twice.
 *
 * An instance's programs are put in by links: nobody takes such a program out who hasn't the link.
 * A link is with the device through down, up, renaming and a move to another namespace; when the
 * device is gone, the link is in no chain any more. */
#ifndef FLOWSPLIT_TCX_H
#define FLOWSPLIT_TCX_H

#include <stdbool.h>
#include <stdint.h>

#include "chain.h"

enum tcx_way { TCX_WAY_IN, TCX_WAY_BACK };

/* Reads what is there onto the end of `chain`. Returns 0, -EOPNOTSUPP if this kernel has no tcx, or
 * another -errno. */
int tcx_read(unsigned ifindex, enum tcx_way way, struct chain *chain);

/* Puts a program in front of all others. Returns a descriptor of its link, which takes the program
 * out when it is closed and nothing else holds it, or -errno: -EEXIST if the program is in the
 * chain. */
int tcx_link_first(unsigned ifindex, enum tcx_way way, int program);

/* Its id, and whether it is in a chain. Returns 0 or -errno. */
int tcx_link_look(int link, uint32_t *id, bool *attached);

/* Puts a program where another is that has no link, in one step. Returns 0 or -errno. */
int tcx_replace(unsigned ifindex, enum tcx_way way, int old, int program);

/* Takes a program out that has no link. Returns 0 or -errno: -EBUSY if it has one. */
int tcx_remove(unsigned ifindex, enum tcx_way way, int program);

#endif
