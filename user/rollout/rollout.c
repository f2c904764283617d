// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sums up the lines of a journal. Writing them is in rollout_line.c. */
#include "rollout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "plan_file.h"
#include "rollout_untold.h"

const char *const rollout_state_names[] = {
    [ROLLOUT_RUNNING] = "running",   [ROLLOUT_PAUSED] = "paused",
    [ROLLOUT_PROMOTED] = "promoted", [ROLLOUT_ROLLED_BACK] = "rolled_back",
    [ROLLOUT_UNDONE] = "undone",
};

bool rollout_is_under_way(const struct rollout *rollout)
{
    return rollout->state == ROLLOUT_RUNNING || rollout->state == ROLLOUT_PAUSED;
}

struct rollout *rollouts_find(const struct rollouts *rollouts, const char *service)
{
    for (size_t i = 0; i < rollouts->count; i++)
        if (strcmp(rollouts->list[i]->plan.service, service) == 0)
            return rollouts->list[i];
    return NULL;
}

/* --- what a line holds --- */

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text ? text : "";
}

static uint64_t number_of(const json_t *line, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(line, key));
}

static void weights_of(const json_t *line, struct weight_set *set)
{
    json_t *object = json_object_get(line, "weights_bp"), *value;
    const char *name;

    if (!object)
        return;
    set->count = 0;
    json_object_foreach(object, name, value)
    {
        if (set->count == FS_MAX_VERSIONS)
            break;
        snprintf(set->of[set->count].version, sizeof(set->of[0].version), "%s", name);
        set->of[set->count++].weight_bp = (unsigned)json_integer_value(value);
    }
}

static struct tally tally_of(const json_t *measure, const char *key)
{
    const json_t *pair = json_object_get(measure, key);

    return (struct tally){.total = (uint64_t)json_integer_value(json_array_get(pair, 0)),
                          .bad = (uint64_t)json_integer_value(json_array_get(pair, 1))};
}

static struct measure measure_of(const json_t *object)
{
    return (struct measure){
        .known = json_is_object(object),
        .version = tally_of(object, "version"),
        .control = tally_of(object, "control"),
        .version_limit_ns = number_of(object, "version_limit_ns"),
        .control_limit_ns = number_of(object, "control_limit_ns"),
        .base_rate = json_number_value(json_object_get(object, "base_rate")),
    };
}

/* --- what a line does --- */

static void take_advancing(struct rollout *rollout, const json_t *line, uint64_t number)
{
    rollout->act = ACT_ADVANCE;
    rollout->state = ROLLOUT_RUNNING;
    rollout->by_hand = rollout->stuck = false;
    rollout->step = (size_t)number_of(line, "step") % PLAN_MAX_STEPS;
    rollout->stage = (unsigned)number_of(line, "stage");
    rollout->seed = strtoull(text_of(line, "seed"), NULL, 16);
    rollout->stage_id = number;
    rollout->stage_ms = journal_time_ms(line);
    rollout->held = false;
    memset(rollout->measures, 0, sizeof(rollout->measures));
}

static void take_holding(struct rollout *rollout, const json_t *line)
{
    const json_t *measures = json_object_get(line, "measures");

    rollout->act = ACT_NONE;
    rollout->held = true;
    rollout->connections = number_of(line, "connections");
    rollout->all_connections = number_of(line, "all_connections");
    for (size_t i = 0; i < rollout->plan.rule_count; i++)
        rollout->measures[i] = measure_of(json_array_get(measures, i));
}

static void take_ended(struct rollout *rollout, const json_t *line, enum rollout_state state)
{
    rollout->act = ACT_NONE;
    rollout->state = state;
    rollout->ended_ms = journal_time_ms(line);
}

static void take_paused(struct rollout *rollout, const json_t *line)
{
    const json_t *step = json_object_get(line, "step");

    rollout->state = ROLLOUT_PAUSED;
    rollout->act = ACT_NONE;
    rollout->by_hand = json_is_true(json_object_get(line, "by_hand"));
    rollout->stuck = json_is_true(json_object_get(line, "stuck"));
    if (step)
        rollout->step = (size_t)json_integer_value(step) % PLAN_MAX_STEPS;
}

static void take_resumed(struct rollout *rollout)
{
    rollout->state = ROLLOUT_RUNNING;
    rollout->by_hand = rollout->stuck = false;
}

static void take_checked(struct rollout *rollout, const json_t *line)
{
    size_t check = (size_t)number_of(line, "check") - 1;

    if (check >= rollout->plan.check_count)
        return;
    for (int i = CHECK_WAITING; i <= CHECK_NO_ANSWER; i++)
        if (strcmp(text_of(line, "answer"), check_answer_name((enum check_answer)i)) == 0)
            rollout->checks[check].answer = (enum check_answer)i;
    snprintf(rollout->checks[check].text, sizeof(rollout->checks[check].text), "%s",
             text_of(line, "text"));
}

