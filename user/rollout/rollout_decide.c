// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Decides. */
#include "rollout_decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

#define LEAST_EVIDENCE 30 /* outcomes of a sampled signal: fewer say nothing */
#define MILLION        1e6

static const struct plan_step *step_of(const struct rollout *rollout)
{
    return &rollout->plan.steps[rollout->step];
}

__attribute__((format(printf, 2, 3))) static struct decision decide(enum next next,
                                                                    const char *format, ...)
{
    struct decision decision = {.next = next};
    va_list args;

    va_start(args, format);
    vsnprintf(decision.why, sizeof(decision.why), format, args);
    va_end(args);
    return decision;
}

static struct decision nothing(void)
{
    return (struct decision){.next = NEXT_NOTHING};
}

/* --- the plan's figures --- */

unsigned rollout_hold_ms(const struct rollout *rollout)
{
    const struct plan_step *step = step_of(rollout);

    return step->kind == STEP_RAMP ? step->every_ms : step->kind == STEP_SET ? step->hold_ms : 0;
}

double rollout_alpha(const struct rollout *rollout)
{
    double alpha = 1 - rollout->plan.confidence_ppm / MILLION;
    double stage = rollout->stage + 1.0;

    if (rollout->plan.rule_count)
        alpha /= (double)rollout->plan.rule_count;
    return step_of(rollout)->kind == STEP_RAMP ? alpha / (stage * (stage + 1)) : alpha;
}

uint64_t rollout_evidence(const struct rollout *rollout, const struct compare_rule *rule,
                          unsigned sample_shift)
{
    uint64_t wanted = rollout->plan.evidence, sampled = wanted >> sample_shift;

    if (rule->signal == FS_SIGNAL_CONNECT_FAILURES || rule->signal == FS_SIGNAL_CONNECT_TIME ||
        rule->signal == FS_SIGNAL_RETRANSMITS || rule->signal == FS_SIGNAL_CLOSE_WAIT)
        return wanted;
    if (sampled < LEAST_EVIDENCE)
        sampled = wanted < LEAST_EVIDENCE ? wanted : LEAST_EVIDENCE;
    return sampled;
}

/* --- what is next --- */

static struct decision enter_step(const struct rollout *rollout, size_t step, const char *why)
{
    const struct plan *plan = &rollout->plan;
    struct decision decision = decide(NEXT_ADVANCE, "%s", why);

    if (step >= plan->step_count)
        return decide(NEXT_PROMOTE, "%s", why);
    decision.step = step;
    if (plan->steps[step].kind == STEP_PAUSE) {
        decision = decide(NEXT_PAUSE, "the plan asks for a decision: promote or abort");
        decision.step = step;
    } else if (plan->steps[step].kind == STEP_RAMP) {
        decision.weight_bp = plan_ramp_next(&plan->steps[step], rollout->weight_bp);
    }
    return decision;
}

/* Before the first stage, only a pause can be what it is in. */
static bool is_in_a_step(const struct rollout *rollout)
{
    return rollout->stage_id ||
           (rollout->state == ROLLOUT_PAUSED && step_of(rollout)->kind == STEP_PAUSE);
}

struct decision rollout_next_step(const struct rollout *rollout, const char *why)
{
    return enter_step(rollout, is_in_a_step(rollout) ? rollout->step + 1 : 0, why);
}

/* The next stage of a ramp, or the next step. */
static struct decision go_on(const struct rollout *rollout, const char *why)
{
    const struct plan_step *step = step_of(rollout);
    struct decision decision;

    if (step->kind != STEP_RAMP || rollout->weight_bp >= step->to_bp)
        return rollout_next_step(rollout, why);
    decision = decide(NEXT_ADVANCE, "%s", why);
    decision.step = rollout->step;
    decision.stage = rollout->stage + 1;
    decision.weight_bp = plan_ramp_next(step, rollout->weight_bp);
    return decision;
}

/* Both sides have enough, and yet it is not said to be no worse. */
static bool looks_worse(const struct rollout *rollout, const struct situation *s, size_t rule)
{
    return s->compared && rollout->measures[rule].known &&
           s->answers[rule].verdict == VERDICT_OPEN && !s->answers[rule].missing;
}

/* It looks worse, which isn't proven: an adaptive ramp goes back a stage. */
static struct decision go_back(const struct rollout *rollout, const struct situation *s)
{
    const struct plan_step *step = step_of(rollout);
    struct decision decision;
    char rule[COMPARE_TEXT_MAX];
    size_t i = 0;

    if (step->kind != STEP_RAMP || step->by != RAMP_ADAPTIVE || s->held_ms < step->every_ms ||
        rollout->weight_bp <= 1)
        return nothing();
    while (i < rollout->plan.rule_count && !looks_worse(rollout, s, i))
        i++;
    if (i == rollout->plan.rule_count)
        return nothing();
    decision = decide(NEXT_ADVANCE, "looks worse, not proven: %s",
                      compare_format(&rollout->plan.rules[i], rule));
    decision.step = rollout->step;
    decision.stage = rollout->stage + 1;
    decision.weight_bp =
        rollout->weight_bp > step->down_bp ? rollout->weight_bp - step->down_bp : 1;
    return decision;
}

/* --- may a stage be left? --- */

