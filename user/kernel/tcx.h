/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The chains of programs that kernels from 6.6 on have in front of all qdiscs, one for each
 * direction of an interface.
 *
 * Programs are put in without links. Such a program lives like one of XDP by netlink does: until it
 * is taken out or the interface is gone, through down, up, renaming and a move to another
 * namespace. A link's life would hang on a pin, beside an XDP program's that doesn't; and where the
 * interface went, the pin would go on telling of it. */
#ifndef FLOWSPLIT_TCX_H
#define FLOWSPLIT_TCX_H

#include <stdint.h>

#include "chain.h"

enum tcx_way { TCX_WAY_IN, TCX_WAY_BACK };

/* Reads what is there onto the end of `chain`. Returns 0, -EOPNOTSUPP if this kernel has no tcx, or
 * another -errno. */
int tcx_read(unsigned ifindex, enum tcx_way way, struct chain *chain);

/* Puts a program in front of all others. Returns 0 or -errno: -EEXIST if it is in the chain. */
int tcx_put_first(unsigned ifindex, enum tcx_way way, int program);

/* Puts a program where another is, in one step. Returns 0 or -errno. */
int tcx_replace(unsigned ifindex, enum tcx_way way, int old, int program);

/* Takes a program out. Returns 0 or -errno. */
int tcx_remove(unsigned ifindex, enum tcx_way way, int program);

#endif
