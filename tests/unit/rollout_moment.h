/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rollout at one moment, and what it does next. */
#ifndef FLOWSPLIT_UNIT_ROLLOUT_MOMENT_H
#define FLOWSPLIT_UNIT_ROLLOUT_MOMENT_H

#include "rollout_lines.h"

#include "rollout_decide.h"

#define RULES        "  compare: [connect_failures <= baseline + 0.5%, resets <= 2x baseline]\n"
#define STEPS(steps) PLAN_HEAD "  steps: [" steps "]\n"
#define SET          "{set: {canary: 1%}, hold: 5m}"
#define LAST         "{set: {canary: 100%}}"
#define RAMP(by)     "{ramp: {to: 50%, by: " by ", every: 2m}}"

#define ADAPTIVE     STEPS("{ramp: {to: 50%, by: {adaptive: {up: 10%, down: 5%}}, every: 2m}}") RULES

static struct rollouts rollouts;
static struct rollout *rollout;
static struct situation s;

static inline void end(void)
{
    rollouts_free(&rollouts);
}

/* A rollout in a stage that may be left. */
static inline void in_stage(const char *text, size_t step, unsigned stage, unsigned canary_bp)
{
    struct weight_set start = two_weights(10000, 0);

    rollout = lines_start(&rollouts, text, &start);
    lines_hold(&rollouts, rollout, step, stage, canary_bp);
    s = (struct situation){.checks_good = true,
                           .compared = true,
                           .connections = 500,
                           .held_ms = rollout_hold_ms(rollout)};
    for (size_t i = 0; i < PLAN_MAX_RULES; i++)
        s.answers[i].verdict = VERDICT_NO_WORSE;
}

static inline void begun(const char *text)
{
    struct weight_set start = two_weights(10000, 0);

    rollout = lines_start(&rollouts, text, &start);
    s = (struct situation){.checks_good = true, .compared = true};
}

static inline struct decision assert_next(enum next next, const char *why)
{
    struct decision decision = rollout_decide(rollout, &s);

    if (decision.next != next || !strstr(decision.why, why))
        fail_msg("%d, \"%s\" instead of %d, \"%s\"", decision.next, decision.why, next, why);
    return decision;
}

static inline void assert_waits(const char *for_what)
{
    char buf[ROLLOUT_WHY_MAX];

    assert_string_equal(rollout_waits_for(rollout, &s, buf, sizeof(buf)), for_what);
    assert_next(*for_what ? NEXT_NOTHING : NEXT_ADVANCE, "");
}

static inline void assert_advance(size_t step, unsigned stage, unsigned weight_bp)
{
    struct decision decision = assert_next(NEXT_ADVANCE, "");

    assert_int_equal(decision.step, step);
    assert_int_equal(decision.stage, stage);
    assert_int_equal(decision.weight_bp, weight_bp);
}

static inline void pause_it(bool by_hand)
{
    json_t *line = rollout_line(rollout, "paused", "so", NULL);

    if (by_hand)
        json_object_set_new(line, "by_hand", json_true());
    lines_take(&rollouts, line_at(line, 3));
}

#endif
