// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How a rollout goes on while all is well: steps, ramps, pauses. */
#include "rollout_moment.h"

/* --- leaving a stage --- */

static void test_begins(void **state)
{
    (void)state;
    begun(STEPS(SET ", " LAST));
    s.checks_good = false;
    assert_advance(0, 0, 0);
    begun(STEPS(RAMP("double")));
    assert_advance(0, 0, 1);
    begun(STEPS(RAMP("+5%")));
    assert_advance(0, 0, 500);
    end();
}

static void test_hold(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.held_ms = 0;
    assert_waits("to be held 5m more");
    s.held_ms = 5 * 60000 - 1;
    assert_waits("to be held 1s more");
    s.held_ms = 5 * 60000;
    assert_waits("");
    assert_next(NEXT_ADVANCE, "held 5m, 500 connections");
    end();
}

static void test_evidence(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.connections = 499;
    assert_waits("1 more connections");
    s.connections = 0;
    assert_waits("500 more connections");
    rollout->weight_bp = 0; /* nobody comes to it */
    assert_waits("");
    end();
}

static void test_checks(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.checks_good = false;
    assert_waits("an answer from every check");
    end();
}

static void test_verdicts(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    s.answers[0].verdict = VERDICT_OPEN;
    assert_waits("evidence for connect_failures <= baseline + 0.5%");
    s.answers[0].verdict = VERDICT_NO_WORSE;
    s.answers[1].verdict = VERDICT_OPEN;
    assert_waits("evidence for resets <= 2x baseline");
    s.compared = false; /* the baseline has nothing left */
    assert_waits("");
    s.compared = true;
    rollout->weight_bp = 0;
    assert_waits("");
    end();
}

static void test_ends(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 1, 0, 10000);
    assert_next(NEXT_PROMOTE, "held 0s");
    in_stage(STEPS(RAMP("double")), 0, 13, 5000);
    assert_next(NEXT_PROMOTE, "held 2m");
    end();
}

/* --- ramps --- */

static void test_double(void **state)
{
    (void)state;
    in_stage(STEPS(RAMP("double") ", " LAST), 0, 3, 8);
    assert_advance(0, 4, 16);
    s.held_ms--;
    assert_waits("to be held 1s more");
    in_stage(STEPS(RAMP("double") ", " LAST), 0, 3, 2500);
    assert_advance(0, 4, 5000);
    in_stage(STEPS(RAMP("double") ", " LAST), 0, 3, 4999);
    assert_advance(0, 4, 5000);
    in_stage(STEPS(RAMP("double") ", " LAST), 0, 3, 5000);
    assert_advance(1, 0, 0);
    end();
}

static void test_plus(void **state)
{
    (void)state;
    in_stage(STEPS(RAMP("+7%") ", " LAST), 0, 0, 700);
    assert_advance(0, 1, 1400);
    in_stage(STEPS(RAMP("+7%") ", " LAST), 0, 6, 4900);
    assert_advance(0, 7, 5000);
    in_stage(STEPS(SET ", " RAMP("+7%")), 0, 0, 100);
    assert_advance(1, 0, 800);
    end();
}

static void test_adaptive(void **state)
{
    (void)state;
    in_stage(ADAPTIVE, 0, 2, 2000);
    assert_advance(0, 3, 3000);
    s.answers[1].verdict = VERDICT_OPEN;
    assert_next(NEXT_ADVANCE, "looks worse, not proven: resets");
    assert_advance(0, 3, 1500);
    s.held_ms--;
    assert_next(NEXT_NOTHING, "");
    s.held_ms++;
    s.answers[1].missing = 1; /* there isn't enough to say so */
    assert_next(NEXT_NOTHING, "");
    in_stage(ADAPTIVE, 0, 5, 500);
    s.answers[0].verdict = VERDICT_OPEN;
    assert_advance(0, 6, 1);
    in_stage(ADAPTIVE, 0, 6, 1);
    s.answers[0].verdict = VERDICT_OPEN;
    assert_next(NEXT_NOTHING, "");
    in_stage(STEPS(RAMP("+5%")) RULES, 0, 2, 2000); /* others never go back */
    s.answers[0].verdict = VERDICT_OPEN;
    assert_next(NEXT_NOTHING, "");
    end();
}

