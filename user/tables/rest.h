/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settles tracked buckets and slots without exceptions, and takes backends and versions off the
 * record that no flow needs. */
#ifndef FLOWSPLIT_REST_H
#define FLOWSPLIT_REST_H

#include <flowsplit/steer.h>

#include "maps.h"
#include "model.h"

/* The data path records for FS_MARGIN_TICKS longer than the bucket moves; the rest is for a packet
 * that read the clock just before. */
#define SETTLE_TICKS (FS_MARGIN_TICKS + 4)

/* `sweep` has seen all entries, and the tables that `model` is read from have its marks. There are
 * no drafts yet, and afterwards none but of what has settled: they would be older than the marks of
 * the next sweep. Returns 0 or -ENOMEM. */
int rest(struct model *model, const struct maps *maps, const struct fs_sweep *sweep);

#endif
