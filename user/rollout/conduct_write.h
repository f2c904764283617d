/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a decision to the journal, to the kernel, and to those who want to know. */
#ifndef FLOWSPLIT_CONDUCT_WRITE_H
#define FLOWSPLIT_CONDUCT_WRITE_H

#include "conduct.h"

/* Writes a line, takes it up, and says it; the line is given away. Returns 0 or -errno; then the
 * journal could not be written, and nothing has happened. */
int conduct_write(struct conduct *conduct, json_t *line);

/* Carries a decision out; `who` asked for it, or NULL. Returns 0 or -errno. */
int conduct_do(struct conduct *conduct, const struct decision *decision, const char *who);

/* Announces weights and sets them. The same. */
int conduct_act(struct conduct *conduct, json_t *announcement);

/* The weights that a step sets, from those that the rollout wished last, whatever somebody may have
 * set since: what it names, and the baseline has the rest. `weight_bp` is a ramp's. */
void conduct_step_weights(const struct plan_step *step, const struct conduct *conduct,
                          unsigned weight_bp, struct weight_set *set);

/* Would it go on, if only the journal could be written? */
bool conduct_is_stalled(const struct conduct *conduct);

/* Writes down, once it can be, that the journal could not be written. Returns 0 or -errno. */
int conduct_pause_stalled(struct conduct *conduct);

/* Has hooks told of what is news since the last time, or, at first, of what the journal does not
 * say that they were. */
void conduct_tell(struct conduct *conduct);

/* Begins to count the time of the rollout's stage, or goes on with it. */
void conduct_take_stage(struct conduct *conduct, uint64_t now_ns);

/* Says something on stderr, beginning with service and version. */
void conduct_say(const struct conduct *conduct, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
