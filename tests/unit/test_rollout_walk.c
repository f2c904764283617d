// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole rollouts, decision after decision, of versions that are good or worse; and what share of
 * false alarms and how much evidence each stage gets. */
#include "rollout_moment.h"

#include <math.h>

#include "random.h"

#define TICK_MS 20000

static const char *const plans[] = {
    STEPS("{set: {canary: 0.01%}, hold: 5m}, {set: {canary: 1%}, hold: 10m}, " RAMP(
        "double") ", pause, " LAST) RULES,
    STEPS("pause, " SET ", " RAMP("+9%") ", " LAST) RULES,
    ADAPTIVE,
    STEPS(LAST) "  compare: [p99 response_time <= 1.25x baseline]\n  evidence: 0\n",
};

struct walk {
    struct rng rng;
    bool worse;
    unsigned ticks; /* of the stage */
    unsigned proof; /* how many it takes until it is proven to be worse */
};

static bool chance(struct walk *walk, unsigned percent)
{
    return rng_below(&walk->rng, 100) < percent;
}

/* What is to be seen. A good version may look worse for a while. */
static void look(struct walk *walk)
{
    bool enough = walk->ticks >= 3;

    s = (struct situation){.checks_good = chance(walk, 90),
                           .compared = rollout->weight_bp && rollout->weight_bp < FS_BUCKETS,
                           .connections = walk->ticks * 170,
                           .held_ms = walk->ticks * TICK_MS,
                           .idle_ms = chance(walk, 5) ? PLAN_NO_TRAFFIC_DEFAULT_MS - 1 : 0,
                           .ended_ms = 1};
    if (chance(walk, 5)) {
        s.silent_check = "no answer";
        s.silent_check_ms = PLAN_HEARTBEAT_DEFAULT_MS - 1;
    }
    for (size_t i = 0; i < rollout->plan.rule_count && s.compared; i++) {
        s.answers[i].missing = enough ? 0 : 1;
        if (enough && !walk->worse && chance(walk, 70))
            s.answers[i].verdict = VERDICT_NO_WORSE;
        if (walk->worse && walk->ticks >= walk->proof && i == 0)
            s.answers[i].verdict = VERDICT_WORSE;
    }
}

static void act(struct walk *walk, const struct decision *decision)
{
    const struct plan_step *step = &rollout->plan.steps[decision->step];
    struct weight_set start = two_weights(FS_BUCKETS, 0);
    json_t *line;

    switch (decision->next) {
    case NEXT_ADVANCE:
        walk->ticks = 0;
        walk->proof = 1 + rng_below(&walk->rng, 9);
        lines_hold(&rollouts, rollout, decision->step, decision->stage,
                   step->kind == STEP_RAMP ? decision->weight_bp : step->weights[0].weight_bp);
        return;
    case NEXT_PAUSE:
        line = rollout_line(rollout, "paused", decision->why, NULL);
        json_object_set_new(line, "step", json_integer((json_int_t)decision->step));
        break;
    case NEXT_ROLL_BACK:
        lines_take(&rollouts, rollout_line_act(rollout, ACT_ROLL_BACK, &start, "", NULL));
        line = rollout_line(rollout, "rolled_back", NULL, NULL);
        break;
    case NEXT_PROMOTE:
        line = rollout_line(rollout, "promoted", NULL, NULL);
        break;
    default:
        return;
    }
    lines_take(&rollouts, line);
}

static bool is_worse(void)
{
    for (size_t i = 0; i < rollout->plan.rule_count; i++)
        if (s.answers[i].verdict == VERDICT_WORSE)
            return true;
    return s.failed_check;
}

/* To its end. What the plan pauses for, somebody promotes. */
static void go(struct walk *walk)
{
    for (int i = 0; i < 100000 && rollout_is_under_way(rollout); i++) {
        struct decision decision;

        look(walk);
        decision = rollout_decide(rollout, &s);
        if (is_worse())
            assert_int_equal(decision.next, NEXT_ROLL_BACK);
        if (decision.next == NEXT_NOTHING && rollout->state == ROLLOUT_PAUSED)
            decision = rollout_next_step(rollout, "promoted");
        act(walk, &decision);
        walk->ticks++;
    }
}

static void walks(bool worse, enum rollout_state wished)
{
    for (unsigned round = 0; round < 60; round++) {
        struct walk walk = {.rng = {round}, .worse = worse};

        begun(plans[round % COUNT(plans)]);
        if (worse && round % COUNT(plans) == COUNT(plans) - 1)
            continue; /* never compared: it has all at once */
        go(&walk);
        if (rollout->state != wished)
            fail_msg("round %u ended %s in step %zu", round, rollout_state_names[rollout->state],
                     rollout->step);
        assert_int_not_equal(rollout->stage_id, 0);
        if (wished == ROLLOUT_PROMOTED)
            assert_true(rollout->weight_bp >= 5000);
    }
    end();
}

