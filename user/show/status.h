/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an instance does, as data: gathered once, shown as JSON or as text. */
#ifndef FLOWSPLIT_STATUS_H
#define FLOWSPLIT_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

/* All interfaces and services, or only the service of that name if `service` isn't NULL, in the
 * form of `status --json` (README, "JSON"). Sweeps when nobody holds the lock. NULL with *err set
 * on failure; no instance is an empty one. The caller owns the reference. */
json_t *status_gather(const char *pin_dir, const char *service, struct error *err);

/* The ways of an interface. */
enum status_way { STATUS_WAY_IN, STATUS_WAY_BACK, STATUS_WAYS };

enum { STATUS_FAULT_MAX = 192 };

/* What is wrong with a way of one of its interfaces, for a person: "eth0: the way in: missing". buf
 * holds STATUS_FAULT_MAX. Returns buf, or NULL if packets reach the program. */
const char *status_fault(const json_t *interface, enum status_way way, char *buf);

/* Is what it says of the interfaces all as it should be? */
bool status_trusted(const json_t *status);

/* Prints it for a person. `before` and `seconds` (since it) add rates; NULL for none. */
void status_print(const json_t *status, const json_t *before, double seconds);

#endif
