/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All that is steered, as a change sees it: read from the arena, altered, and published with one
 * store. Works on memory only; locks and grace periods are the caller's (see change.h). */
#ifndef FLOWSPLIT_MODEL_H
#define FLOWSPLIT_MODEL_H

#include <flowsplit/arena.h>
#include <flowsplit/health.h>

#include "draft.h"
#include "error.h"

/* A service and, once someone wants to change it, its table taken apart. */
struct model_service {
    struct fs_service record;
    struct draft *draft; /* NULL as long as nobody asked for it */
    bool changed;        /* `draft` is to be published */
};

/* Owns everything but the arena and the trips. */
struct model {
    void *arena;
    const struct fs_trips *trips; /* as much the caller's as the arena */
    uint32_t generation;
    uint32_t next_service;
    uint32_t learn_until;
    uint32_t events_known; /* fs_trips.event_count, read before any trip */
    struct fs_hash_key key;
    uint64_t created_ns; /* CLOCK_REALTIME */
    struct model_service services[FS_MAX_SERVICES];
    uint32_t service_count;
    struct fs_backend *backends; /* FS_MAX_BACKENDS; `service` is a number in `services` */
    uint32_t *left;              /* FS_MAX_BACKENDS: tick of when each left its pool, if it has */
    uint32_t backend_count;
    uint32_t free_from; /* no backend below is free */
    bool changed;       /* anything is to be published */
    bool *health_used;  /* FS_TRIP_SLOTS; NULL until somebody asks for one */
};

/* Makes the root and an empty directory in a new arena. */
void model_format(void *arena, const struct fs_hash_key *key, uint64_t created_ns);

/* Reads the arena's present state. Returns NULL with *err set when out of memory. */
struct model *model_read(void *arena, const struct fs_trips *trips, struct error *err);
void model_free(struct model *model);

/* The number of the service with this name, or -1. */
int model_find(const struct model *model, const char *name);

const char *model_name(const struct model *model, uint32_t service);

/* The service's table in the arena, which a service that is new in the model has none of. */
struct fs_table *model_table(const struct model *model, uint32_t service);

/* The service's draft, read on first use. NULL when out of memory. */
struct draft *model_draft(struct model *model, uint32_t service);

/* Adds a service with an empty draft. Returns its number, or -errno with *err set. */
int model_add(struct model *model, const char *name, const struct fs_endpoint *vip,
              enum fs_mode mode, enum fs_affinity affinity, struct error *err);

/* Removes a service and all its backends. */
void model_remove(struct model *model, uint32_t service);

/* A health slot that no version has, or FS_NO_HEALTH if there is none. */
uint32_t model_health_take(struct model *model);

/* Takes a certain health slot. Returns false if it isn't free. */
bool model_health_reserve(struct model *model, uint32_t slot);

/* The trip of a version, by its health slot. */
const struct fs_trip_word *model_trip(const struct model *model,
                                      const struct draft_version *version);

/* Is any backend of this version on record? */
bool model_version_has_backends(const struct model *model, uint32_t service, uint32_t version);

/* Puts a backend on record under a free number, flags USED. Returns the number, or -ENOSPC with
 * *err set. Its counters are the caller's to clear. */
int model_backend_add(struct model *model, uint32_t service, uint32_t version,
                      const struct fs_endpoint *at, struct error *err);

/* The same under a certain number; -EEXIST if that isn't free. */
int model_backend_put(struct model *model, uint32_t number, uint32_t service, uint32_t version,
                      const struct fs_endpoint *at, struct error *err);

void model_backend_drop(struct model *model, uint32_t number);

/* Writes what changed into free space (see directory.c) and returns the reference of the new
 * directory, still to be published; 0 with *err set if the arena is full. */
fs_ref model_write(struct model *model, struct error *err);

/* The one store that publishes. A model without services before it may have another key than the
 * arena, which then becomes the arena's: nobody has looked anything up by the old one. */
void model_commit(const struct model *model, fs_ref directory);

#endif
