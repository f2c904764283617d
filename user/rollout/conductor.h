/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All rollouts of a controller. */
#ifndef FLOWSPLIT_CONDUCTOR_H
#define FLOWSPLIT_CONDUCTOR_H

#include "conduct.h"

struct conductor {
    struct means means;
    struct conduct **conducts;
    size_t count;
};

/* The conduct of a service's rollout, or NULL. */
struct conduct *conductor_find(const struct conductor *conductor, const char *service);

/* Takes up the service's rollout, in the place of its last one. Returns 0 or -errno with *err set.
 */
int conductor_take_up(struct conductor *conductor, const char *service, struct error *err);

/* The same for all that the journal has. */
int conductor_take_up_all(struct conductor *conductor, struct error *err);

/* Reads a plan, and goes on with its rollout or starts it. Returns 0 or -errno with *err set: no
 * plan, one that can't be carried out, or the service is in a rollout by another one. */
int conductor_read_plan(struct conductor *conductor, const char *file, struct error *err);

/* Ends all conducts; the rest is the owner's. */
void conductor_end(struct conductor *conductor);

#endif
