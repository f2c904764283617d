// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes the lines of a journal, and weights. */
#include "rollout.h"

#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "plan_json.h"

static json_t *weights_json(const struct weight_set *set)
{
    json_t *object = json_object();

    for (size_t i = 0; i < set->count; i++)
        json_object_set_new(object, set->of[i].version, json_integer(set->of[i].weight_bp));
    return object;
}

static json_t *line_of(const char *what, const struct plan *plan, const char *why, const char *who)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "time", "", "what", what, "service",
                             plan->service, "version", plan->version);

    if (why)
        json_object_set_new(line, "why", json_string(why));
    if (who)
        json_object_set_new(line, "who", json_string(who));
    return line;
}

json_t *rollout_line_started(const struct plan *plan, const struct weight_set *start,
                             const char *who)
{
    json_t *line = line_of("started", plan, NULL, who);

    json_object_set_new(line, "weights_bp", weights_json(start));
    json_object_set_new(line, "plan", plan_json(plan));
    return line;
}

json_t *rollout_line(const struct rollout *rollout, const char *what, const char *why,
                     const char *who)
{
    return line_of(what, &rollout->plan, why, who);
}

json_t *rollout_line_act(const struct rollout *rollout, enum rollout_act act,
                         const struct weight_set *weights, const char *why, const char *who)
{
    static const char *const words[] = {[ACT_NONE] = "",
                                        [ACT_ADVANCE] = "advancing",
                                        [ACT_ROLL_BACK] = "rolling_back",
                                        [ACT_PROMOTE] = "promoting",
                                        [ACT_UNDO] = "undoing"};
    json_t *line = line_of(words[act], &rollout->plan, why, who);

    json_object_set_new(line, "weights_bp", weights_json(weights));
    return line;
}

json_t *rollout_line_advancing(const struct rollout *rollout, size_t step, unsigned stage,
                               const struct weight_set *weights, uint64_t seed, const char *why,
                               const char *who)
{
    json_t *line = rollout_line_act(rollout, ACT_ADVANCE, weights, why, who);
    char text[24];

    snprintf(text, sizeof(text), "%llx", (unsigned long long)seed);
    json_object_set_new(line, "step", json_integer((json_int_t)step));
    json_object_set_new(line, "stage", json_integer(stage));
    json_object_set_new(line, "seed", json_string(text));
    return line;
}

json_t *rollout_line_told(const struct rollout *rollout, size_t hook, uint64_t of, bool ok,
                          const char *text)
{
    json_t *line = line_of("told", &rollout->plan, NULL, NULL);

    json_object_set_new(line, "hook", json_integer((json_int_t)hook + 1));
    json_object_set_new(line, "of", json_integer((json_int_t)of));
    json_object_set_new(line, "ok", json_boolean(ok));
    json_object_set_new(line, "text", json_string(text));
    return line;
}

json_t *rollout_line_checked(const struct rollout *rollout, size_t check,
                             const struct finding *finding)
{
    json_t *line = line_of("checked", &rollout->plan, NULL, NULL);

    json_object_set_new(line, "check", json_integer((json_int_t)check + 1));
    json_object_set_new(line, "answer", json_string(check_answer_name(finding->answer)));
    json_object_set_new(line, "text", json_string(finding->text));
    return line;
}

static json_t *measure_json(const struct measure *measure)
{
    if (!measure->known)
        return json_null();
    return json_pack(
        "{s:[I, I], s:[I, I], s:I, s:I, s:f}", "version", (json_int_t)measure->version.total,
        (json_int_t)measure->version.bad, "control", (json_int_t)measure->control.total,
        (json_int_t)measure->control.bad, "version_limit_ns", (json_int_t)measure->version_limit_ns,
        "control_limit_ns", (json_int_t)measure->control_limit_ns, "base_rate", measure->base_rate);
}

json_t *rollout_line_holding(const struct rollout *rollout, const struct measure *measures,
                             uint64_t connections, uint64_t all_connections)
{
    json_t *line = line_of("holding", &rollout->plan, NULL, NULL), *list = json_array();

    for (size_t i = 0; i < rollout->plan.rule_count; i++)
        json_array_append_new(list, measure_json(&measures[i]));
    json_object_set_new(line, "measures", list);
    json_object_set_new(line, "connections", json_integer((json_int_t)connections));
    json_object_set_new(line, "all_connections", json_integer((json_int_t)all_connections));
    return line;
}

/* --- weights --- */

unsigned weight_set_get(const struct weight_set *set, const char *version)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->of[i].version, version) == 0)
            return set->of[i].weight_bp;
    return 0;
}

bool weight_set_same(const struct weight_set *a, const struct weight_set *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (weight_set_get(b, a->of[i].version) != a->of[i].weight_bp)
            return false;
    for (size_t i = 0; i < b->count; i++)
        if (weight_set_get(a, b->of[i].version) != b->of[i].weight_bp)
            return false;
    return true;
}

const char *weight_set_text(const struct weight_set *set, char *buf, size_t size)
{
    size_t used = 0;
    char weight[16];

    buf[0] = '\0';
    for (size_t i = 0; i < set->count && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s %s", i ? ", " : "",
                                 set->of[i].version, format_weight(set->of[i].weight_bp, weight));
    return buf;
}