const char *rollout_waits_for(const struct rollout *rollout, const struct situation *s, char *buf,
                              size_t size)
{
    const struct plan *plan = &rollout->plan;
    unsigned hold_ms = rollout_hold_ms(rollout);
    char rule[COMPARE_TEXT_MAX], time[32];

    buf[0] = '\0';
    if (s->held_ms < hold_ms)
        snprintf(buf, size, "to be held %s more",
                 format_duration((unsigned)(hold_ms - s->held_ms + 999) / 1000 * 1000, time));
    else if (rollout->weight_bp && s->connections < plan->evidence)
        snprintf(buf, size, "%llu more connections",
                 (unsigned long long)(plan->evidence - s->connections));
    else if (!s->checks_good)
        snprintf(buf, size, "an answer from every check");
    for (size_t i = 0; !*buf && i < plan->rule_count && s->compared && rollout->weight_bp; i++)
        if (s->answers[i].verdict != VERDICT_NO_WORSE)
            snprintf(buf, size, "evidence for %s", compare_format(&plan->rules[i], rule));
    return buf;
}

static struct decision leave(const struct rollout *rollout, const struct situation *s)
{
    char waits[ROLLOUT_WHY_MAX], held[32], why[ROLLOUT_WHY_MAX];

    if (!rollout->stage_id)
        return rollout_next_step(rollout, "begins");
    if (*rollout_waits_for(rollout, s, waits, sizeof(waits)))
        return go_back(rollout, s);
    snprintf(why, sizeof(why), "held %s, %llu connections%s",
             format_duration((unsigned)(s->held_ms / 1000 * 1000), held),
             (unsigned long long)s->connections,
             s->compared && rollout->plan.rule_count ? ", no rule worse" : "");
    return go_on(rollout, why);
}

/* --- what is wrong --- */

/* In the present step. */
static struct decision pause_here(const struct rollout *rollout, const char *why)
{
    struct decision decision = decide(NEXT_PAUSE, "%s", why);

    decision.step = rollout->step;
    return decision;
}

static struct decision act_on(const struct rollout *rollout, enum plan_act act, const char *why)
{
    if (act == PLAN_ROLLBACK)
        return decide(NEXT_ROLL_BACK, "%s", why);
    return act == PLAN_PAUSE ? pause_here(rollout, why) : nothing();
}

static struct decision worse(const struct rollout *rollout, const struct situation *s)
{
    char rule[COMPARE_TEXT_MAX], why[ROLLOUT_WHY_MAX];

    if (s->failed_check)
        return act_on(rollout, rollout->plan.on_worse, s->failed_check);
    for (size_t i = 0; i < rollout->plan.rule_count; i++)
        if (s->answers[i].verdict == VERDICT_WORSE) {
            snprintf(why, sizeof(why), "worse than the baseline: %s",
                     compare_format(&rollout->plan.rules[i], rule));
            return act_on(rollout, rollout->plan.on_worse, why);
        }
    return nothing();
}

static struct decision silent(const struct rollout *rollout, const struct situation *s)
{
    char time[32], why[ROLLOUT_WHY_MAX];

    if (s->silent_check && s->silent_check_ms >= rollout->plan.heartbeat_ms)
        return pause_here(rollout, s->silent_check);
    if (!rollout->weight_bp || s->idle_ms < rollout->plan.no_traffic_ms)
        return nothing();
    snprintf(why, sizeof(why), "no new connection for %s",
             format_duration(rollout->plan.no_traffic_ms, time));
    return act_on(rollout, rollout->plan.on_no_traffic, why);
}

/* A rollout that is running: what is wrong with it, or whether it goes on. */
static struct decision running(const struct rollout *rollout, const struct situation *s)
{
    struct decision decision;

    if (s->gone)
        return pause_here(rollout, s->gone);
    if (s->by_hand) {
        decision = pause_here(rollout, s->by_hand);
        decision.by_hand = true;
        return decision;
    }
    decision = worse(rollout, s);
    if (decision.next == NEXT_NOTHING)
        decision = silent(rollout, s);
    return decision.next == NEXT_NOTHING ? leave(rollout, s) : decision;
}

static struct decision promoted(const struct rollout *rollout, const struct situation *s)
{
    if (rollout->soaked)
        return nothing();
    if (s->withdrawn)
        return decide(NEXT_ROLL_BACK, "withdrawn: %s", s->withdrawn);
    return s->ended_ms >= rollout->plan.soak_ms ? decide(NEXT_SOAKED, "soaked") : nothing();
}

struct decision rollout_decide(const struct rollout *rollout, const struct situation *s)
{
    struct decision decision;

    if (rollout->act != ACT_NONE)
        return s->gone ? pause_here(rollout, s->gone) : (struct decision){.next = NEXT_REDO};
    if (rollout->state == ROLLOUT_PROMOTED)
        return promoted(rollout, s);
    if (!rollout_is_under_way(rollout) || rollout->stuck)
        return nothing();
    if (s->withdrawn && !s->gone)
        return decide(NEXT_ROLL_BACK, "withdrawn: %s", s->withdrawn);
    if (rollout->state == ROLLOUT_RUNNING)
        return running(rollout, s);
    decision = s->gone || s->by_hand ? nothing() : worse(rollout, s);
    return decision.next == NEXT_ROLL_BACK ? decision : nothing();
}
