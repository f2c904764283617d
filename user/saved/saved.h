/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All that steers as one JSON text, to be taken up after a reboot: every client then gets to the
 * same backend as before. Pure. The form:
 *
 *   {"flowsplit_saved": 1, "checksum": "crc32 01234567", "contents": {...}}
 *
 * The checksum is that of the contents, written without blanks and with sorted keys, so the file
 * may be laid out anew, but not be altered. */
#ifndef FLOWSPLIT_SAVED_H
#define FLOWSPLIT_SAVED_H

#include <jansson.h>

#include <flowsplit/health.h>

#include "iface.h"
#include "model.h"

#define SAVED_FORMAT    2
#define SAVED_MAX_BYTES (128u << 20)

/* What is to be saved. */
struct saved_source {
    struct model *model;            /* with its trips settled (change_trip.h) */
    const struct fs_health *health; /* FS_HEALTH_SLOTS */
    const struct iface *ifaces;
    int iface_count;
    uint64_t realtime_0; /* what CLOCK_REALTIME was when CLOCK_MONOTONIC was 0 */
};

/* The contents. What is moving is saved as if it had settled; who has only live flows, not at all.
 * NULL when out of memory; the caller owns the reference. */
json_t *saved_contents(const struct saved_source *source);

/* The file's text with these contents; malloc'ed, NULL when out of memory. */
char *saved_text(json_t *contents);

/* The contents of a text of that form; `name` is the file's, for messages. NULL with *err set if it
 * was cut off or altered, is of a newer format or nothing of the kind. The caller owns the
 * reference. */
json_t *saved_open(const char *text, size_t length, const char *name, struct error *err);

/* Puts the contents into a model that has no services. Nothing is moving then. Returns 0, or -errno
 * with *err set and the model to be thrown away. */
int saved_restore(const json_t *contents, struct model *model, uint64_t realtime_0,
                  struct error *err);

/* Can they be restored? Returns 0, or -errno with *err set. */
int saved_check(const json_t *contents, struct error *err);

/* Number `i` of the interfaces; false if there are no more. */
bool saved_iface(const json_t *contents, size_t i, const char **name, enum iface_mode *mode);

/* Adds an interface to the contents. Returns 0 or -ENOMEM. */
int saved_iface_add(json_t *contents, const char *name, enum iface_mode mode);

#endif
