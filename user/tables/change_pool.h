/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of a change that is about backends. */
#ifndef FLOWSPLIT_CHANGE_POOL_H
#define FLOWSPLIT_CHANGE_POOL_H

#include "change.h"

/* Makes a version's pool what the spec says. Returns 1 if it changed, 0 if not, or -errno with *err
 * set. `quiet`: no notes. */
int change_pool(struct change *change, uint32_t service, uint32_t version,
                const struct version_spec *spec, struct split_time time, bool quiet,
                struct error *err);

/* Takes all backends out of a version's pool at tick `now`; flows that are with them stay. */
void change_pool_empty(struct change *change, uint32_t service, uint32_t version, uint32_t now);

/* Refuses a backend of two services: one may still be draining for the other. */
int change_check_pools(const struct model *model, struct error *err);

/* Notes which backends are on this host. */
void change_locality(struct change *change);

#endif
