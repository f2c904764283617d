// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A rollout is the sum of its lines: what each does, and that any number of them can be read. */
#include "rollout_lines.h"

#include "plan_json.h"

#define RICH                                                                                     \
    STEPS_OF("    - set: {canary: 1%, stable: 99%}\n      hold: 5m\n"                            \
             "    - ramp: {to: 50%, by: adaptive {up: 10%, down: 5%}, every: 2m}\n    - pause\n" \
             "    - set: {canary: 100%}\n")                                                      \
    "  evidence: 123 connections\n"                                                              \
    "  compare: [connect_failures <= baseline + 0.5%, p99 response_time <= 1.25x baseline]\n"    \
    "  checks:\n"                                                                                \
    "    - exec: {command: [./smoke.sh, \"{{version}}\"], every: 1m}\n"                          \
    "    - prometheus: {url: 'http://a:1', query: 'up{v=\"{{version}}\"}', fail: '< 1'}\n"       \
    "  confidence: 99.5%\n  on_worse: pause\n  live_flows: drain 30s\n"                          \
    "  no_traffic: {after: 1m, then: hold}\n  heartbeat: {lost_after: 3s, then: rollback}\n"     \
    "  soak: 1h\n  notify: [{webhook: {url: 'http://b', on: [paused]}}]\n"

#define SECOND(n) (LINES_BEGIN_MS + (n)*1000ULL)

static struct rollouts rollouts;

static struct rollout *begin(void)
{
    struct weight_set start = two_weights(9900, 100);

    return lines_start(&rollouts, RICH, &start);
}

static int end(void **state)
{
    (void)state;
    rollouts_free(&rollouts);
    assert_null(rollouts.list);
    return 0;
}

static void take(json_t *line, unsigned second)
{
    lines_take(&rollouts, line_at(line, second));
}

static void assert_weights(const struct weight_set *set, unsigned stable_bp, unsigned canary_bp)
{
    struct weight_set wished = two_weights(stable_bp, canary_bp);

    assert_true(weight_set_same(set, &wished));
    assert_int_equal(set->count, 2);
}

static void assert_state(const struct rollout *rollout, enum rollout_state state,
                         enum rollout_act act)
{
    assert_string_equal(rollout_state_names[rollout->state], rollout_state_names[state]);
    assert_int_equal(rollout->act, act);
}

/* --- each line --- */

static void test_started(void **state)
{
    struct rollout *rollout = begin();

    (void)state;
    assert_int_equal(rollouts.count, 1);
    assert_state(rollout, ROLLOUT_RUNNING, ACT_NONE);
    assert_true(rollout_is_under_way(rollout));
    assert_weights(&rollout->start, 9900, 100);
    assert_weights(&rollout->wished, 9900, 100);
    assert_int_equal(rollout->weight_bp, 100);
    assert_int_equal(rollout->stage_id, 0);
    assert_int_equal(rollout->began_ms, SECOND(0));
    assert_int_equal(rollout->state_ms, SECOND(0));
    assert_string_equal(rollout->who, "root");
    assert_null(rollouts_find(&rollouts, "other"));
}

static void test_plan(void **state)
{
    struct rollout *rollout = begin();
    struct plan_file contents;
    json_t *wished, *got;

    (void)state;
    plan_text_accepted(RICH, &contents);
    wished = plan_json(&contents.plan);
    got = plan_json(&rollout->plan);
    assert_true(json_equal(wished, got));
    assert_int_equal(rollout->plan.heartbeat_ms, 3000);
    json_decref(wished);
    json_decref(got);
    plan_file_free(&contents);
}

static void test_advancing(void **state)
{
    struct rollout *rollout = begin();
    struct weight_set weights = two_weights(8000, 2000);

    (void)state;
    rollout->measures[0].known = true;
    rollout->by_hand = true;
    take(rollout_line_advancing(rollout, 1, 3, &weights, 0xfedcba9876543210, "held 5m", "anna"), 7);
    assert_state(rollout, ROLLOUT_RUNNING, ACT_ADVANCE);
    assert_weights(&rollout->start, 9900, 100);
    assert_weights(&rollout->wished, 8000, 2000);
    assert_int_equal(rollout->weight_bp, 2000);
    assert_int_equal(rollout->step, 1);
    assert_int_equal(rollout->stage, 3);
    assert_true(rollout->seed == 0xfedcba9876543210);
    assert_int_equal(rollout->stage_id, 2);
    assert_int_equal(rollout->stage_ms, SECOND(7));
    assert_false(rollout->measures[0].known);
    assert_false(rollout->by_hand);
    assert_string_equal(rollout->why, "held 5m");
    assert_string_equal(rollout->who, "anna");
}