static void test_not_compared(void **state)
{
    (void)state;
    in_stage(ADAPTIVE, 0, 2, 2000);
    s.answers[0] = s.answers[1] = (struct answer){.verdict = VERDICT_OPEN};
    s.connections = 3;
    s.compared = false;
    assert_next(NEXT_NOTHING, "");
    s.compared = true;
    rollout->measures[0].known = rollout->measures[1].known = false;
    assert_next(NEXT_NOTHING, "");
    rollout->measures[1].known = true;
    assert_advance(0, 3, 1500);
    end();
}

/* --- pauses --- */

static void test_pause(void **state)
{
    struct decision decision;

    (void)state;
    in_stage(STEPS(SET ", pause, " LAST), 0, 0, 100);
    decision = assert_next(NEXT_PAUSE, "the plan asks for a decision");
    assert_int_equal(decision.step, 1);
    assert_false(decision.by_hand);
    pause_it(false);
    rollout->step = 1;
    assert_next(NEXT_NOTHING, "");
    decision = rollout_next_step(rollout, "promoted");
    assert_int_equal(decision.next, NEXT_ADVANCE);
    assert_int_equal(decision.step, 2);
    assert_string_equal(decision.why, "promoted");
    in_stage(STEPS(SET ", pause"), 0, 0, 100);
    pause_it(false);
    rollout->step = 1;
    assert_int_equal(rollout_next_step(rollout, "").next, NEXT_PROMOTE);
    end();
}

/* What a plan begins with is left like any other pause. */
static void test_first_pause(void **state)
{
    struct decision decision;

    (void)state;
    begun(STEPS("pause, pause, " SET));
    assert_int_equal(assert_next(NEXT_PAUSE, "asks for a decision").step, 0);
    pause_it(false);
    decision = rollout_next_step(rollout, "resumed");
    assert_int_equal(decision.next, NEXT_PAUSE);
    assert_int_equal(decision.step, 1);
    rollout->step = 1;
    decision = rollout_next_step(rollout, "resumed");
    assert_int_equal(decision.next, NEXT_ADVANCE);
    assert_int_equal(decision.step, 2);
    begun(STEPS(SET ", " LAST)); /* paused by somebody before it began */
    pause_it(false);
    decision = rollout_next_step(rollout, "promoted");
    assert_int_equal(decision.next, NEXT_ADVANCE);
    assert_int_equal(decision.step, 0);
    end();
}

static void test_paused(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    pause_it(false);
    s.idle_ms = UINT64_MAX;
    s.silent_check = "so";
    s.silent_check_ms = UINT64_MAX;
    assert_next(NEXT_NOTHING, "");
    s.by_hand = "so";
    assert_next(NEXT_NOTHING, "");
    s.answers[0].verdict = VERDICT_WORSE; /* of a mixture that nobody has planned */
    assert_next(NEXT_NOTHING, "");
    s.by_hand = NULL;
    assert_next(NEXT_ROLL_BACK, "worse than the baseline");
    rollout->plan.on_worse = PLAN_PAUSE;
    assert_next(NEXT_NOTHING, "");
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("a rollout begins with its first step at once", test_begins),
        TEST("a step is held for its time", test_hold),
        TEST("a step is left on as many connections as the plan wants", test_evidence),
        TEST("a step waits for an answer from every check", test_checks),
        TEST("a step waits for every rule's verdict, if there is a control", test_verdicts),
        TEST("after the last step it is promoted", test_ends),
        TEST("a ramp doubles, up to its end", test_double),
        TEST("a ramp adds, up to its end", test_plus),
        TEST("an adaptive ramp goes back from what looks worse", test_adaptive),
        TEST("but not from what isn't compared", test_not_compared),
        TEST("a pause waits for somebody", test_pause),
        TEST("a plan may begin with a pause", test_first_pause),
        TEST("while paused only a rollback happens", test_paused),
    };

    return cmocka_run_group_tests_name("how a rollout goes on", tests, NULL, NULL);
}
