/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's maps say of a rollout: weights, cohorts and their counters. Reads only. */
#ifndef FLOWSPLIT_ROLLOUT_FACTS_H
#define FLOWSPLIT_ROLLOUT_FACTS_H

#include "instance.h"
#include "rollout.h"

enum { FACTS_TEXT_MAX = 160 };

/* Health slots are mapped memory that the kernel goes on writing; they stay valid as long as the
 * instance is open. */
struct facts {
    char gone[FACTS_TEXT_MAX];      /* why the rollout can't go on, or "" */
    char withdrawn[FACTS_TEXT_MAX]; /* why the version is withdrawn, or "" */
    struct weight_set weights;      /* as wished */
    uint64_t all_connections;       /* new ones of all declared versions, ever */
    char baseline_name[FS_NAME_MAX + 1];
    unsigned drain_ms;
    unsigned sample_shift;
    unsigned version_buckets, control_buckets;
    struct fs_health *version, *control, *baseline; /* NULL: not observed, or no control */
};

/* Reads them. The caller holds the instance's lock, shared or not. */
void facts_read(const struct instance *instance, const struct plan *plan, struct facts *facts);

/* Can the plan be carried out on the service as it is? Returns 0, or -errno with *err set. The
 * caller holds the lock. */
int facts_check(const struct instance *instance, const struct plan *plan, struct error *err);

/* New connections of the version, ever. */
uint64_t facts_connections(const struct facts *facts);

/* Who changed weights of a service last, since the event number *from on, which is moved on; "" if
 * the controller did or nobody. buf holds `size`. Returns buf. */
const char *facts_meddler(const struct instance *instance, const char *service, uint64_t *from,
                          char *buf, size_t size);

/* Beats. `held_ms` is the stage's. */
void facts_beat(const struct facts *facts, const struct rollout *rollout, uint64_t held_ms);

/* Ends the beating for good. */
void facts_beat_end(const struct facts *facts);

/* How long the stage had been held when the heart last beat, in ms; 0 if that was another stage. */
uint64_t facts_held_ms(const struct facts *facts, const struct rollout *rollout);

#endif