static void test_holding(void **state)
{
    const struct measure measures[] = {{true, {1000, 17}, {0x7fffffffffffffff, 9}, 1, 2, 1 / 3.0},
                                       {.known = false}};
    struct weight_set weights = two_weights(9000, 1000);
    struct rollout *rollout = begin();

    (void)state;
    take(rollout_line_advancing(rollout, 0, 0, &weights, 7, "why", "who"), 1);
    take(rollout_line_holding(rollout, measures, 1234, 56789), 2);
    assert_state(rollout, ROLLOUT_RUNNING, ACT_NONE);
    assert_memory_equal(&rollout->measures[0].version, &measures[0].version, sizeof(struct tally));
    assert_memory_equal(&rollout->measures[0].control, &measures[0].control, sizeof(struct tally));
    assert_int_equal(rollout->measures[0].version_limit_ns, 1);
    assert_int_equal(rollout->measures[0].control_limit_ns, 2);
    assert_true(rollout->measures[0].base_rate == 1 / 3.0);
    assert_true(rollout->measures[0].known);
    assert_false(rollout->measures[1].known);
    assert_int_equal(rollout->connections, 1234);
    assert_int_equal(rollout->all_connections, 56789);
    assert_int_equal(rollout->stage_id, 2);
    assert_weights(&rollout->wished, 9000, 1000);
    assert_string_equal(rollout->why, "why");
    assert_string_equal(rollout->who, "who");
}

static void test_paused(void **state)
{
    struct rollout *rollout = begin();
    json_t *line = rollout_line(rollout, "paused", "weights changed", NULL);

    (void)state;
    lines_hold(&rollouts, rollout, 0, 0, 100);
    take(rollout_line(rollout, "paused", "looks odd", "anna"), 9);
    assert_state(rollout, ROLLOUT_PAUSED, ACT_NONE);
    assert_true(rollout_is_under_way(rollout));
    assert_int_equal(rollout->state_ms, SECOND(9));
    assert_string_equal(rollout->why, "looks odd");
    assert_string_equal(rollout->who, "anna");
    take(rollout_line(rollout, "paused", "again", NULL), 10);
    assert_int_equal(rollout->state_ms, SECOND(9));
    assert_string_equal(rollout->who, "");
    assert_int_equal(rollout->step, 0);

    json_object_set_new(line, "step", json_integer(2));
    json_object_set_new(line, "by_hand", json_true());
    take(line, 11);
    assert_int_equal(rollout->step, 2);
    assert_true(rollout->by_hand);
    assert_true(rollout->measures[0].known);

    take(rollout_line(rollout, "resumed", "", "ben"), 12);
    assert_state(rollout, ROLLOUT_RUNNING, ACT_NONE);
    assert_int_equal(rollout->state_ms, SECOND(12));
    assert_false(rollout->by_hand);
    assert_string_equal(rollout->who, "ben");
}

/* A line that announces an end, and the one that says that it is done. */
static void ends(enum rollout_act act, const char *done, enum rollout_state state)
{
    struct weight_set weights = two_weights(10000, 0);
    struct rollout *rollout = begin();
    enum rollout_state before;

    if (act == ACT_UNDO)
        take(rollout_line(rollout, "promoted", NULL, NULL), 3);
    before = rollout->state;
    take(rollout_line_act(rollout, act, &weights, "why", "who"), 4);
    assert_state(rollout, before, act);
    assert_weights(&rollout->wished, 10000, 0);
    assert_int_equal(rollout->weight_bp, 0);
    take(rollout_line(rollout, done, NULL, NULL), 5);
    assert_state(rollout, state, ACT_NONE);
    assert_false(rollout_is_under_way(rollout));
    assert_int_equal(rollout->ended_ms, SECOND(5));
    assert_int_equal(rollout->state_ms, SECOND(5));
    assert_weights(&rollout->wished, 10000, 0);
    assert_string_equal(rollout->why, "why");
    assert_string_equal(rollout->who, "who");
}

