/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An instance's TC programs: by tcx, first in the chain, where the kernel has it, else by filters
 * of clsact. */
#ifndef FLOWSPLIT_TC_H
#define FLOWSPLIT_TC_H

#include "instance.h"
#include "tcx.h"

#define TC_WHY 128

/* As hook_get(), hook_put(), hook_clear() and hook_look(). */
enum instance_program tc_get(const struct instance *instance, unsigned ifindex, enum tcx_way way);
int tc_put(const struct instance *instance, unsigned ifindex, enum tcx_way way,
           enum instance_program program);
int tc_clear(const struct instance *instance, unsigned ifindex, enum tcx_way way);
void tc_look(const struct instance *instance, unsigned ifindex, enum tcx_way way, char *why);

#endif
