/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands do to a model: declare, delete, set weights. Each does all it says or returns
 * an error, after which the model is to be thrown away. Touches no map; the clock is passed in. */
#ifndef FLOWSPLIT_CHANGE_H
#define FLOWSPLIT_CHANGE_H

#include <stdio.h>

#include <flowsplit/signals.h>

#include "model.h"
#include "spec.h"
#include "weights.h"

/* What a change needs to know of the world. */
struct change {
    struct model *model;
    uint32_t now;   /* tick */
    uint32_t slack; /* ticks it may take from `now` to the publication; moves last longer by it */
    bool (*is_local)(const struct fs_endpoint *); /* is it an address of this namespace? */
    bool (*is_here)(const struct fs_endpoint *);  /* or of another one of this host? */
    const char *missing[FS_SIGNAL_COUNT];         /* tracepoints that signals can't do without */
    FILE *notes;                                  /* one line for each thing that changes */
};

/* Makes the services what the spec says: adds, changes and removes. Returns 0 or -errno with *err
 * set; model->changed tells whether there was anything to do. */
int change_apply(struct change *change, const struct spec *spec, struct error *err);

int change_delete(struct change *change, const char *service, struct error *err);

/* Sets weights by name; what isn't named keeps its own, the baseline takes the rest. */
int change_set(struct change *change, const char *service, const struct named_weight *weights,
               size_t weight_count, struct error *err);

#endif