static void test_rolled_back(void **state)
{
    (void)state;
    ends(ACT_ROLL_BACK, "rolled_back", ROLLOUT_ROLLED_BACK);
}

static void test_undone(void **state)
{
    (void)state;
    ends(ACT_UNDO, "undone", ROLLOUT_UNDONE);
}

static void test_promoted(void **state)
{
    struct rollout *rollout;

    (void)state;
    ends(ACT_PROMOTE, "promoted", ROLLOUT_PROMOTED);
    rollout = rollouts_find(&rollouts, "web");
    assert_false(rollout->soaked);
    take(rollout_line(rollout, "soaked", "", ""), 6);
    assert_true(rollout->soaked);
    assert_state(rollout, ROLLOUT_PROMOTED, ACT_NONE);
    assert_int_equal(rollout->ended_ms, SECOND(5));
    assert_string_equal(rollout->why, "why");
}

static void test_impossible(void **state)
{
    struct weight_set weights = two_weights(8000, 2000);
    struct rollout *rollout = begin();

    (void)state;
    take(rollout_line_advancing(rollout, 1, 0, &weights, 7, "", NULL), 1);
    take(rollout_line(rollout, "paused", "weights can't be set", NULL), 2);
    assert_state(rollout, ROLLOUT_PAUSED, ACT_NONE);
    assert_int_equal(rollout->step, 1);
    assert_weights(&rollout->wished, 8000, 2000);
}

static void test_checked(void **state)
{
    struct finding finding = {.answer = CHECK_BAD, .text = "0.02 > 0.01"};
    struct rollout *rollout = begin();

    (void)state;
    take(rollout_line(rollout, "paused", "why", "who"), 1);
    for (int answer = CHECK_NO_ANSWER; answer >= CHECK_WAITING; answer--) {
        finding.answer = (enum check_answer)answer;
        take(rollout_line_checked(rollout, 1, &finding), 2);
        assert_int_equal(rollout->checks[1].answer, answer);
    }
    assert_string_equal(rollout->checks[1].text, "0.02 > 0.01");
    finding.answer = CHECK_GOOD;
    take(rollout_line_checked(rollout, 2, &finding), 3); /* the plan has but two */
    take(rollout_line_checked(rollout, (size_t)-1, &finding), 3);
    assert_int_equal(rollout->checks[0].answer, CHECK_WAITING);
    assert_int_equal(rollout->checks[2].answer, CHECK_WAITING);
    assert_string_equal(rollout->why, "why");
    assert_state(rollout, ROLLOUT_PAUSED, ACT_NONE);
}

/* --- several, and none --- */

static void test_replaced(void **state)
{
    struct weight_set start = two_weights(7000, 3000);
    struct rollout *rollout = begin();
    uint64_t stage;

    (void)state;
    lines_hold(&rollouts, rollout, 1, 4, 2000);
    stage = rollout->stage_id;
    take(rollout_line(rollout, "paused", "why", "who"), 3);
    lines_start(&rollouts, "rollout: {service: dns, version: canary, steps: [{set: {canary: 1%}}]}",
                &start);
    assert_int_equal(rollouts.count, 2);
    assert_int_equal(rollouts_find(&rollouts, "web")->step, 1);

    rollout = lines_start(&rollouts, PLAN_STEPS, &start);
    assert_int_equal(rollouts.count, 2);
    assert_state(rollout, ROLLOUT_RUNNING, ACT_NONE);
    assert_int_equal(rollout->plan.rule_count, 0);
    assert_int_equal(rollout->step, 0);
    assert_int_equal(rollout->stage_id, 0);
    assert_string_equal(rollout->why, "");
    assert_weights(&rollout->start, 7000, 3000);
    lines_hold(&rollouts, rollout, 0, 0, 100);
    assert_true(rollout->stage_id > stage);
    assert_string_equal(rollouts_find(&rollouts, "dns")->plan.version, "canary");
}