static void test_good(void **state)
{
    (void)state;
    walks(false, ROLLOUT_PROMOTED);
}

static void test_worse(void **state)
{
    (void)state;
    walks(true, ROLLOUT_ROLLED_BACK);
}

/* --- whatever is seen --- */

static void test_never(void **state)
{
    struct walk walk = {.rng = {20261121}};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        enum next next;

        if (i % 100 == 0)
            in_stage(plans[rng_below(&walk.rng, COUNT(plans))], 0, 0, 100);
        walk.ticks = rng_below(&walk.rng, 40);
        rollout->weight_bp = rng_below(&walk.rng, FS_BUCKETS + 1);
        rollout->state = (enum rollout_state)rng_below(&walk.rng, ROLLOUT_UNDONE + 1);
        rollout->plan.on_worse = chance(&walk, 50) ? PLAN_PAUSE : PLAN_ROLLBACK;
        rollout->plan.on_no_traffic = (enum plan_act)rng_below(&walk.rng, PLAN_ACT_COUNT);
        look(&walk);
        s.idle_ms = chance(&walk, 20) ? UINT64_MAX : 0;
        s.by_hand = chance(&walk, 5) ? "so" : NULL;
        s.gone = chance(&walk, 5) ? "so" : NULL;
        s.withdrawn = chance(&walk, 5) ? "so" : NULL;
        s.failed_check = chance(&walk, 30) ? "so" : NULL;
        for (size_t n = 0; n < rollout->plan.rule_count; n++)
            s.answers[n].verdict = (enum verdict)rng_below(&walk.rng, 3);
        next = rollout_decide(rollout, &s).next;
        if (is_worse() || s.gone || s.withdrawn || s.by_hand || !rollout_is_under_way(rollout))
            assert_true(next != NEXT_ADVANCE && next != NEXT_PROMOTE);
        if (rollout->state != ROLLOUT_RUNNING)
            assert_true(next != NEXT_PAUSE);
        if (s.gone || rollout->state > ROLLOUT_PROMOTED)
            assert_true(next != NEXT_ROLL_BACK || rollout->state == ROLLOUT_PROMOTED);
    }
    end();
}

/* --- figures --- */

static void test_alpha(void **state)
{
    double sum = 0, before = 1;

    (void)state;
    in_stage(STEPS(SET ", " RAMP("double")) RULES "  confidence: 99%\n", 0, 0, 100);
    assert_true(fabs(rollout_alpha(rollout) - 0.005) < 1e-12); /* for each of two rules */
    rollout->step = 1;
    for (unsigned stage = 0; stage < 100000; stage++) {
        rollout->stage = stage;
        assert_true(rollout_alpha(rollout) > 0 && rollout_alpha(rollout) < before);
        before = rollout_alpha(rollout);
        sum += before;
        assert_true(sum < 0.005);
    }
    assert_true(sum > 0.00499);
    end();
}

static uint64_t evidence(enum fs_signal signal, unsigned shift)
{
    const struct compare_rule rule = {.signal = signal};

    return rollout_evidence(rollout, &rule, shift);
}

static void test_rule_evidence(void **state)
{
    (void)state;
    begun(STEPS(SET));
    assert_int_equal(evidence(FS_SIGNAL_CONNECT_FAILURES, 4), 500);
    assert_int_equal(evidence(FS_SIGNAL_CONNECT_TIME, 4), 500);
    assert_int_equal(evidence(FS_SIGNAL_RETRANSMITS, 4), 500);
    assert_int_equal(evidence(FS_SIGNAL_CLOSE_WAIT, 4), 500);
    assert_int_equal(evidence(FS_SIGNAL_RESETS, 0), 500);
    assert_int_equal(evidence(FS_SIGNAL_RESETS, 4), 31);
    assert_int_equal(evidence(FS_SIGNAL_RESPONSE_TIME, 5), 30);
    assert_int_equal(evidence(FS_SIGNAL_HTTP_5XX, 31), 30);
    rollout->plan.evidence = 20;
    assert_int_equal(evidence(FS_SIGNAL_RESETS, 4), 20);
    rollout->plan.evidence = 0;
    assert_int_equal(evidence(FS_SIGNAL_RESETS, 4), 0);
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("a version that is good ends promoted, by whatever plan", test_good),
        TEST("one that is worse ends rolled back", test_worse),
        TEST("nothing goes on while a rule is worse, or anything wrong", test_never),
        TEST("all stages of a ramp together get the false alarms of a step", test_alpha),
        TEST("of sampled signals as much evidence is wanted as can be had", test_rule_evidence),
    };

    return cmocka_run_group_tests_name("whole rollouts", tests, NULL, NULL);
}
