// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a rollout does when something is not as it should be, when it is to do something again, and
 * when it has ended. */
#include "rollout_moment.h"

static void test_worse(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    s.answers[1].verdict = VERDICT_WORSE;
    assert_next(NEXT_ROLL_BACK, "worse than the baseline: resets <= 2x baseline");
    s.held_ms = s.connections = 0;
    assert_next(NEXT_ROLL_BACK, "worse");
    rollout->plan.on_worse = PLAN_PAUSE;
    assert_int_equal(assert_next(NEXT_PAUSE, "worse").step, 0);
    end();
}

static void test_failed_check(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 1, 0, 100);
    s.failed_check = "check 2 fails";
    assert_next(NEXT_ROLL_BACK, "check 2 fails");
    rollout->plan.on_worse = PLAN_PAUSE;
    assert_int_equal(assert_next(NEXT_PAUSE, "check 2 fails").step, 1);
    end();
}

static void test_silent_check(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 1, 0, 100);
    s.checks_good = false;
    s.silent_check = "check 1 has no answer";
    s.silent_check_ms = PLAN_HEARTBEAT_DEFAULT_MS - 1;
    assert_next(NEXT_NOTHING, "");
    s.silent_check_ms++;
    assert_int_equal(assert_next(NEXT_PAUSE, "check 1 has no answer").step, 1);
    end();
}

static void test_no_traffic(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.connections = 0;
    s.idle_ms = PLAN_NO_TRAFFIC_DEFAULT_MS - 1;
    assert_next(NEXT_NOTHING, "");
    s.idle_ms++;
    assert_next(NEXT_PAUSE, "no new connection for 10m");
    rollout->plan.on_no_traffic = PLAN_ROLLBACK;
    assert_next(NEXT_ROLL_BACK, "no new connection for 10m");
    rollout->plan.on_no_traffic = PLAN_HOLD;
    assert_next(NEXT_NOTHING, "");
    s.connections = 500; /* it had them before */
    assert_next(NEXT_ADVANCE, "");
    rollout->plan.on_no_traffic = PLAN_ROLLBACK;
    rollout->weight_bp = 0;
    assert_next(NEXT_ADVANCE, "");
    end();
}

static void test_by_hand(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    s.by_hand = "weights changed by hand";
    s.answers[0].verdict = VERDICT_WORSE;
    assert_true(assert_next(NEXT_PAUSE, "by hand").by_hand);
    end();
}

static void test_gone(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    s.gone = "there is no service web any more";
    s.withdrawn = s.by_hand = "so";
    s.answers[0].verdict = VERDICT_WORSE;
    assert_false(assert_next(NEXT_PAUSE, "no service web").by_hand);
    pause_it(false);
    assert_next(NEXT_NOTHING, "");
    rollout->act = ACT_ROLL_BACK;
    assert_next(NEXT_PAUSE, "no service web");
    end();
}

/* Or else it would be tried again each second. */
static void test_stuck(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST) RULES, 0, 0, 100);
    s.withdrawn = "so";
    s.answers[0].verdict = VERDICT_WORSE;
    rollout->state = ROLLOUT_PAUSED;
    assert_next(NEXT_ROLL_BACK, "so");
    rollout->stuck = true;
    assert_next(NEXT_NOTHING, "");
    end();
}

static void test_withdrawn(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.withdrawn = "resets > 5%";
    assert_next(NEXT_ROLL_BACK, "withdrawn: resets > 5%");
    s.by_hand = "so";
    assert_next(NEXT_ROLL_BACK, "withdrawn");
    pause_it(true);
    assert_next(NEXT_ROLL_BACK, "withdrawn");
    rollout->state = ROLLOUT_PROMOTED;
    assert_next(NEXT_ROLL_BACK, "withdrawn");
    rollout->soaked = true;
    assert_next(NEXT_NOTHING, "");
    rollout->state = ROLLOUT_ROLLED_BACK;
    assert_next(NEXT_NOTHING, "");
    rollout->state = ROLLOUT_UNDONE;
    assert_next(NEXT_NOTHING, "");
    end();
}

static void test_redo(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 0, 0, 100);
    s.withdrawn = s.by_hand = "so";
    for (int act = ACT_ADVANCE; act <= ACT_UNDO; act++) {
        rollout->act = (enum rollout_act)act;
        rollout->state = act == ACT_UNDO ? ROLLOUT_PROMOTED : ROLLOUT_RUNNING;
        assert_next(NEXT_REDO, "");
    }
    s.gone = "there is no service web any more";
    assert_next(NEXT_PAUSE, "there is no service web any more");
    end();
}

static void test_soak(void **state)
{
    (void)state;
    in_stage(STEPS(SET ", " LAST), 1, 0, 10000);
    rollout->state = ROLLOUT_PROMOTED;
    s.ended_ms = PLAN_SOAK_DEFAULT_MS - 1;
    s.failed_check = "so";
    assert_next(NEXT_NOTHING, "");
    s.ended_ms++;
    assert_next(NEXT_SOAKED, "soaked");
    rollout->soaked = true;
    assert_next(NEXT_NOTHING, "");
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("what is worse is rolled back, or paused", test_worse),
        TEST("so is what a check says is bad", test_failed_check),
        TEST("a check without an answer pauses after lost_after", test_silent_check),
        TEST("no traffic pauses, rolls back, or holds", test_no_traffic),
        TEST("weights changed by hand pause, before anything is judged", test_by_hand),
        TEST("what is gone pauses, and nothing is done to it", test_gone),
        TEST("what the kernel has withdrawn is rolled back until it has soaked", test_withdrawn),
        TEST("where going back has failed, a person is waited for", test_stuck),
        TEST("what was announced is done again first, or given up with its service", test_redo),
        TEST("a promoted rollout soaks", test_soak),
    };

    return cmocka_run_group_tests_name("what a rollout does about what is wrong", tests, NULL,
                                       NULL);
}
