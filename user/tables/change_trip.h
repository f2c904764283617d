/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Withdrawing versions, by hand or after the kernel did, and the end of it. Pure. */
#ifndef FLOWSPLIT_CHANGE_TRIP_H
#define FLOWSPLIT_CHANGE_TRIP_H

#include "change.h"

/* Writes down what the kernel has done: the buckets of a version that it has withdrawn, or given
 * back, have moved as of then. Notes nothing. Returns 0, or -ENOMEM with *err set. */
int change_settle_trips(struct model *model, struct error *err);

/* What is to become of live flows. */
struct live_choice {
    bool as_guarded; /* what the service's guard says; else: */
    enum fs_live_flows live;
    unsigned ms; /* for FS_LIVE_DRAIN */
};

/* Withdraws a version as if it had tripped; `cause` is FS_RULE_BY_HAND or FS_RULE_ROLLOUT. Returns
 * 0 or -errno with *err set. */
int change_withdraw(struct change *change, const char *service, const char *version,
                    const struct live_choice *live, uint32_t cause, struct error *err);

/* Ends a trip: the version gets its weight back. `is_tripped` tells of one that was only reported.
 * Returns 0 or -errno with *err set. */
int change_clear(struct change *change, const char *service, const char *version,
                 bool (*is_tripped)(void *context, uint32_t health), void *context,
                 struct error *err);

#endif
