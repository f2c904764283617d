/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What has happened, kept in the kernel: trips, written by the programs, and what people did. */
#ifndef FLOWSPLIT_EVENTS_H
#define FLOWSPLIT_EVENTS_H

#include <jansson.h>

#include "instance.h"

/* Writes down a person's act, once for each line of `notes`; one that begins with "NAME: " is about
 * that service or interface. The caller holds the write lock. */
void events_log(const struct instance *instance, const char *verb, const char *notes);

/* Skips the events from number *from on that are no longer kept. Returns how many they are. */
uint64_t events_skip_gone(const struct instance *instance, uint64_t *from);

/* Is `trip` of an event there? */
bool events_has_trip(const struct fs_event *event);

/* Calls `visit` for all events kept from number *from on, oldest first, up to one that is still
 * being written, and sets *from to the next one's. Returns how many of them were not there. */
uint64_t events_each(const struct instance *instance, uint64_t *from,
                     void (*visit)(void *context, const struct fs_event *event), void *context);

/* An event in the form of `events --json` (README, "JSON"). The caller owns the reference. */
json_t *events_json(const struct fs_event *event);

#endif