static void test_ignored(void **state)
{
    struct rollout *rollout, before;

    (void)state;
    take(json_pack("{s:s, s:s}", "what", "promoted", "service", "web"), 1);
    take(json_pack("{s:s}", "what", "promoted"), 1);
    assert_int_equal(rollouts.count, 0);
    rollout = begin();
    before = *rollout;
    take(json_pack("{s:s, s:s}", "what", "danced", "service", "web"), 2);
    take(json_pack("{s:s, s:s}", "what", "promoted", "service", "dns"), 2);
    take(json_pack("{s:s}", "service", "web"), 2);
    lines_take(&rollouts, json_array());
    assert_memory_equal(rollout, &before, sizeof(before));
}

static void refused(const char *text, const char *why)
{
    json_t *line = json_loads(text, 0, NULL);
    struct error err = {{0}};

    assert_non_null(line);
    assert_true(rollouts_take(&rollouts, line, &err) < 0);
    assert_contains(err.text, why);
    assert_int_equal(rollouts.count, 0);
    json_decref(line);
}

static void test_no_plan(void **state)
{
    (void)state;
    refused("{\"what\":\"started\",\"service\":\"web\"}", "without a plan");
    refused("{\"what\":\"started\",\"plan\":{\"rollout\":{\"service\":\"web\"}}}",
            "the journal's plan");
    refused("{\"what\":\"started\",\"plan\":{\"services\":[{\"name\":\"web\",\"vip\":\"10.0.0.1:80/"
            "tcp\",\"baseline\":\"a\",\"versions\":[{\"name\":\"a\",\"weight\":\"100%\","
            "\"backends\":[\"10.0.0.2:80\"]"
            "}]}]}}",
            "without a plan");
}

/* --- weights --- */

static void test_weights(void **state)
{
    struct weight_set a = two_weights(9500, 500), b = {0}, long_names = {.count = 2};
    char buf[64];

    (void)state;
    assert_int_equal(weight_set_get(&a, "canary"), 500);
    assert_int_equal(weight_set_get(&a, "beta"), 0);
    assert_string_equal(weight_set_text(&a, buf, sizeof(buf)), "stable 95%, canary 5%");
    assert_string_equal(weight_set_text(&b, buf, sizeof(buf)), "");
    memset(long_names.of[0].version, 'x', FS_NAME_MAX);
    assert_int_equal(strlen(weight_set_text(&long_names, buf, sizeof(buf))), sizeof(buf) - 1);
    assert_false(weight_set_same(&a, &b));
    assert_false(weight_set_same(&b, &a));
    b.of[0] = a.of[1];
    b.of[1] = a.of[0];
    b.count = 2;
    assert_true(weight_set_same(&a, &b));
    snprintf(b.of[2].version, sizeof(b.of[2].version), "beta"); /* with nothing */
    b.count = 3;
    assert_true(weight_set_same(&a, &b));
    assert_true(weight_set_same(&b, &a));
    b.of[2].weight_bp = 1;
    assert_false(weight_set_same(&a, &b));
    assert_false(weight_set_same(&b, &a));
}

#define ENDING(sentence, fn)          \
    {                                 \
        sentence, fn, NULL, end, NULL \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ENDING("started: running, with the weights there are", test_started),
        ENDING("the plan in the journal is the plan", test_plan),
        ENDING("advancing announces weights, and begins a stage", test_advancing),
        ENDING("holding says that they are set, and where the comparison began", test_holding),
        ENDING("paused and resumed", test_paused),
        ENDING("rolling back, rolled back", test_rolled_back),
        ENDING("undoing, undone", test_undone),
        ENDING("promoting, promoted, soaked", test_promoted),
        ENDING("paused in the place of what was announced", test_impossible),
        ENDING("checked changes the check's answer and nothing else", test_checked),
        ENDING("a started line replaces the service's former rollout only", test_replaced),
        ENDING("lines of others, and unknown ones, change nothing", test_ignored),
        ENDING("started without a plan is refused", test_no_plan),
        TEST("weights are found by name, compared in any order, and written", test_weights),
    };

    return cmocka_run_group_tests_name("a rollout's lines", tests, NULL, NULL);
}
