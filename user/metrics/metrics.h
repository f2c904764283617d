/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All that an instance does, as metrics: gathered under a shared lock, then written family by
 * family. docs/metrics.md is the list. */
#ifndef FLOWSPLIT_METRICS_H
#define FLOWSPLIT_METRICS_H

#include <flowsplit/arena.h>
#include <flowsplit/reasons.h>

#include "error.h"
#include "metrics_text.h"

/* Labels in these are written already: what a sample's line has between its braces. */

struct metrics_backend {
    struct metrics_labels labels; /* service, version, backend */
    struct fs_backend_counters counters;
    bool local, draining;
};

struct metrics_version {
    struct metrics_labels labels; /* service, version */
    double weight;
    uint64_t buckets, slots, moving_slots;
    bool baseline, retired, withdrawn;
    struct fs_backend_counters counters; /* former backends' included */
    const struct fs_guard *guard;
    const struct fs_health *health; /* NULL if it isn't observed */
};

struct metrics_service {
    struct metrics_labels labels; /* service */
    struct metrics_labels info;   /* service and what it is */
    uint64_t drain_ms, generation, moving_buckets, tracked_buckets, flow_entries;
};

/* Something that there is, and whether it works. */
struct metrics_thing {
    struct metrics_labels labels;
    bool works;
};

/* A program that only observes. */
struct metrics_observer {
    struct metrics_labels tracepoint; /* label tracepoint: what it is on */
    struct metrics_labels program;    /* label program */
    int error;                        /* errno of the kernel's refusal; 0: it works */
};

/* A rollout that is under way or has ended. Who runs rollouts fills these in. */
struct metrics_rollout {
    struct metrics_labels labels; /* service, version */
    const char *state;            /* one of metrics_rollout_states */
    uint64_t step, steps;         /* from 1 on */
    uint64_t held_ns;             /* in this step */
    uint64_t state_ns;            /* in this state */
    uint64_t beat_age_ns;         /* since the last heartbeat */
    uint64_t lost_after_ns;       /* the heartbeat counts as lost after that */
    struct metrics_evidence {
        struct metrics_labels labels; /* service, version, rule */
        double log_e;                 /* of the hypothesis "worse" */
        double threshold;             /* from which on it is "worse" */
    } * rules;
    size_t rule_count;
    struct metrics_check {
        struct metrics_labels labels; /* service, version, check */
        double passing;               /* 1: passes, 0: fails, NaN: no answer */
    } * checks;
    size_t check_count;
};

extern const char *const metrics_rollout_states[]; /* ended by NULL */

/* What there is to write. Owns its arrays; what `guard` and `health` point to is the caller's. */
struct metrics {
    bool up;
    double seconds;       /* that gathering took */
    uint64_t monotonic_0; /* CLOCK_REALTIME at CLOCK_MONOTONIC 0, in ns */
    uint64_t reasons[FS_REASON_COUNT];
    uint64_t events;
    struct metrics_thing *interfaces; /* labels interface, mode */
    size_t interface_count;
    struct metrics_thing *ways; /* labels interface, way; two of each interface */
    size_t way_count;
    struct metrics_observer *observers;
    size_t observer_count;
    struct metrics_service *services;
    size_t service_count;
    struct metrics_version *versions;
    size_t version_count;
    struct metrics_backend *backends;
    size_t backend_count;
    struct metrics_rollout *rollouts;
    size_t rollout_count;
};

void metrics_free(struct metrics *metrics);

/* A family: `write` puts its samples, if there are any. */
struct metrics_family {
    const char *name;
    enum metrics_type type;
    const char *help;
    void (*write)(struct metrics_text *text, const struct metrics_family *family,
                  const struct metrics *metrics);
    size_t offset; /* for `write`: where the value is */
};

/* Families, ended by one without a name; a file for each, listed in metrics.c. */
extern const struct metrics_family metrics_instance_families[], metrics_service_families[],
    metrics_traffic_families[], metrics_health_families[], metrics_guard_families[],
    metrics_rollout_families[];

/* Writes all families. Pure. */
void metrics_write(struct metrics_text *text, const struct metrics *metrics);

/* Gathers what the instance at `pin_dir` does and writes it; waits for its lock, but not for long.
 * Whatever happens, the text is complete and true: without an instance that can be read it says
 * `flowsplit_up 0`. Returns 0, -ENOENT or -ENOTDIR if there is no instance, or another -errno; *err
 * says why.
 */
int metrics_exposition(struct metrics_text *text, const char *pin_dir, const char *state_dir,
                       struct error *err);

/* Adds the rollouts of the journal in `state_dir`, by what the open and locked instance shows.
 * Returns 0 or -errno with *err set. */
struct instance;
int metrics_gather_rollouts(struct metrics *metrics, const struct instance *instance,
                            const char *state_dir, struct error *err);

#endif
