/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One rollout as the controller conducts it: looks, decides, writes down, acts, and tells. */
#ifndef FLOWSPLIT_CONDUCT_H
#define FLOWSPLIT_CONDUCT_H

#include "check.h"
#include "means.h"
#include "notify.h"
#include "rollout_decide.h"
#include "rollout_facts.h"

/* What the controller keeps of a rollout in memory: nothing that it could not do without. */
struct conduct {
    struct means *means;
    char service[FS_NAME_MAX + 1];
    struct rollout *rollout; /* in means->rollouts */
    struct checks *checks;
    struct notify *notify;
    struct facts facts;
    struct situation situation;
    char texts[3][ROLLOUT_WHY_MAX]; /* of the situation */
    struct verdict_test tests[PLAN_MAX_RULES];
    uint64_t held_ms;
    uint64_t held_stage; /* the stage_id that held_ms is about */
    uint64_t looked_ns;
    uint64_t connections, connected_ns;
    uint64_t event_from;
    uint64_t told;                 /* hooks have been sent what is untold up to this line */
    uint64_t stage_ns;             /* when this stage began, or was taken up */
    char stalled[ROLLOUT_WHY_MAX]; /* why the journal could not be written, or "" */
    bool laid_down;                /* the rollout has ended, and its heart does not beat any more */
};

/* Takes up a rollout that the journal knows. Returns 0 or -errno with *err set. */
int conduct_begin(struct conduct *conduct, struct means *means, const char *service,
                  struct error *err);
void conduct_end(struct conduct *conduct);

/* Asks no more. */
void conduct_end_checks(struct conduct *conduct);

/* Looks at what the kernel has counted, and beats the heart. The caller holds the instance's lock.
 */
void conduct_look(struct conduct *conduct);

/* In how many ms it wants to be looked at again, at most `most_ms`. */
uint64_t conduct_due_ms(const struct conduct *conduct, uint64_t most_ms);

/* Does what follows from it. Nobody holds the lock. */
void conduct_step(struct conduct *conduct);

/* What is to be shown of it. The caller owns the reference. */
json_t *conduct_view(const struct conduct *conduct);

/* Does what somebody asks for: "pause", "resume", "promote", "abort", "undo"; `full` for promote.
 * Returns 0 or -errno with *err set. */
int conduct_ask(struct conduct *conduct, const char *what, bool full, const char *who,
                struct error *err);

/* Starts a rollout anew; `before` conducts the service's last one, which ends, or is NULL. Returns
 * 0 or -errno with *err set. */
int conduct_start(struct means *means, struct conduct *before, const struct plan *plan,
                  const char *who, struct error *err);

#endif
