// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes down, then acts, then writes down that it is done, then tells. */
#include "conduct_write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "rollout_act.h"
#include "rollout_measure.h"

void conduct_say(const struct conduct *conduct, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s/%s: ", conduct->service, conduct->rollout->plan.version);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- those who want to know --- */

void conduct_tell(struct conduct *conduct)
{
    const struct rollout *rollout = conduct->rollout;
    struct error err;

    for (size_t i = 0; i < rollout->untold_count && conduct->notify; i++) {
        const struct untold *untold = &rollout->untold[i];

        if (untold->line <= conduct->told)
            continue;
        conduct->told = untold->line;
        if (notify_send(conduct->notify, untold, &err))
            conduct_say(conduct, "%s", err.text);
    }
}

/* In words, for the log. */
static void say_line(const struct conduct *conduct, const json_t *line)
{
    const char *what = json_string_value(json_object_get(line, "what"));
    const char *why = json_string_value(json_object_get(line, "why"));
    const char *who = json_string_value(json_object_get(line, "who"));
    const struct rollout *rollout = conduct->rollout;
    char weights[512] = "", words[32];

    if (strcmp(what, "holding") == 0 || strcmp(what, "told") == 0)
        return;
    if (strcmp(what, "checked") == 0) {
        conduct_say(conduct, "check %lld: %s: %s",
                    (long long)json_integer_value(json_object_get(line, "check")),
                    json_string_value(json_object_get(line, "answer")),
                    json_string_value(json_object_get(line, "text")));
        return;
    }
    snprintf(words, sizeof(words), "%s", what);
    for (char *at = words; *at; at++)
        *at = *at == '_' ? ' ' : *at;
    if (json_object_get(line, "weights_bp"))
        weight_set_text(&rollout->wished, weights, sizeof(weights));
    if (strcmp(what, "advancing") == 0)
        conduct_say(conduct, "step %zu of %zu: %s%s%s", rollout->step + 1, rollout->plan.step_count,
                    weights, why && *why ? "; " : "", why ? why : "");
    else
        conduct_say(conduct, "%s%s%s%s%s%s%s", words, *weights ? " to " : "", weights,
                    why && *why ? ": " : "", why ? why : "", who ? ", asked for by " : "",
                    who ? who : "");
}

/* --- the journal --- */

static int append(struct conduct *conduct, json_t *line, struct error *err)
{
    int code = journal_append(conduct->means->journal, line, err);

    if (code && !*conduct->stalled)
        conduct_say(conduct, "paused, because nothing can be written down: %s", err->text);
    snprintf(conduct->stalled, sizeof(conduct->stalled), "%.*s",
             code ? (int)sizeof(conduct->stalled) - 1 : 0, err->text);
    return code;
}

int conduct_write(struct conduct *conduct, json_t *line)
{
    struct means *means = conduct->means;
    struct error err;
    int code = line ? append(conduct, line, &err) : -ENOMEM;

    code = code ? code : rollouts_take(&means->rollouts, line, &err);
    if (!code) {
        conduct->rollout = rollouts_find(&means->rollouts, conduct->service);
        say_line(conduct, line);
        conduct_tell(conduct);
    }
    json_decref(line);
    return code;
}

/* --- acts --- */

/* The line that says that an act is done. */
static json_t *done_line(struct conduct *conduct)
{
    const struct rollout *rollout = conduct->rollout;
    struct measure measures[PLAN_MAX_RULES];

    switch (rollout->act) {
    case ACT_ROLL_BACK:
        return rollout_line(rollout, "rolled_back", NULL, NULL);
    case ACT_PROMOTE:
        return rollout_line(rollout, "promoted", NULL, NULL);
    case ACT_UNDO:
        return rollout_line(rollout, "undone", NULL, NULL);
    default:
        for (size_t i = 0; i < rollout->plan.rule_count; i++)
            measures[i] = measure_begin(&rollout->plan.rules[i], &conduct->facts);
        return rollout_line_holding(rollout, measures, facts_connections(&conduct->facts),
                                    conduct->facts.all_connections);
    }
}

/* What can't be done now may be possible later; what can't be done at all is for a person. */
static int failed(struct conduct *conduct, int code, const struct error *err)
{
    char why[ROLLOUT_WHY_MAX];
    json_t *line;

    if (code == -EAGAIN || code == -EWOULDBLOCK || code == -EINTR || code == -ENOMEM) {
        conduct_say(conduct, "tries again: %s", err->text);
        return code;
    }
    snprintf(why, sizeof(why), "weights can't be set: %.200s", err->text);
    line = rollout_line(conduct->rollout, "paused", why, NULL);
    if (conduct->rollout->act != ACT_ADVANCE)
        json_object_set_new(line, "stuck", json_true());
    conduct_write(conduct, line);
    return code;
}

/* Does the act that the journal has announced. */
static int do_act(struct conduct *conduct)
{
    struct means *means = conduct->means;
    struct error err;
    int code = rollout_do(means->pin_dir, conduct->rollout, &err);

    if (code)
        return failed(conduct, code, &err);
    code = means_lock(means, &err);
    if (code)
        return code; /* somebody writes: the next look does it again */
    facts_read(&means->instance, &conduct->rollout->plan, &conduct->facts);
    if (conduct->rollout->act != ACT_ADVANCE)
        facts_beat_end(&conduct->facts); /* nobody has to outlive a rollout that has ended */
    means_unlock(means);
    code = conduct_write(conduct, done_line(conduct));
    if (!code && conduct->held_stage != conduct->rollout->stage_id)
        conduct_take_stage(conduct, clock_now_ns());
    return code;
}

int conduct_act(struct conduct *conduct, json_t *announcement)
{
    int code = conduct_write(conduct, announcement);

    return code ? code : do_act(conduct);
}

/* --- decisions --- */

void conduct_step_weights(const struct plan_step *step, const struct conduct *conduct,
                          unsigned weight_bp, struct weight_set *set)
{
    const struct plan_weight ramp = {.weight_bp = weight_bp};
    const struct plan_weight *named = step->kind == STEP_RAMP ? &ramp : step->weights;
    size_t count = step->kind == STEP_RAMP ? 1 : step->weight_count;
    const char *baseline = conduct->facts.baseline_name;
    unsigned others = 0;
    bool rest = true;

    *set = conduct->facts.weights;
    for (size_t i = 0; i < set->count; i++)
        set->of[i].weight_bp = weight_set_get(&conduct->rollout->wished, set->of[i].version);
    for (size_t n = 0; n < count; n++)
        for (size_t i = 0; i < set->count; i++) {
            const char *name =
                step->kind == STEP_RAMP ? conduct->rollout->plan.version : named[n].version;

            if (strcmp(set->of[i].version, name) == 0)
                set->of[i].weight_bp = named[n].weight_bp;
            rest &= strcmp(name, baseline) != 0;
        }
    for (size_t i = 0; i < set->count && rest; i++)
        others += strcmp(set->of[i].version, baseline) ? set->of[i].weight_bp : 0;
    for (size_t i = 0; i < set->count && rest; i++)
        if (strcmp(set->of[i].version, baseline) == 0)
            set->of[i].weight_bp = others < FS_BUCKETS ? FS_BUCKETS - others : 0;
}

static int advance(struct conduct *conduct, const struct decision *decision, const char *who)
{
    const struct rollout *rollout = conduct->rollout;
    struct weight_set set;
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        return -errno;
    conduct_step_weights(&rollout->plan.steps[decision->step], conduct, decision->weight_bp, &set);
    return conduct_act(conduct, rollout_line_advancing(rollout, decision->step, decision->stage,
                                                       &set, seed, decision->why, who));
}

/* What has ended, or is being taken back, needs no pause. */
bool conduct_is_stalled(const struct conduct *conduct)
{
    const struct rollout *rollout = conduct->rollout;

    return *conduct->stalled && rollout->state == ROLLOUT_RUNNING &&
           (rollout->act == ACT_NONE || rollout->act == ACT_ADVANCE);
}

int conduct_pause_stalled(struct conduct *conduct)
{
    return conduct_write(conduct, rollout_line(conduct->rollout, "paused",
                                               "the journal could not be written", NULL));
}

static int pause_at(struct conduct *conduct, const struct decision *decision, const char *who)
{
    json_t *line = rollout_line(conduct->rollout, "paused", decision->why, who);

    json_object_set_new(line, "step", json_integer((json_int_t)decision->step));
    if (decision->by_hand)
        json_object_set_new(line, "by_hand", json_true());
    return conduct_write(conduct, line);
}

int conduct_do(struct conduct *conduct, const struct decision *decision, const char *who)
{
    const struct rollout *rollout = conduct->rollout;

    switch (decision->next) {
    case NEXT_REDO:
        return do_act(conduct);
    case NEXT_ADVANCE:
        return advance(conduct, decision, who);
    case NEXT_PAUSE:
        return pause_at(conduct, decision, who);
    case NEXT_ROLL_BACK:
        return conduct_act(
            conduct, rollout_line_act(rollout, ACT_ROLL_BACK, &rollout->start, decision->why, who));
    case NEXT_PROMOTE:
        return conduct_act(
            conduct, rollout_line_act(rollout, ACT_PROMOTE, &rollout->wished, decision->why, who));
    case NEXT_SOAKED:
        return conduct_write(conduct, rollout_line(rollout, "soaked", NULL, NULL));
    default:
        return 0;
    }
}
