/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rollouts for tests, made as the controller makes them: of the lines of a journal. */
#ifndef FLOWSPLIT_UNIT_ROLLOUT_LINES_H
#define FLOWSPLIT_UNIT_ROLLOUT_LINES_H

#include "plan_text.h"
#include "rollout.h"

/* A time of a line, in seconds from LINES_BEGIN_MS; at most 59. */
#define LINES_BEGIN_MS 1795248000000ULL

static inline json_t *line_at(json_t *line, unsigned second)
{
    char text[40];

    snprintf(text, sizeof(text), "2026-11-21T08:00:%02u.000Z", second % 60);
    json_object_set_new(line, "time", json_string(text));
    return line;
}

/* Takes a line, and the reference to it. */
static inline void lines_take(struct rollouts *rollouts, json_t *line)
{
    struct error err = {{0}};
    int code = rollouts_take(rollouts, line, &err);

    if (code)
        fail_msg("%s", err.text);
    json_decref(line);
}

static inline struct weight_set two_weights(unsigned stable_bp, unsigned canary_bp)
{
    return (struct weight_set){.of = {{.version = "stable", .weight_bp = stable_bp},
                                      {.version = "canary", .weight_bp = canary_bp}},
                               .count = 2};
}

/* A rollout that has begun by the plan of a text. Release with rollouts_free(). */
static inline struct rollout *lines_start(struct rollouts *rollouts, const char *text,
                                          const struct weight_set *start)
{
    struct plan_file contents;

    plan_text_accepted(text, &contents);
    lines_take(rollouts, line_at(rollout_line_started(&contents.plan, start, "root"), 0));
    plan_file_free(&contents);
    return rollouts_find(rollouts, "web");
}

/* Its stage is announced and done. */
static inline void lines_hold(struct rollouts *rollouts, struct rollout *rollout, size_t step,
                              unsigned stage, unsigned canary_bp)
{
    struct weight_set weights = two_weights(FS_BUCKETS - canary_bp, canary_bp);
    struct measure measures[PLAN_MAX_RULES] = {{.known = false}};

    for (size_t i = 0; i < PLAN_MAX_RULES; i++)
        measures[i].known = true;
    lines_take(rollouts,
               line_at(rollout_line_advancing(rollout, step, stage, &weights, 7, "", NULL), 1));
    lines_take(rollouts, line_at(rollout_line_holding(rollout, measures, 0, 0), 2));
}

#endif