/* What each word of a line's "what" does. */
static void take_what(struct rollout *rollout, const char *what, const json_t *line,
                      uint64_t number)
{
    if (strcmp(what, "advancing") == 0)
        take_advancing(rollout, line, number);
    else if (strcmp(what, "holding") == 0)
        take_holding(rollout, line);
    else if (strcmp(what, "paused") == 0)
        take_paused(rollout, line);
    else if (strcmp(what, "resumed") == 0)
        take_resumed(rollout);
    else if (strcmp(what, "rolling_back") == 0)
        rollout->act = ACT_ROLL_BACK;
    else if (strcmp(what, "promoting") == 0)
        rollout->act = ACT_PROMOTE;
    else if (strcmp(what, "undoing") == 0)
        rollout->act = ACT_UNDO;
    else if (strcmp(what, "rolled_back") == 0)
        take_ended(rollout, line, ROLLOUT_ROLLED_BACK);
    else if (strcmp(what, "promoted") == 0)
        take_ended(rollout, line, ROLLOUT_PROMOTED);
    else if (strcmp(what, "undone") == 0)
        take_ended(rollout, line, ROLLOUT_UNDONE);
    else if (strcmp(what, "checked") == 0)
        take_checked(rollout, line);
    else if (strcmp(what, "told") == 0)
        untold_forget(rollout, number_of(line, "of"), (size_t)number_of(line, "hook") - 1);
    else if (strcmp(what, "soaked") == 0)
        rollout->soaked = true;
}

static void take_reason(struct rollout *rollout, const char *what, const json_t *line)
{
    if (strcmp(what, "holding") == 0 || strcmp(what, "soaked") == 0)
        return;
    if (!json_object_get(line, "why") && !json_object_get(line, "who"))
        return;
    snprintf(rollout->why, sizeof(rollout->why), "%s", text_of(line, "why"));
    snprintf(rollout->who, sizeof(rollout->who), "%s", text_of(line, "who"));
}

static void take_line(struct rollout *rollout, const json_t *line, uint64_t number)
{
    const char *what = text_of(line, "what");
    enum rollout_state before = rollout->state;
    /* a stage is written down again when a comparison can only begin later: no news */
    bool again = rollout->act == ACT_NONE && strcmp(what, "holding") == 0;

    take_what(rollout, what, line, number);
    if (rollout->state != before || !rollout->state_ms)
        rollout->state_ms = journal_time_ms(line);
    weights_of(line, &rollout->wished);
    rollout->weight_bp = weight_set_get(&rollout->wished, rollout->plan.version);
    take_reason(rollout, what, line);
    if (!again)
        untold_note(rollout, line, number);
}

/* --- a new rollout --- */

/* JSON is YAML. */
static int read_plan(const json_t *object, struct plan *plan, struct error *err)
{
    static const char none[] = "the journal has a rollout without a plan";
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    FILE *stream = text ? fmemopen(text, strlen(text), "r") : NULL;
    struct plan_file file;
    int code;

    if (!stream) {
        free(text);
        return error_set(err, -EINVAL, none);
    }
    code = plan_file_read(stream, "the journal's plan", &file, err);
    fclose(stream);
    free(text);
    if (code)
        return code;
    code = file.has_plan ? 0 : error_set(err, -EINVAL, none);
    *plan = file.plan;
    file.plan = (struct plan){0};
    plan_file_free(&file);
    return code;
}

static void rollout_free(struct rollout *rollout)
{
    if (!rollout)
        return;
    untold_free(rollout);
    plan_free(&rollout->plan);
    free(rollout);
}

/* A new rollout takes the place of the service's last one. */
static int put(struct rollouts *rollouts, struct rollout *fresh)
{
    struct rollout **list;

    for (size_t i = 0; i < rollouts->count; i++)
        if (strcmp(rollouts->list[i]->plan.service, fresh->plan.service) == 0) {
            rollout_free(rollouts->list[i]);
            rollouts->list[i] = fresh;
            return 0;
        }
    list = realloc(rollouts->list, (rollouts->count + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    rollouts->list = list;
    list[rollouts->count++] = fresh;
    return 0;
}

static int take_started(struct rollouts *rollouts, const json_t *line, struct error *err)
{
    struct rollout *rollout = calloc(1, sizeof(*rollout));
    int code;

    if (!rollout)
        return error_set(err, -ENOMEM, "out of memory");
    code = read_plan(json_object_get(line, "plan"), &rollout->plan, err);
    if (code) {
        free(rollout);
        return code;
    }
    rollout->began_ms = journal_time_ms(line);
    take_line(rollout, line, rollouts->lines);
    rollout->start = rollout->wished;
    if (!put(rollouts, rollout))
        return 0;
    rollout_free(rollout);
    return error_set(err, -ENOMEM, "out of memory");
}

int rollouts_take(struct rollouts *rollouts, const json_t *line, struct error *err)
{
    struct rollout *rollout = rollouts_find(rollouts, text_of(line, "service"));

    rollouts->lines++;
    if (strcmp(text_of(line, "what"), "started") == 0)
        return take_started(rollouts, line, err);
    if (rollout)
        take_line(rollout, line, rollouts->lines);
    return 0;
}

/* --- a whole journal --- */

struct reading {
    struct rollouts *rollouts;
    struct error *err;
};

static int visit(void *context, json_t *line)
{
    struct reading *reading = context;

    return rollouts_take(reading->rollouts, line, reading->err);
}

int rollouts_read(const char *dir, struct rollouts *rollouts, struct error *err)
{
    struct reading reading = {rollouts, err};

    *rollouts = (struct rollouts){0};
    return journal_each(dir, visit, &reading, err);
}

void rollouts_free(struct rollouts *rollouts)
{
    for (size_t i = 0; i < rollouts->count; i++)
        rollout_free(rollouts->list[i]);
    free(rollouts->list);
    *rollouts = (struct rollouts){0};
}
