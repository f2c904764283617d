// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What people may ask of a rollout, and when. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "conduct_write.h"
#include "plan_service.h"

/* --- taking up and starting --- */

static void hook_done(void *context, const struct notify_report *report)
{
    struct conduct *conduct = context;

    if (!report->told || report->dropped)
        conduct_say(conduct, "%s", report->text);
    /* Its line must not seem to end that none could be written; what is untold is told again. */
    if (conduct_is_stalled(conduct) && conduct_pause_stalled(conduct))
        return;
    conduct_write(conduct, rollout_line_told(conduct->rollout, report->hook, report->line,
                                             report->told, report->text));
}

static void check_done(void *context, size_t index, const struct check_result *result)
{
    (void)context, (void)index, (void)result; /* looked at with all the rest */
}

int conduct_begin(struct conduct *conduct, struct means *means, const char *service,
                  struct error *err)
{
    struct rollout *rollout = rollouts_find(&means->rollouts, service);
    const struct plan *plan = &rollout->plan;

    *conduct = (struct conduct){.means = means, .rollout = rollout, .connected_ns = clock_now_ns()};
    snprintf(conduct->service, sizeof(conduct->service), "%s", plan->service);
    if (plan->hook_count) {
        conduct->notify =
            notify_new(means->event, means->http, plan, NULL, hook_done, conduct, err);
        if (!conduct->notify)
            return -ENOMEM;
    }
    if (rollout->state == ROLLOUT_RUNNING && !rollout->stage_id)
        conduct_say(conduct, "started%s%s", *rollout->who ? ", asked for by " : "", rollout->who);
    conduct_tell(conduct);
    if (plan->check_count && rollout_is_under_way(rollout))
        conduct->checks = checks_new(means->event, means->http, plan, check_done, conduct, err);
    return plan->check_count && rollout_is_under_way(rollout) && !conduct->checks ? -ENOMEM : 0;
}

void conduct_end_checks(struct conduct *conduct)
{
    checks_free(conduct->checks);
    conduct->checks = NULL;
}

void conduct_end(struct conduct *conduct)
{
    conduct_end_checks(conduct);
    notify_free(conduct->notify);
    conduct->notify = NULL;
}

int conduct_start(struct means *means, struct conduct *before, const struct plan *plan,
                  const char *who, struct error *err)
{
    struct facts facts;
    json_t *line;
    int code = means_lock(means, err);

    if (code)
        return code;
    facts_read(&means->instance, plan, &facts);
    code = facts_check(&means->instance, plan, err);
    means_unlock(means);
    if (code)
        return code;
    if (facts.withdrawn[0])
        return error_set(
            err, -EINVAL,
            "version %s of service %s is withdrawn (%s): `flowsplit clear %s %s` first",
            plan->version, plan->service, facts.withdrawn, plan->service, plan->version);
    line = rollout_line_started(plan, &facts.weights, who);
    code = journal_append(means->journal, line, err);
    if (!code && before)
        conduct_end(before); /* it refers to the rollout that is replaced */
    code = code ? code : rollouts_take(&means->rollouts, line, err);
    json_decref(line);
    return code;
}

/* --- requests --- */

static int refuse(const struct conduct *conduct, const char *what, const char *hint,
                  struct error *err)
{
    const struct rollout *rollout = conduct->rollout;

    return error_set(err, -EINVAL, "the rollout of %s/%s is %s: %s %s", conduct->service,
                     rollout->plan.version, rollout_state_names[rollout->state], what, hint);
}

static int ask_pause(struct conduct *conduct, const char *who, struct error *err)
{
    if (conduct->rollout->state != ROLLOUT_RUNNING)
        return refuse(conduct, "pause", "is for one that is running", err);
    return conduct_write(conduct, rollout_line(conduct->rollout, "paused", "", who));
}

/* A rollout that was paused goes on where it was; with other weights than it wished, or none of the
 * stage's counts, it sets these first, and compares anew. */
