/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A change to one service, from its draft to the division of its buckets. Pure. */
#ifndef FLOWSPLIT_SERVICE_CHANGE_H
#define FLOWSPLIT_SERVICE_CHANGE_H

#include "change.h"

/* What is to happen to one service. */
struct service_change {
    struct change *change;
    uint32_t number;
    struct draft *draft;
    bool is_new;
    unsigned wished[FS_VERSION_SLOTS]; /* weights before */
    struct serving serving;            /* the same */
    bool changed;
};

/* The number of the service of this name, or -ENOENT with *err set. */
int change_find(const struct change *change, const char *service, struct error *err);

/* Takes up a service by its number. Returns 0 or -ENOMEM with *err set. */
int service_open(struct service_change *sc, struct change *change, int number, bool is_new,
                 struct error *err);

/* When what changes now counts as changed. */
struct split_time service_time(const struct service_change *sc);

/* Deals the buckets out if any share differs from before, and notes what does. Returns 0 or -ENOMEM
 * with *err set. */
int service_divide(struct service_change *sc, struct error *err);

/* Marks the service as changed if it is. */
void service_close(struct service_change *sc);

#endif
