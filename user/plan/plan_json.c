// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A plan as JSON. A value that can't be made is NULL, and makes all that would hold it NULL. */
#include "plan_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "parse.h"

enum { TEXT_MAX = 48 };

/* --- values --- */

static json_t *weight_json(unsigned bp)
{
    char buf[16];

    return json_string(format_weight(bp, buf));
}

static json_t *time_json(unsigned ms)
{
    char buf[32];

    return json_string(format_duration(ms, buf));
}

static json_t *evidence_json(uint64_t connections)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%" PRIu64 " connections", connections);
    return json_string(text);
}

static json_t *confidence_json(unsigned ppm)
{
    char buf[16];

    return json_string(format_share(ppm, buf));
}

static json_t *live_flows_json(const struct plan *plan)
{
    char time[32], text[TEXT_MAX];

    if (plan->live_flows != FS_LIVE_DRAIN)
        return json_string(plan->live_flows == FS_LIVE_CUT ? "cut" : "keep");
    snprintf(text, sizeof(text), "drain %s", format_duration(plan->live_ms, time));
    return json_string(text);
}

/* With as many digits as it takes to read the number back. */
static json_t *fail_json(const struct plan_check *check)
{
    char number[TEXT_MAX], text[TEXT_MAX];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(number, sizeof(number), "%.*g", digits, check->fail_limit);
        if (!(strtod(number, NULL) < check->fail_limit || strtod(number, NULL) > check->fail_limit))
            break;
    }
    snprintf(text, sizeof(text), "%s %.40s", plan_comparison_signs[check->fail_if], number);
    return json_string(text);
}

static json_t *command_json(char *const *command)
{
    json_t *words = json_array();

    for (; *command; command++)
        if (json_array_append_new(words, json_string(*command))) {
            json_decref(words);
            return NULL;
        }
    return words;
}

/* --- lists --- */

/* A list of `count` things that `one` makes of a plan. */
static json_t *list_json(const struct plan *plan, size_t count,
                         json_t *(*one)(const struct plan *plan, size_t index))
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, one(plan, i))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *set_json(const struct plan_step *step)
{
    json_t *set = json_object();

    for (size_t i = 0; i < step->weight_count; i++)
        if (json_object_set_new(set, step->weights[i].version,
                                weight_json(step->weights[i].weight_bp))) {
            json_decref(set);
            return NULL;
        }
    return set;
}

static json_t *by_json(const struct plan_step *step)
{
    char weight[16], text[TEXT_MAX];

    if (step->by == RAMP_DOUBLE)
        return json_string("double");
    if (step->by == RAMP_ADAPTIVE)
        return json_pack("{s:{s:o, s:o}}", "adaptive", "up", weight_json(step->up_bp), "down",
                         weight_json(step->down_bp));
    snprintf(text, sizeof(text), "+%s", format_weight(step->up_bp, weight));
    return json_string(text);
}

static json_t *step_json(const struct plan *plan, size_t index)
{
    const struct plan_step *step = &plan->steps[index];

    switch (step->kind) {
    case STEP_SET:
        return json_pack("{s:o, s:o}", "set", set_json(step), "hold", time_json(step->hold_ms));
    case STEP_RAMP:
        return json_pack("{s:{s:o, s:o, s:o}}", "ramp", "to", weight_json(step->to_bp), "by",
                         by_json(step), "every", time_json(step->every_ms));
    default:
        return json_string("pause");
    }
}

static json_t *rule_json(const struct plan *plan, size_t index)
{
    char text[COMPARE_TEXT_MAX];

    return json_string(compare_format(&plan->rules[index], text));
}

static json_t *check_json(const struct plan *plan, size_t index)
{
    const struct plan_check *check = &plan->checks[index];

    if (check->kind == CHECK_EXEC)
        return json_pack("{s:{s:o, s:o}}", "exec", "command", command_json(check->command), "every",
                         time_json(check->every_ms));
    return json_pack("{s:{s:s, s:s, s:o, s:o}}", "prometheus", "url", check->url, "query",
                     check->query, "every", time_json(check->every_ms), "fail", fail_json(check));
}

static json_t *on_json(unsigned on)
{
    json_t *events = json_array();

    for (int i = 0; i < PLAN_EVENT_COUNT; i++)
        if (on & 1u << i && json_array_append_new(events, json_string(plan_event_names[i]))) {
            json_decref(events);
            return NULL;
        }
    return events;
}

static json_t *hook_json(const struct plan *plan, size_t index)
{
    const struct plan_hook *hook = &plan->hooks[index];

    if (hook->kind == HOOK_EXEC)
        return json_pack("{s:{s:o, s:o}}", "exec", "command", command_json(hook->command), "on",
                         on_json(hook->on));
    return json_pack("{s:{s:s, s:o}}", "webhook", "url", hook->url, "on", on_json(hook->on));
}

json_t *plan_json(const struct plan *plan)
{
    return json_pack(
        "{s:{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:{s:o, s:s}, s:{s:o, s:s}, s:o, s:o}}",
        "rollout", "service", plan->service, "version", plan->version, "steps",
        list_json(plan, plan->step_count, step_json), "evidence", evidence_json(plan->evidence),
        "compare", list_json(plan, plan->rule_count, rule_json), "checks",
        list_json(plan, plan->check_count, check_json), "confidence",
        confidence_json(plan->confidence_ppm), "on_worse", plan_act_names[plan->on_worse],
        "live_flows", live_flows_json(plan), "no_traffic", "after", time_json(plan->no_traffic_ms),
        "then", plan_act_names[plan->on_no_traffic], "heartbeat", "lost_after",
        time_json(plan->heartbeat_ms), "then", plan_act_names[plan->on_lost], "soak",
        time_json(plan->soak_ms), "notify", list_json(plan, plan->hook_count, hook_json));
}
