/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rollout under way: the sum of its lines in the journal. Whoever reads these knows all there is
 * to know, so the controller may die at any line. Pure. */
#ifndef FLOWSPLIT_ROLLOUT_H
#define FLOWSPLIT_ROLLOUT_H

#include <jansson.h>

#include "answer.h"
#include "plan.h"
#include "verdict.h"

enum rollout_state {
    ROLLOUT_RUNNING,
    ROLLOUT_PAUSED,
    ROLLOUT_PROMOTED,
    ROLLOUT_ROLLED_BACK,
    ROLLOUT_UNDONE,
};

/* What changes weights. The journal announces it by one line and says by another that it is done.
 */
enum rollout_act { ACT_NONE, ACT_ADVANCE, ACT_ROLL_BACK, ACT_PROMOTE, ACT_UNDO };

/* A weight for each version of the service. */
struct weight_set {
    struct plan_weight of[FS_MAX_VERSIONS];
    size_t count;
};

/* Where a rule's comparison began: what the counters showed then. */
struct measure {
    bool known;
    struct tally version, control;
    uint64_t version_limit_ns, control_limit_ns; /* times: what takes longer is bad */
    double base_rate;                            /* see struct question */
};

/* An event that hooks have still to be told of. */
struct untold {
    uint64_t line; /* of the journal */
    enum plan_event event;
    unsigned hooks;  /* set of 1 << hook */
    json_t *message; /* owned */
};

enum { ROLLOUT_WHY_MAX = 256, ROLLOUT_WHO_MAX = 64, ROLLOUT_UNTOLD_MAX = 32 };

/* Owns its plan. */
struct rollout {
    struct plan plan;
    enum rollout_state state;
    enum rollout_act act;     /* announced, and perhaps not done yet */
    struct weight_set start;  /* weights before the rollout */
    struct weight_set wished; /* weights of the last act */
    size_t step;
    unsigned stage;     /* of a ramp, from 0 */
    unsigned weight_bp; /* of the plan's version, at this stage */
    uint64_t stage_id;  /* no two stages of a journal have the same; 0: before the first */
    uint64_t seed;      /* of the stage's control */
    struct measure measures[PLAN_MAX_RULES];
    uint64_t connections;     /* counted for the version when the stage began */
    uint64_t all_connections; /* the same for all versions */
    uint64_t began_ms;        /* times: CLOCK_REALTIME */
    uint64_t stage_ms;
    uint64_t ended_ms;
    uint64_t state_ms; /* since when it is in its state */
    struct {
        enum check_answer answer;
        char text[ANSWER_TEXT_MAX];
    } checks[PLAN_MAX_CHECKS]; /* the last answers, by check */
    bool held;                 /* the stage's weights are set, and its comparison has begun */
    bool soaked;               /* promoted for good */
    bool by_hand;              /* paused because somebody changed weights */
    bool stuck;                /* paused because it can't go where it was to end */
    char why[ROLLOUT_WHY_MAX]; /* of the last change of state */
    char who[ROLLOUT_WHO_MAX];
    struct untold untold[ROLLOUT_UNTOLD_MAX]; /* the oldest first */
    size_t untold_count;
};

/* All rollouts of a journal, the last one of each service. */
struct rollouts {
    struct rollout **list;
    size_t count;
    uint64_t lines; /* read so far */
};

/* Takes up the next line of the journal. Returns 0 or -errno with *err set. */
int rollouts_take(struct rollouts *rollouts, const json_t *line, struct error *err);

/* Reads a journal. Returns 0 or -errno with *err set; release with rollouts_free() in any case. */
int rollouts_read(const char *dir, struct rollouts *rollouts, struct error *err);
void rollouts_free(struct rollouts *rollouts);

/* The last rollout of a service, or NULL. */
struct rollout *rollouts_find(const struct rollouts *rollouts, const char *service);

/* Is it neither promoted nor rolled back nor undone? */
bool rollout_is_under_way(const struct rollout *rollout);

extern const char *const rollout_state_names[]; /* "running", ... by enum rollout_state */

/* --- lines; the caller owns the reference --- */

json_t *rollout_line_started(const struct plan *plan, const struct weight_set *start,
                             const char *who);

/* A line that changes nothing but the state: "paused", "resumed", "promoted", "rolled_back",
 * "undone", "soaked". */
json_t *rollout_line(const struct rollout *rollout, const char *what, const char *why,
                     const char *who);

/* A line that announces an act: "advancing", "rolling_back", "promoting", "undoing". */
json_t *rollout_line_act(const struct rollout *rollout, enum rollout_act act,
                         const struct weight_set *weights, const char *why, const char *who);

/* "advancing": the step, stage, and the seed of its control besides. */
json_t *rollout_line_advancing(const struct rollout *rollout, size_t step, unsigned stage,
                               const struct weight_set *weights, uint64_t seed, const char *why,
                               const char *who);

/* "checked": check number `check` answers otherwise than before. */
json_t *rollout_line_checked(const struct rollout *rollout, size_t check,
                             const struct finding *finding);

/* "told": a hook is done with the event of line `of`; `text` is what there is to say. */
json_t *rollout_line_told(const struct rollout *rollout, size_t hook, uint64_t of, bool ok,
                          const char *text);

/* "holding": the stage's weights are set, and its comparison begins. */
json_t *rollout_line_holding(const struct rollout *rollout, const struct measure *measures,
                             uint64_t connections, uint64_t all_connections);

/* --- weights --- */

/* The weight of a version, or 0. */
unsigned weight_set_get(const struct weight_set *set, const char *version);

bool weight_set_same(const struct weight_set *a, const struct weight_set *b);

/* "stable 95%, canary 5%"; returns buf. */
const char *weight_set_text(const struct weight_set *set, char *buf, size_t size);

#endif
