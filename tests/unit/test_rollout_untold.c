// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What hooks have still to be told is in the journal. */
#include "rollout_lines.h"

#define PLAN                                                                      \
    STEPS_OF("    - set: {canary: 1%}\n    - pause\n    - set: {canary: 100%}\n") \
    "  notify:\n"                                                                 \
    "    - exec: {command: [a]}\n"                                                \
    "    - exec: {command: [b], on: [advanced, promoted]}\n"                      \
    "    - exec: {command: [c], on: [paused]}\n"

static struct rollouts rollouts;

static int end(void **state)
{
    (void)state;
    rollouts_free(&rollouts);
    return 0;
}

static struct rollout *begin(const char *plan)
{
    struct weight_set start = two_weights(10000, 0);

    return lines_start(&rollouts, plan, &start);
}

static void take(json_t *line)
{
    lines_take(&rollouts, line_at(line, 1));
}

/* The untold event at `index`, and the hooks that wait for it. */
static void assert_untold(const struct rollout *rollout, size_t index, enum plan_event event,
                          unsigned hooks)
{
    assert_true(index < rollout->untold_count);
    assert_int_equal(rollout->untold[index].event, event);
    assert_int_equal(rollout->untold[index].hooks, hooks);
}

static void take_told(struct rollout *rollout, size_t hook, uint64_t of)
{
    take(rollout_line_told(rollout, hook, of, true, "told"));
}

static void test_noted(void **state)
{
    struct weight_set weights = two_weights(9900, 100);
    struct rollout *rollout = begin(PLAN);

    (void)state;
    take(rollout_line_advancing(rollout, 0, 0, &weights, 7, "", NULL));
    assert_int_equal(rollout->untold_count, 1);
    take(rollout_line_holding(rollout, NULL, 0, 0));
    take(rollout_line(rollout, "paused", "why", "anna"));
    assert_int_equal(rollout->untold_count, 3);
    assert_untold(rollout, 0, PLAN_EVENT_STARTED, 1);
    assert_untold(rollout, 1, PLAN_EVENT_ADVANCED, 1 | 2);
    assert_untold(rollout, 2, PLAN_EVENT_PAUSED, 1 | 4);
}

/* As it was then, not as it is when it is told. */
static void test_message(void **state)
{
    struct weight_set weights = two_weights(9900, 100);
    struct rollout *rollout = begin(PLAN);
    char *text;

    (void)state;
    take(rollout_line_advancing(rollout, 0, 0, &weights, 7, "", NULL));
    take(rollout_line(rollout, "paused", "why", "anna"));
    take(rollout_line(rollout, "resumed", "so", "ben"));
    text = json_dumps(rollout->untold[1].message, JSON_COMPACT);
    assert_contains(text, "{\"step\":1,\"steps\":3,\"reason\":\"why\",\"who\":\"anna\","
                          "\"weights_bp\":{\"stable\":9900,\"canary\":100},\"time\":\"2");
    free(text);
}

static void test_again(void **state)
{
    struct weight_set weights = two_weights(9900, 100);
    struct rollout *rollout = begin(PLAN);

    (void)state;
    take(rollout_line_advancing(rollout, 0, 0, &weights, 7, "", NULL));
    take(rollout_line_holding(rollout, NULL, 0, 0));
    take(rollout_line_holding(rollout, NULL, 5, 5));
    assert_int_equal(rollout->untold_count, 2);
}

static void test_told(void **state)
{
    struct rollout *rollout = begin(PLAN);
    uint64_t paused, resumed;

    (void)state;
    take(rollout_line(rollout, "paused", "", NULL));
    paused = rollouts.lines;
    take(rollout_line(rollout, "resumed", "", NULL));
    resumed = rollouts.lines;
    assert_true(paused < resumed);
    take_told(rollout, 2, paused);
    assert_untold(rollout, 1, PLAN_EVENT_PAUSED, 1);
    take_told(rollout, 0, paused);
    assert_int_equal(rollout->untold_count, 2);
    assert_untold(rollout, 1, PLAN_EVENT_RESUMED, 1);
    assert_int_equal(rollout->untold[1].line, resumed);
}

static void test_told_of_nothing(void **state)
{
    struct rollout *rollout = begin(PLAN);

    (void)state;
    take_told(rollout, 0, 12345);
    take_told(rollout, 1, rollout->untold[0].line);
    take_told(rollout, (size_t)-1, rollout->untold[0].line);
    take_told(rollout, PLAN_MAX_HOOKS, rollout->untold[0].line);
    assert_int_equal(rollout->untold_count, 1);
    assert_untold(rollout, 0, PLAN_EVENT_STARTED, 1);
}

static void test_too_many(void **state)
{
    struct rollout *rollout = begin(PLAN);

    (void)state;
    for (unsigned i = 0; i < ROLLOUT_UNTOLD_MAX; i++)
        take(rollout_line(rollout, "paused", "", NULL));
    assert_int_equal(rollout->untold_count, ROLLOUT_UNTOLD_MAX);
    assert_untold(rollout, 0, PLAN_EVENT_PAUSED, 1 | 4);
    assert_int_equal(rollout->untold[ROLLOUT_UNTOLD_MAX - 1].line, rollouts.lines);
}

static void test_no_hooks(void **state)
{
    struct rollout *rollout = begin(STEPS_OF("    - set: {canary: 100%}\n"));

    (void)state;
    take(rollout_line(rollout, "paused", "", NULL));
    assert_int_equal(rollout->untold_count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        {"each hook has to be told of what it wants to know", test_noted, NULL, end, NULL},
        {"a message says how things were when it happened", test_message, NULL, end, NULL},
        {"a stage that is written down again is no news", test_again, NULL, end, NULL},
        {"what a hook has been told, it need not be told again", test_told, NULL, end, NULL},
        {"what nobody was to be told can't be told", test_told_of_nothing, NULL, end, NULL},
        {"of too many events the oldest are forgotten", test_too_many, NULL, end, NULL},
        {"without hooks nothing is kept", test_no_hooks, NULL, end, NULL},
    };

    return cmocka_run_group_tests_name("rollout_untold", tests, NULL, NULL);
}
