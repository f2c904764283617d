// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is known of a plan without anything else: its defaults, its words, how its ramps go. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

const char *const plan_event_names[PLAN_EVENT_COUNT] = {
    [PLAN_EVENT_STARTED] = "started",         [PLAN_EVENT_ADVANCED] = "advanced",
    [PLAN_EVENT_PAUSED] = "paused",           [PLAN_EVENT_RESUMED] = "resumed",
    [PLAN_EVENT_ROLLED_BACK] = "rolled_back", [PLAN_EVENT_PROMOTED] = "promoted",
    [PLAN_EVENT_UNDONE] = "undone",
};

const char *const plan_comparison_signs[CHECK_COMPARISON_COUNT] = {
    [CHECK_ABOVE] = ">",
    [CHECK_AT_LEAST] = ">=",
    [CHECK_BELOW] = "<",
    [CHECK_AT_MOST] = "<=",
};

const char *const plan_act_names[PLAN_ACT_COUNT] = {
    [PLAN_HOLD] = "hold",
    [PLAN_PAUSE] = "pause",
    [PLAN_ROLLBACK] = "rollback",
};

void plan_defaults(struct plan *plan)
{
    *plan = (struct plan){
        .evidence = PLAN_EVIDENCE_DEFAULT,
        .confidence_ppm = PLAN_CONFIDENCE_DEFAULT_PPM,
        .on_worse = PLAN_ROLLBACK,
        .live_flows = FS_LIVE_KEEP,
        .no_traffic_ms = PLAN_NO_TRAFFIC_DEFAULT_MS,
        .on_no_traffic = PLAN_PAUSE,
        .heartbeat_ms = PLAN_HEARTBEAT_DEFAULT_MS,
        .on_lost = PLAN_HOLD,
        .soak_ms = PLAN_SOAK_DEFAULT_MS,
    };
}

static void free_words(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->check_count; i++) {
        free(plan->checks[i].url);
        free(plan->checks[i].query);
        free_words(plan->checks[i].command);
    }
    for (size_t i = 0; i < plan->hook_count; i++) {
        free(plan->hooks[i].url);
        free_words(plan->hooks[i].command);
    }
    *plan = (struct plan){0};
}

unsigned plan_ramp_next(const struct plan_step *ramp, unsigned from_bp)
{
    unsigned gain = ramp->by == RAMP_DOUBLE ? from_bp : ramp->up_bp;

    if (!gain)
        gain = 1;
    if (from_bp >= ramp->to_bp || gain >= ramp->to_bp - from_bp)
        return ramp->to_bp;
    return from_bp + gain;
}

/* With an unknown weight, the ramp may be at its end at once. */
static uint64_t ramp_ms(const struct plan_step *ramp, unsigned from_bp)
{
    uint64_t ms = ramp->every_ms;

    if (from_bp == PLAN_WEIGHT_UNKNOWN)
        return ms;
    for (from_bp = plan_ramp_next(ramp, from_bp); from_bp < ramp->to_bp; ms += ramp->every_ms)
        from_bp = plan_ramp_next(ramp, from_bp);
    return ms;
}

uint64_t plan_least_ms(const struct plan *plan, unsigned from_bp)
{
    uint64_t ms = 0;

    for (size_t i = 0; i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];

        for (size_t w = 0; w < step->weight_count; w++)
            if (strcmp(step->weights[w].version, plan->version) == 0)
                from_bp = step->weights[w].weight_bp;
        ms += step->hold_ms;
        if (step->kind == STEP_RAMP) {
            ms += ramp_ms(step, from_bp);
            from_bp = step->to_bp;
        }
    }
    return ms;
}
