// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Plans of rollouts: what is read from a file, what is there without being said, and how long a
 * rollout takes. */
#include "plan_text.h"

static struct plan_file contents;

static const struct plan *accepts(const char *text)
{
    plan_text_accepted(text, &contents);
    assert_true(contents.has_plan);
    return &contents.plan;
}

static int release(void **state)
{
    (void)state;
    plan_file_free(&contents);
    return 0;
}

static void assert_set(const struct plan_step *step, const char *version, unsigned bp,
                       unsigned hold_ms, int line)
{
    assert_int_equal(step->kind, STEP_SET);
    assert_int_equal(step->weight_count, 1);
    assert_string_equal(step->weights[0].version, version);
    assert_int_equal(step->weights[0].weight_bp, bp);
    assert_int_equal(step->hold_ms, hold_ms);
    assert_int_equal(step->place.line, line);
    assert_int_equal(step->place.column, 7);
}

static void assert_words(char *const *words, const char *const *expected)
{
    for (; *expected; words++, expected++) {
        assert_non_null(*words);
        assert_string_equal(*words, *expected);
    }
    assert_null(*words);
}

static const char whole[] =
    "rollout:\n"
    "  service: web\n"
    "  version: canary\n"
    "  steps:\n"
    "    - set: {canary: 0.01%}\n"
    "      hold: 5m\n"
    "    - set: {canary: 1%}\n"
    "      hold: 10m\n"
    "    - ramp: {to: 50%, by: double, every: 5m}      # by: double | +5% | adaptive {up: 10%}\n"
    "    - pause                                       # waits for promote\n"
    "    - set: {canary: 100%}\n"
    "  evidence: 700 connections\n"
    "  compare:\n"
    "    - connect_failures <= baseline + 0.5%\n"
    "    - p99 response_time <= 1.25x baseline\n"
    "  checks:\n"
    "    - prometheus: {url: \"http://127.0.0.1:9090\", query: \"up{v='{{version}}'} / {{ service "
    "}}"
    "\", every: 16s, fail: \">= -1.5e-2\"}\n"
    "    - exec: {command: [./smoke.sh, \"{{version}}\", -v], every: 2m}\n"
    "  confidence: 99.9%\n"
    "  on_worse: pause\n"
    "  live_flows: drain 30s\n"
    "  no_traffic: {after: 11m, then: rollback}\n"
    "  heartbeat: {lost_after: 12s, then: rollback}\n"
    "  soak: 31m\n"
    "  notify:\n"
    "    - webhook: {url: \"https://[::1]:8000/{{service}}\", on: [advanced, paused]}\n"
    "    - exec: {command: [./page.sh], on: [rolled_back]}\n";

static void test_whole_steps(void **state)
{
    const struct plan *plan = accepts(whole);

    (void)state;
    assert_string_equal(plan->service, "web");
    assert_string_equal(plan->version, "canary");
    assert_int_equal(plan->version_place.line, 3);
    assert_int_equal(plan->version_place.column, 12);
    assert_int_equal(plan->step_count, 5);
    assert_set(&plan->steps[0], "canary", 1, 300000, 5);
    assert_set(&plan->steps[1], "canary", 100, 600000, 7);
    assert_int_equal(plan->steps[2].kind, STEP_RAMP);
    assert_int_equal(plan->steps[2].by, RAMP_DOUBLE);
    assert_int_equal(plan->steps[2].to_bp, 5000);
    assert_int_equal(plan->steps[2].every_ms, 300000);
    assert_int_equal(plan->steps[3].kind, STEP_PAUSE);
    assert_int_equal(plan->steps[3].place.line, 10);
    assert_set(&plan->steps[4], "canary", 10000, 0, 11);
}