static int ask_resume(struct conduct *conduct, const char *who, struct error *err)
{
    struct rollout *rollout = conduct->rollout;
    struct decision decision;

    if (rollout->state == ROLLOUT_RUNNING)
        return refuse(conduct, "resume", "is for one that is paused or has ended", err);
    if (rollout->state != ROLLOUT_PAUSED) /* the caller takes up the new one */
        return conduct_start(conduct->means, conduct, &rollout->plan, who, err);
    if (conduct->situation.withdrawn)
        return refuse(conduct, "its version is withdrawn:", "`flowsplit clear` it first", err);
    if (rollout->plan.steps[rollout->step].kind == STEP_PAUSE) {
        decision = rollout_next_step(rollout, "resumed");
        return conduct_do(conduct, &decision, who);
    }
    if (rollout->stage_id &&
        (!rollout->held || !weight_set_same(&conduct->facts.weights, &rollout->wished))) {
        decision = (struct decision){.next = NEXT_ADVANCE,
                                     .step = rollout->step,
                                     .stage = rollout->stage,
                                     .weight_bp = rollout->weight_bp,
                                     .why = "resumed"};
        return conduct_do(conduct, &decision, who);
    }
    return conduct_write(conduct, rollout_line(rollout, "resumed", "", who));
}

/* What the plan would end with. */
static void final_weights(const struct conduct *conduct, struct weight_set *set)
{
    const struct plan *plan = &conduct->rollout->plan;
    struct rollout then = *conduct->rollout;
    struct conduct later = *conduct;

    later.rollout = &then;
    *set = then.wished;
    for (size_t i = conduct->rollout->stage_id ? conduct->rollout->step : 0; i < plan->step_count;
         i++)
        if (plan->steps[i].kind != STEP_PAUSE) {
            then.wished = *set;
            conduct_step_weights(&plan->steps[i], &later, plan->steps[i].to_bp, set);
        }
}

static int ask_promote(struct conduct *conduct, bool full, const char *who, struct error *err)
{
    const struct rollout *rollout = conduct->rollout;
    struct decision decision;
    struct weight_set set;

    if (!rollout_is_under_way(rollout))
        return refuse(conduct, "promote", "is for one that is under way", err);
    if (full) {
        final_weights(conduct, &set);
        return conduct_act(conduct,
                           rollout_line_act(rollout, ACT_PROMOTE, &set, "promoted in full", who));
    }
    decision = rollout_next_step(rollout, "promoted");
    return conduct_do(conduct, &decision, who);
}

static int ask_abort(struct conduct *conduct, const char *who, struct error *err)
{
    const struct rollout *rollout = conduct->rollout;
    struct decision decision = {.next = NEXT_ROLL_BACK, .why = "aborted"};

    if (!rollout_is_under_way(rollout))
        return refuse(conduct, "abort", "is for one that is under way", err);
    return conduct_do(conduct, &decision, who);
}

static int ask_undo(struct conduct *conduct, const char *who, struct error *err)
{
    const struct rollout *rollout = conduct->rollout;

    if (rollout->state != ROLLOUT_PROMOTED)
        return refuse(conduct, "undo", "is for one that is promoted", err);
    if (rollout->soaked)
        return refuse(conduct, "its soak time is over:", "use `flowsplit set`", err);
    return conduct_act(conduct,
                       rollout_line_act(rollout, ACT_UNDO, &rollout->start, "undone", who));
}

int conduct_ask(struct conduct *conduct, const char *what, bool full, const char *who,
                struct error *err)
{
    int code;

    snprintf(err->text, sizeof(err->text),
             "the journal can't be written, or weights can't be set: "
             "the controller's log says more");
    if (conduct_is_stalled(conduct) && conduct_pause_stalled(conduct))
        return error_set(err, -EIO, "%.900s", conduct->stalled);
    if (strcmp(what, "pause") == 0)
        code = ask_pause(conduct, who, err);
    else if (strcmp(what, "resume") == 0)
        code = ask_resume(conduct, who, err);
    else if (strcmp(what, "promote") == 0)
        code = ask_promote(conduct, full, who, err);
    else if (strcmp(what, "abort") == 0)
        code = ask_abort(conduct, who, err);
    else if (strcmp(what, "undo") == 0)
        code = ask_undo(conduct, who, err);
    else
        code = error_set(err, -EINVAL, "unknown request \"%.64s\"", what);
    return code;
}
