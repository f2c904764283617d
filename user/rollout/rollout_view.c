// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Describes rollouts. */
#include "rollout_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "parse.h"
#include "plan_json.h"
#include "rollout_measure.h"

static json_int_t integer(uint64_t value)
{
    return (json_int_t)value;
}

static json_t *weights_json(const struct weight_set *set)
{
    json_t *object = json_object();

    for (size_t i = 0; i < set->count; i++)
        json_object_set_new(object, set->of[i].version, json_integer(set->of[i].weight_bp));
    return object;
}

/* "set canary 5%", "ramp to 50%, doubling", "pause" */
static const char *step_text(const struct plan_step *step, char *buf, size_t size)
{
    char weight[16], up[16], down[16];
    size_t used = 0;

    if (step->kind == STEP_PAUSE)
        snprintf(buf, size, "pause until promoted");
    else if (step->kind == STEP_RAMP && step->by == RAMP_DOUBLE)
        snprintf(buf, size, "ramp to %s, doubling", format_weight(step->to_bp, weight));
    else if (step->kind == STEP_RAMP && step->by == RAMP_PLUS)
        snprintf(buf, size, "ramp to %s by +%s", format_weight(step->to_bp, weight),
                 format_weight(step->up_bp, up));
    else if (step->kind == STEP_RAMP)
        snprintf(buf, size, "ramp to %s, up %s or down %s", format_weight(step->to_bp, weight),
                 format_weight(step->up_bp, up), format_weight(step->down_bp, down));
    for (size_t i = 0; step->kind == STEP_SET && i < step->weight_count && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s %s", i ? ", " : "set ",
                                 step->weights[i].version,
                                 format_weight(step->weights[i].weight_bp, weight));
    return buf;
}

/* Of a step: "done", "current" or "ahead". */
static const char *step_state(const struct rollout *rollout, size_t step)
{
    if (rollout->state == ROLLOUT_PROMOTED || (step < rollout->step && rollout->stage_id))
        return "done";
    if (!rollout_is_under_way(rollout) || step > rollout->step || !rollout->stage_id)
        return "ahead";
    return "current";
}

static json_t *steps_json(const struct rollout *rollout)
{
    json_t *list = json_array();
    char text[256];

    for (size_t i = 0; i < rollout->plan.step_count; i++) {
        const struct plan_step *step = &rollout->plan.steps[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "step",
                                              step_text(step, text, sizeof(text)), "state",
                                              step_state(rollout, i), "hold_ms",
                                              integer(step->kind == STEP_RAMP  ? step->every_ms
                                                      : step->kind == STEP_SET ? step->hold_ms
                                                                               : 0)));
    }
    return list;
}

static json_t *tally_json(struct tally tally)
{
    return json_pack("{s:I, s:I}", "outcomes", integer(tally.total), "bad", integer(tally.bad));
}

static json_t *rules_json(const struct rollout *rollout, const struct facts *facts,
                          const struct situation *s)
{
    static const char *const words[] = {
        [VERDICT_OPEN] = "open", [VERDICT_NO_WORSE] = "no_worse", [VERDICT_WORSE] = "worse"};
    json_t *list = json_array();
    char text[COMPARE_TEXT_MAX];

    for (size_t i = 0; i < rollout->plan.rule_count; i++) {
        const struct compare_rule *rule = &rollout->plan.rules[i];
        const struct answer *answer = &s->answers[i];
        struct tally version, control;

        measure_now(rollout, i, facts, &version, &control);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:o, s:o, s:f, s:f, s:I, s:I, s:b}", "rule",
                      compare_format(rule, text), "verdict", words[answer->verdict], "version",
                      tally_json(version), "control", tally_json(control), "log_e", answer->log_e,
                      "log_threshold", answer->log_threshold, "evidence",
                      integer(rollout_evidence(rollout, rule, facts->sample_shift)), "missing",
                      integer(answer->missing), "begun", rollout->measures[i].known));
    }
    return list;
}