static void test_whole_rest(void **state)
{
    const struct plan *plan = accepts(whole);

    (void)state;
    assert_int_equal(plan->evidence, 700);
    assert_int_equal(plan->rule_count, 2);
    assert_int_equal(plan->rules[0].signal, FS_SIGNAL_CONNECT_FAILURES);
    assert_int_equal(plan->rules[0].margin_ppm, 5000);
    assert_int_equal(plan->rules[0].place.line, 14);
    assert_int_equal(plan->rules[1].signal, FS_SIGNAL_RESPONSE_TIME);
    assert_int_equal(plan->rules[1].share_ppm, 10000);
    assert_int_equal(plan->rules[1].factor_millis, 1250);
    assert_int_equal(plan->rules[1].place.column, 7);
    assert_int_equal(plan->confidence_ppm, 999000);
    assert_int_equal(plan->on_worse, PLAN_PAUSE);
    assert_int_equal(plan->live_flows, FS_LIVE_DRAIN);
    assert_int_equal(plan->live_ms, 30000);
    assert_int_equal(plan->no_traffic_ms, 660000);
    assert_int_equal(plan->on_no_traffic, PLAN_ROLLBACK);
    assert_int_equal(plan->heartbeat_ms, 12000);
    assert_int_equal(plan->on_lost, PLAN_ROLLBACK);
    assert_int_equal(plan->soak_ms, 1860000);
}

static void test_whole_outside(void **state)
{
    const struct plan *plan = accepts(whole);
    const struct plan_check *asks = &plan->checks[0], *runs = &plan->checks[1];

    (void)state;
    assert_int_equal(plan->check_count, 2);
    assert_int_equal(asks->kind, CHECK_PROMETHEUS);
    assert_string_equal(asks->url, "http://127.0.0.1:9090");
    assert_string_equal(asks->query, "up{v='canary'} / web");
    assert_int_equal(asks->every_ms, 16000);
    assert_int_equal(asks->fail_if, CHECK_AT_LEAST);
    assert_true(asks->fail_limit == -0.015);
    assert_int_equal(asks->place.line, 17);
    assert_int_equal(runs->kind, CHECK_EXEC);
    assert_words(runs->command, (const char *const[]){"./smoke.sh", "canary", "-v", NULL});
    assert_int_equal(runs->every_ms, 120000);
    assert_int_equal(plan->hook_count, 2);
    assert_int_equal(plan->hooks[0].kind, HOOK_WEBHOOK);
    assert_string_equal(plan->hooks[0].url, "https://[::1]:8000/web");
    assert_int_equal(plan->hooks[0].on, 1 << PLAN_EVENT_ADVANCED | 1 << PLAN_EVENT_PAUSED);
    assert_int_equal(plan->hooks[1].kind, HOOK_EXEC);
    assert_words(plan->hooks[1].command, (const char *const[]){"./page.sh", NULL});
    assert_int_equal(plan->hooks[1].on, 1 << PLAN_EVENT_ROLLED_BACK);
    assert_int_equal(plan->hooks[1].place.line, 27);
}

static void test_defaults(void **state)
{
    const struct plan *plan = accepts(PLAN_STEPS "  checks: [{exec: {command: [a]}}, {prometheus: "
                                                 "{url: 'http://a', query: q, fail: <1}}]\n"
                                                 "  notify: [{exec: {command: [a]}}]\n");

    (void)state;
    assert_int_equal(plan->steps[0].hold_ms, 0);
    assert_int_equal(plan->evidence, 500);
    assert_int_equal(plan->rule_count, 0);
    assert_int_equal(plan->checks[0].every_ms, 60000);
    assert_int_equal(plan->checks[1].every_ms, 15000);
    assert_int_equal(plan->confidence_ppm, 990000);
    assert_int_equal(plan->on_worse, PLAN_ROLLBACK);
    assert_int_equal(plan->live_flows, FS_LIVE_KEEP);
    assert_int_equal(plan->no_traffic_ms, 600000);
    assert_int_equal(plan->on_no_traffic, PLAN_PAUSE);
    assert_int_equal(plan->heartbeat_ms, 10000);
    assert_int_equal(plan->on_lost, PLAN_HOLD);
    assert_int_equal(plan->soak_ms, 1800000);
    assert_int_equal(plan->hooks[0].on, (1 << PLAN_EVENT_COUNT) - 1);
}

