/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plan as JSON, which is YAML: what is written here, plan_file_read() reads back. */
#ifndef FLOWSPLIT_PLAN_JSON_H
#define FLOWSPLIT_PLAN_JSON_H

#include <jansson.h>

#include "plan.h"

/* {"rollout": {...}} with every key, defaults too, and names put into texts. An equal plan gives
 * the same JSON, but for places, which are left out. NULL when out of memory. */
json_t *plan_json(const struct plan *plan);

#endif
