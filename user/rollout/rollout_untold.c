// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which lines are events, and what is told of them. */
#include "rollout_untold.h"

#include <string.h>

static const struct {
    const char *what;
    enum plan_event event;
} events[] = {
    {"started", PLAN_EVENT_STARTED},         {"holding", PLAN_EVENT_ADVANCED},
    {"paused", PLAN_EVENT_PAUSED},           {"resumed", PLAN_EVENT_RESUMED},
    {"rolled_back", PLAN_EVENT_ROLLED_BACK}, {"promoted", PLAN_EVENT_PROMOTED},
    {"undone", PLAN_EVENT_UNDONE},
};

static json_t *message_of(const struct rollout *rollout, const json_t *line)
{
    json_t *weights = json_object();

    for (size_t i = 0; i < rollout->wished.count; i++)
        json_object_set_new(weights, rollout->wished.of[i].version,
                            json_integer(rollout->wished.of[i].weight_bp));
    return json_pack("{s:I, s:I, s:s, s:s, s:o, s:O*}", "step", (json_int_t)rollout->step + 1,
                     "steps", (json_int_t)rollout->plan.step_count, "reason", rollout->why, "who",
                     rollout->who, "weights_bp", weights, "time", json_object_get(line, "time"));
}

static unsigned who_wants(const struct plan *plan, enum plan_event event)
{
    unsigned hooks = 0;

    for (size_t i = 0; i < plan->hook_count; i++)
        hooks |= plan->hooks[i].on & (1u << event) ? 1u << i : 0;
    return hooks;
}

static void drop(struct rollout *rollout, size_t index)
{
    json_decref(rollout->untold[index].message);
    rollout->untold_count--;
    memmove(&rollout->untold[index], &rollout->untold[index + 1],
            (rollout->untold_count - index) * sizeof(rollout->untold[0]));
}

void untold_note(struct rollout *rollout, const json_t *line, uint64_t number)
{
    const char *what = json_string_value(json_object_get(line, "what"));

    for (size_t i = 0; what && i < sizeof(events) / sizeof(events[0]); i++) {
        struct untold untold = {.line = number, .event = events[i].event};

        if (strcmp(what, events[i].what))
            continue;
        untold.hooks = who_wants(&rollout->plan, untold.event);
        untold.message = untold.hooks ? message_of(rollout, line) : NULL;
        if (!untold.message)
            continue;
        if (rollout->untold_count == ROLLOUT_UNTOLD_MAX)
            drop(rollout, 0);
        rollout->untold[rollout->untold_count++] = untold;
    }
}

void untold_forget(struct rollout *rollout, uint64_t number, size_t hook)
{
    for (size_t i = 0; i < rollout->untold_count && hook < PLAN_MAX_HOOKS; i++) {
        if (rollout->untold[i].line != number)
            continue;
        rollout->untold[i].hooks &= ~(1u << hook);
        if (!rollout->untold[i].hooks)
            drop(rollout, i);
        return;
    }
}

void untold_free(struct rollout *rollout)
{
    while (rollout->untold_count)
        drop(rollout, rollout->untold_count - 1);
}