static json_t *checks_json(const struct rollout *rollout)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rollout->plan.check_count; i++) {
        const struct plan_check *check = &rollout->plan.checks[i];

        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "check",
                            check->kind == CHECK_PROMETHEUS ? check->query : check->command[0],
                            "answer", check_answer_name(rollout->checks[i].answer), "text",
                            rollout->checks[i].text));
    }
    return list;
}

static const char *time_text(uint64_t real_ms, char *buf, size_t size)
{
    time_t seconds = (time_t)(real_ms / 1000);
    struct tm tm;

    strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
    return buf;
}

static json_t *soak_left(const struct rollout *rollout, const struct situation *s)
{
    if (rollout->state != ROLLOUT_PROMOTED || rollout->soaked || !rollout->plan.soak_ms)
        return json_null();
    return json_integer(
        s->ended_ms < rollout->plan.soak_ms ? integer(rollout->plan.soak_ms - s->ended_ms) : 0);
}

json_t *rollout_view(const struct rollout *rollout, const struct facts *facts,
                     const struct situation *s)
{
    const struct plan *plan = &rollout->plan;
    char began[32], waits[ROLLOUT_WHY_MAX] = "";
    bool running = rollout->state == ROLLOUT_RUNNING;
    json_t *view;

    if (running && rollout->stage_id)
        rollout_waits_for(rollout, s, waits, sizeof(waits));
    view = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
        "service", plan->service, "version", plan->version, "state",
        rollout_state_names[rollout->state], "why", rollout->why, "who", rollout->who, "waits_for",
        waits, "step", integer(rollout->stage_id ? rollout->step + 1 : 0), "steps_total",
        integer(plan->step_count), "stage", integer(rollout->stage + 1), "steps",
        steps_json(rollout), "weights_wished_bp", weights_json(&rollout->wished), "weights_now_bp",
        weights_json(&facts->weights), "buckets", integer(facts->version_buckets),
        "control_buckets", integer(facts->control_buckets), "connections", integer(s->connections),
        "evidence", integer(plan->evidence), "held_ms", integer(s->held_ms));
    json_object_set_new(view, "began", json_string(time_text(rollout->began_ms, began, 32)));
    json_object_set_new(view, "share_got",
                        s->all_connections
                            ? json_real((double)s->connections / (double)s->all_connections)
                            : json_null());
    json_object_set_new(view, "hold_ms", json_integer(rollout_hold_ms(rollout)));
    json_object_set_new(view, "soak_left_ms", soak_left(rollout, s));
    json_object_set_new(view, "withdrawn",
                        facts->withdrawn[0] ? json_string(facts->withdrawn) : json_null());
    json_object_set_new(view, "compare", rules_json(rollout, facts, s));
    json_object_set_new(view, "checks", checks_json(rollout));
    return view;
}

/* --- without a controller --- */

static json_t *view_one(const struct instance *instance, const struct rollout *rollout)
{
    struct situation s;
    struct facts facts = {0};
    json_t *view;

    if (instance)
        facts_read(instance, &rollout->plan, &facts);
    situation_read(&s, rollout, &facts);
    view = rollout_view(rollout, &facts, &s);
    json_object_set_new(
        view, "heartbeat_age_ms",
        facts.version && facts.version->heart.lost_after_ns
            ? json_integer(integer((clock_now_ns() - facts.version->heart.beat_ns) / 1000000))
            : json_null());
    return view;
}

json_t *rollout_view_all(const char *pin_dir, const char *state_dir, const char *service,
                         struct error *err)
{
    struct instance instance;
    struct rollouts rollouts;
    struct error ignored;
    bool open = !instance_open(&instance, pin_dir, INSTANCE_READ, &ignored);
    json_t *list = rollouts_read(state_dir, &rollouts, err) ? NULL : json_array();

    for (size_t i = 0; list && i < rollouts.count; i++)
        if (!service || strcmp(rollouts.list[i]->plan.service, service) == 0)
            json_array_append_new(list, view_one(open ? &instance : NULL, rollouts.list[i]));
    if (open)
        instance_close(&instance);
    rollouts_free(&rollouts);
    return list;
}
