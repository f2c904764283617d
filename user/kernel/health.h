/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel keeps of each observed version, seen from user space. */
#ifndef FLOWSPLIT_USER_HEALTH_H
#define FLOWSPLIT_USER_HEALTH_H

#include <flowsplit/health.h>

#include "model.h"

/* Does what the drafts of a model that is about to be published ask for (enum health_act). `health`
 * has FS_HEALTH_SLOTS; `now_ns` is CLOCK_MONOTONIC. */
void health_prepare(struct fs_health *health, struct fs_trips *trips, const struct model *model,
                    uint64_t now_ns);

/* Why a version tripped: a rule, or what was done to it. `buf` holds RULE_TEXT_MAX. Returns buf. */
const char *health_trip_why(const struct fs_trip *trip, char *buf);

/* The shortest time that is no shorter than a share `q` (0 < q < 1) of those in a histogram, in ns,
 * to the middle of its bin; 0 if there are none. */
uint64_t health_quantile(const struct fs_histogram *histogram, double q);

#endif