/* Names are put into texts that stand above them. */
static void test_any_order(void **state)
{
    const struct plan *plan =
        accepts("rollout: {checks: [{exec: {command: ['{{service}}/{{version}}']}}],\n"
                "  steps: [pause, {hold: 1m, set: {b: 5%, a: 95%}}], version: b, service: api}\n");

    (void)state;
    assert_string_equal(plan->checks[0].command[0], "api/b");
    assert_int_equal(plan->steps[1].hold_ms, 60000);
    assert_string_equal(plan->steps[1].weights[1].version, "a");
    assert_int_equal(plan->steps[1].weights[1].place.column, 42);
}

/* --- ramps --- */

static const char *const adaptive[] = {
    "    - ramp: {to: 50%, by: adaptive {up: 10%, down: 5%}, every: 1m}\n",
    "    - ramp: {by: adaptive{down: 5%, up: 10%}, every: 1m, to: 50%}\n",
    "    - ramp: {to: '50%', by: \t adaptive {up: 10%, down: 5%}, every: \"1m\"}\n",
    "    - ramp: {to: 50%, by: \"adaptive {up: 10%, down: 5%}\", every: 1m}\n",
    "    - ramp: {to: 50%, by: 'adaptive { up:10%,down :5% }', every: 1m}\n",
    "    - ramp: {to: 50%, by: {adaptive: {up: 10%, down: 5%}}, every: 1m}\n",
    "    - ramp: {to: 50%, by: {down: 5%, up: 10%}, every: 1m}\n",
    "    - ramp:\n        to: 50%\n        by: adaptive {up: 10%, down: 5%}\n        every: 1m\n",
};

static void test_adaptive(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(adaptive); i++) {
        char text[512];
        const struct plan_step *step;

        snprintf(text, sizeof(text), "%s%s", STEPS_OF(""), adaptive[i]);
        step = accepts(text)->steps;
        assert_int_equal(step->kind, STEP_RAMP);
        assert_int_equal(step->by, RAMP_ADAPTIVE);
        assert_int_equal(step->to_bp, 5000);
        assert_int_equal(step->up_bp, 1000);
        assert_int_equal(step->down_bp, 500);
        assert_int_equal(step->every_ms, 60000);
        plan_file_free(&contents);
    }
}

/* Texts that look like it, where the other is, too. */
static const char not_adaptive[] =
    "rollout:\n"
    "  service: web\n"
    "  version: canary\n"
    "  steps:\n"
    "    - ramp: {to: 5%, by: adaptive {up: 1%, down: 1%}, every: 1m}\n"
    "  checks:\n"
    "    - exec: {command: [\"by: adaptive {\", 'x by: adaptive {', by adaptive, \"on it\n"
    "        adaptive {\"]}\n";

static void test_not_adaptive(void **state)
{
    const struct plan *plan = accepts(not_adaptive);

    (void)state;
    assert_int_equal(plan->steps[0].by, RAMP_ADAPTIVE);
    assert_words(plan->checks[0].command,
                 (const char *const[]){"by: adaptive {", "x by: adaptive {", "by adaptive",
                                       "on it adaptive {", NULL});
}

static void test_plus(void **state)
{
    const struct plan *plan =
        accepts(STEPS_OF("    - ramp: {to: 0.01%, by: +0.01%, every: 1s}\n"
                         "    - ramp: {to: 100%, by: \"+100%\", every: 7d}\n"));

    (void)state;
    assert_int_equal(plan->steps[0].by, RAMP_PLUS);
    assert_int_equal(plan->steps[0].up_bp, 1);
    assert_int_equal(plan->steps[0].to_bp, 1);
    assert_int_equal(plan->steps[0].every_ms, 1000);
    assert_int_equal(plan->steps[1].up_bp, 10000);
    assert_int_equal(plan->steps[1].every_ms, 7 * 86400 * 1000);
}

