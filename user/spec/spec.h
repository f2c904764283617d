/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a user declares: services, versions, weights and backends, as read from a file by
 * plan_file.h. Plain data, no maps, no clock. */
#ifndef FLOWSPLIT_SPEC_H
#define FLOWSPLIT_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flowsplit/abi.h>
#include <flowsplit/guard.h>

#include "error.h"
#include "place.h"

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

/* A rule of a guard as declared: `NAME > SHARE%`, or for times `pQUANTILE NAME > DURATION`; perhaps
 * `for` a time. */
struct rule_spec {
    enum fs_signal signal;
    unsigned share_ppm; /* of outcomes that may be bad, in millionths; for times 1 - quantile */
    uint64_t limit_ns;  /* for times; else 0 */
    unsigned hold_ms;   /* how long it must have been broken; 0: at once */
    struct place place; /* no file when not from one */
};

/* How a service is guarded, as declared. Without rules nothing trips. */
struct guard_spec {
    struct rule_spec rules[FS_MAX_RULES];
    size_t rule_count;
    unsigned false_alarm_ppb; /* in billionths; not 0 */
    enum fs_on_trip on_trip;
    enum fs_live_flows live_flows;
    unsigned live_ms;             /* for FS_LIVE_DRAIN */
    unsigned close_wait_after_ms; /* how long a socket may stay in CLOSE_WAIT */
    unsigned clients;             /* of so many there must be bad outcomes, 1 to FS_CLIENTS */
    bool worse_than_baseline;     /* while the baseline breaks a rule, that rule only reports */
    unsigned recover_ms;          /* what a rule withdraws is back after that, doubled each time */
    unsigned recover_at_most;     /* so often; 0: never */
};

/* A service as declared. */
struct service_spec {
    char name[FS_NAME_MAX + 1];
    struct fs_endpoint vip;
    enum fs_mode mode;
    enum fs_affinity affinity;
    unsigned baseline; /* index into versions */
    unsigned drain_ms;
    unsigned sample_shift; /* n: one flow in 2^n is sampled */
    bool http;             /* it speaks plaintext HTTP/1 */
    bool reset;            /* connections to the VIP that are older than flowsplit are reset */
    struct guard_spec guard;
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
    SPEC_DRAIN_MIN_MS = 1000,                     /* 1s */
    SPEC_DRAIN_MAX_MS = 24 * 3600 * 1000,         /* 24h */
    SPEC_DRAIN_DEFAULT_MS = 5 * 60 * 1000,        /* 5m */
    SPEC_SAMPLE_MAX_SHIFT = 16,                   /* 1/65536 */
    SPEC_SAMPLE_DEFAULT_SHIFT = 4,                /* 1/16 */
    SPEC_FALSE_ALARM_MAX_PPB = 500 * 1000 * 1000, /* 0.5; the least is 1e-9 */
    SPEC_FALSE_ALARM_DEFAULT_PPB = 1000,          /* 1e-6 */
    SPEC_CLOSE_WAIT_DEFAULT_MS = 30000,           /* 30s */
    SPEC_CLIENTS_DEFAULT = 3,
    SPEC_HOLD_MAX_MS = 3600 * 1000, /* 1h; the least is 1ms */
    SPEC_RECOVER_MAX = 10           /* times */
};

void spec_free(struct spec *spec);

#endif
