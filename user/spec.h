/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a user declares: services, versions, weights and backends, as read from a file. Plain data,
 * no maps, no clock. */
#ifndef FLOWSPLIT_SPEC_H
#define FLOWSPLIT_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <flowsplit/abi.h>

#include "error.h"

/* A backend as declared: its address and port, and where in the file it stands. */
struct backend_spec {
    struct fs_endpoint at; /* proto is the service's */
    int line, column;      /* 1-based; 0 when not from a file */
};

/* A version as declared. Owns `backends`. */
struct version_spec {
    char name[FS_NAME_MAX + 1];
    unsigned weight_bp; /* 0..FS_BUCKETS, basis points */
    bool has_weight;
    struct backend_spec *backends;
    size_t backend_count;
    int line, column;
};

/* A service as declared. */
struct service_spec {
    char name[FS_NAME_MAX + 1];
    struct fs_endpoint vip;
    enum fs_mode mode;
    enum fs_affinity affinity;
    unsigned baseline; /* index into versions */
    unsigned drain_ms;
    struct version_spec versions[FS_MAX_VERSIONS];
    size_t version_count;
    int line, column;
    int vip_line, vip_column; /* of the text after "vip:" */
};

/* All services of a file. Owns `services`. */
struct spec {
    struct service_spec *services;
    size_t service_count;
};

enum {
    SPEC_DRAIN_MIN_MS = 1000,             /* 1s */
    SPEC_DRAIN_MAX_MS = 24 * 3600 * 1000, /* 24h */
    SPEC_DRAIN_DEFAULT_MS = 5 * 60 * 1000 /* 5m */
};

/* Reads services from a YAML stream and checks all that can be checked without the running state.
 * `file` names the stream in messages (file:line:column). Returns 0; or -EINVAL, -ENOMEM or the
 * errno of reading with *err set and *out empty. A baseline without a weight gets what the others
 * leave in weight_bp, and has_weight stays false. Release with spec_free(). */
int spec_read(FILE *stream, const char *file, struct spec *out, struct error *err);
void spec_free(struct spec *spec);

#endif