static void test_next(void **state)
{
    static const struct plan_step doubles = {.by = RAMP_DOUBLE, .to_bp = 5000};
    static const struct plan_step adds = {.by = RAMP_PLUS, .to_bp = 5000, .up_bp = 700};
    static const struct plan_step adapts = {.by = RAMP_ADAPTIVE, .to_bp = 5000, .up_bp = 9000};

    (void)state;
    assert_int_equal(plan_ramp_next(&doubles, 0), 1);
    assert_int_equal(plan_ramp_next(&doubles, 1), 2);
    assert_int_equal(plan_ramp_next(&doubles, 2500), 5000);
    assert_int_equal(plan_ramp_next(&doubles, 2501), 5000);
    assert_int_equal(plan_ramp_next(&doubles, 5000), 5000);
    assert_int_equal(plan_ramp_next(&doubles, 6000), 5000);
    assert_int_equal(plan_ramp_next(&adds, 0), 700);
    assert_int_equal(plan_ramp_next(&adds, 4299), 4999);
    assert_int_equal(plan_ramp_next(&adds, 4300), 5000);
    assert_int_equal(plan_ramp_next(&adds, 4301), 5000);
    assert_int_equal(plan_ramp_next(&adapts, 1), 5000);
}

static void test_least(void **state)
{
    const struct plan *plan = accepts(whole);
    const uint64_t minute = 60000;

    (void)state;
    /* 5m, 10m, and of the ramp 2, 4, 8, 16, 32, 50 % */
    assert_int_equal(plan_least_ms(plan, 0), (5 + 10 + 6 * 5) * minute);
    assert_int_equal(plan_least_ms(plan, PLAN_WEIGHT_UNKNOWN), 45 * minute);
    plan_file_free(&contents);
    plan = accepts(STEPS_OF("    - set: {other: 5%}\n      hold: 1m\n"
                            "    - ramp: {to: 50%, by: +10%, every: 1m}\n"
                            "    - ramp: {to: 51%, by: +1%, every: 7d}\n"));
    assert_int_equal(plan_least_ms(plan, PLAN_WEIGHT_UNKNOWN), (1 + 1 + 7 * 1440) * minute);
    assert_int_equal(plan_least_ms(plan, 0), (1 + 5 + 7 * 1440) * minute);
    assert_int_equal(plan_least_ms(plan, 4999), (1 + 1 + 7 * 1440) * minute);
}

/* 10,000 stages of a week each are more than 32 bits of milliseconds. */
static void test_longest(void **state)
{
    const struct plan *plan = accepts(STEPS_OF("    - ramp: {to: 100%, by: +0.01%, every: 7d}\n"));

    (void)state;
    assert_int_equal(plan_least_ms(plan, 0), 10000ULL * 7 * 86400 * 1000);
}

#define TEST_PLAN(sentence, fn)           \
    {                                     \
        sentence, fn, NULL, release, NULL \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST_PLAN("a plan with every key: its steps are read as written", test_whole_steps),
        TEST_PLAN("a plan with every key: rules and acts are read as written", test_whole_rest),
        TEST_PLAN("a plan with every key: checks and hooks are read as written",
                  test_whole_outside),
        TEST_PLAN("what a plan doesn't say has its default", test_defaults),
        TEST_PLAN("keys may stand in any order", test_any_order),
        TEST_PLAN("an adaptive ramp is read however it is written", test_adaptive),
        TEST_PLAN("a text that has `by: adaptive {` in it stays as it is", test_not_adaptive),
        TEST_PLAN("a ramp adds 0.01 % to 100 % every second to every week", test_plus),
        TEST_PLAN("a ramp ends exactly at its end, and begins from nothing with 0.01 %", test_next),
        TEST_PLAN("a rollout takes its holds and each stage of its ramps", test_least),
        TEST_PLAN("a rollout may take centuries", test_longest),
    };

    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
