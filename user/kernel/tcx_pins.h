/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The links that hold an instance's programs in tcx, pinned so that they live without a process.
 *
 * What is attached is read from the chains. The pins only keep the links: links/tcx_WAY_ID keeps
 * the link of that id, whatever the name, number and network namespace of its interface are. */
#ifndef FLOWSPLIT_TCX_PINS_H
#define FLOWSPLIT_TCX_PINS_H

#include "instance.h"
#include "tcx.h"

/* Puts a program in front of all others of a chain, to stay. Returns 0 or -errno: -EEXIST if it is
 * in the chain. */
int tcx_pins_put_first(const struct instance *instance, unsigned ifindex, enum tcx_way way,
                       int program);

/* Sees to it that a link stays, and holds `program`, in one step with what it held. Returns 0 or
 * -errno: -EEXIST if another link of the chain holds it. */
int tcx_pins_keep(const struct instance *instance, enum tcx_way way, uint32_t link, int program);

/* Takes what a link holds out of its chain, and the link's pin away. Returns 0 or -errno. */
int tcx_pins_remove(const struct instance *instance, enum tcx_way way, uint32_t link);

/* Removes the pins of links whose interface is gone. Returns how many are left: in the chains of
 * this network namespace or any other. */
unsigned tcx_pins_sweep(const struct instance *instance);

#endif
