/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A version's health as data, and for a person. */
#ifndef FLOWSPLIT_STATUS_HEALTH_H
#define FLOWSPLIT_STATUS_HEALTH_H

#include <jansson.h>

#include <flowsplit/health.h>

#include "draft.h"

/* What is known of a version: `slot` is NULL if it isn't observed, `sum` its backends' counters.
 * The caller owns the reference. */
json_t *status_health(const struct draft *draft, const struct draft_version *version,
                      const struct fs_health *slot, const struct fs_backend_counters *sum);

/* Prints it, indented below its version. */
void status_health_print(const json_t *health);

#endif
