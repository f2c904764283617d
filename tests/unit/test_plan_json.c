// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Plans as JSON: whatever plan is written, the same is read back. */
#include "plan_text.h"

#include <stdlib.h>

#include "plan_json.h"
#include "random.h"

enum { ROUNDS = 1000 };

static const struct plan *reads_back(const struct plan *plan, struct plan_file *again)
{
    json_t *json = plan_json(plan);
    char *text;

    assert_non_null(json);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    assert_non_null(text);
    plan_text_accepted(text, again);
    free(text);
    return &again->plan;
}

/* --- equality, but for places --- */

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_words(char *const *a, char *const *b)
{
    assert_int_equal(!a, !b);
    for (; a && *a; a++, b++)
        assert_same_text(*a, *b);
    if (a)
        assert_null(*b);
}

static void assert_same_step(const struct plan_step *a, const struct plan_step *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->weight_count, b->weight_count);
    for (size_t i = 0; i < a->weight_count; i++) {
        assert_string_equal(a->weights[i].version, b->weights[i].version);
        assert_int_equal(a->weights[i].weight_bp, b->weights[i].weight_bp);
    }
    assert_int_equal(a->hold_ms, b->hold_ms);
    assert_int_equal(a->by, b->by);
    assert_int_equal(a->to_bp, b->to_bp);
    assert_int_equal(a->up_bp, b->up_bp);
    assert_int_equal(a->down_bp, b->down_bp);
    assert_int_equal(a->every_ms, b->every_ms);
}

static void assert_same_rule(const struct compare_rule *a, const struct compare_rule *b)
{
    assert_int_equal(a->signal, b->signal);
    assert_int_equal(a->share_ppm, b->share_ppm);
    assert_int_equal(a->factor_millis, b->factor_millis);
    assert_int_equal(a->margin_ppm, b->margin_ppm);
    assert_int_equal(a->margin_ns, b->margin_ns);
}

static void assert_same_check(const struct plan_check *a, const struct plan_check *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->every_ms, b->every_ms);
    assert_same_text(a->url, b->url);
    assert_same_text(a->query, b->query);
    assert_int_equal(a->fail_if, b->fail_if);
    assert_memory_equal(&a->fail_limit, &b->fail_limit, sizeof(a->fail_limit));
    assert_same_words(a->command, b->command);
}

static void assert_same_hook(const struct plan_hook *a, const struct plan_hook *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->on, b->on);
    assert_same_text(a->url, b->url);
    assert_same_words(a->command, b->command);
}

static void assert_same(const struct plan *a, const struct plan *b)
{
    assert_string_equal(a->service, b->service);
    assert_string_equal(a->version, b->version);
    assert_int_equal(a->step_count, b->step_count);
    for (size_t i = 0; i < a->step_count; i++)
        assert_same_step(&a->steps[i], &b->steps[i]);
    assert_int_equal(a->evidence, b->evidence);
    assert_int_equal(a->rule_count, b->rule_count);
    for (size_t i = 0; i < a->rule_count; i++)
        assert_same_rule(&a->rules[i], &b->rules[i]);
    assert_int_equal(a->check_count, b->check_count);
    for (size_t i = 0; i < a->check_count; i++)
        assert_same_check(&a->checks[i], &b->checks[i]);
    assert_int_equal(a->confidence_ppm, b->confidence_ppm);
    assert_int_equal(a->on_worse, b->on_worse);
    assert_int_equal(a->live_flows, b->live_flows);
    assert_int_equal(a->live_ms, b->live_ms);
    assert_int_equal(a->no_traffic_ms, b->no_traffic_ms);
    assert_int_equal(a->on_no_traffic, b->on_no_traffic);
    assert_int_equal(a->heartbeat_ms, b->heartbeat_ms);
    assert_int_equal(a->on_lost, b->on_lost);
    assert_int_equal(a->soak_ms, b->soak_ms);
    assert_int_equal(a->hook_count, b->hook_count);
    for (size_t i = 0; i < a->hook_count; i++)
        assert_same_hook(&a->hooks[i], &b->hooks[i]);
}

/* --- random plans --- */

static unsigned between(struct rng *rng, unsigned least, unsigned most)
{
    return least + rng_below(rng, most - least + 1);
}

/* Round ones, and any. */
static unsigned random_ms(struct rng *rng, unsigned least, unsigned most)
{
    unsigned ms = between(rng, least, most);

    return rng_below(rng, 2) && ms - ms % 60000 >= least ? ms - ms % 60000 : ms;
}

static void random_name(struct rng *rng, char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    unsigned length = rng_below(rng, 8) ? between(rng, 1, 8) : FS_NAME_MAX;

    for (unsigned i = 0; i < length; i++)
        name[i] = letters[rng_below(rng, sizeof(letters) - 1)];
    name[length] = '\0';
}

/* Pieces of which each means something to YAML, JSON or flowsplit. */
static char *random_text(struct rng *rng, const char *begin)
{
    static const char *const pieces[] = {
        "a",
        " ",
        "\"",
        "'",
        "\\",
        "/",
        ":",
        ": ",
        "#",
        " #",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\n",
        "\t",
        "-",
        "? ",
        "| ",
        "&a",
        "*a",
        "!t",
        "%",
        "^",
        "~",
        ";",
        "$",
        "<",
        "(",
        "+",
        "_",
        "=",
        "@",
        "`",
        "\n\n  ",
        "é",
        "語",
        "😀",
        "\\n",
        "by: adaptive {",
        "[::1]:80",
        "\\u0041",
        "true",
        "0",
        "---\n",
    };
    char *text = calloc(1, 512);

    assert_non_null(text);
    strcpy(text, begin);
    for (unsigned i = between(rng, *begin ? 0 : 1, 20); i; i--) {
        const char *piece = pieces[rng_below(rng, COUNT(pieces))];

        /* Two braces would be a template. */
        if (*text && strchr("{", text[strlen(text) - 1]) && *piece == '{')
            continue;
        strcat(text, piece);
    }
    return text;
}

static char *random_url(struct rng *rng)
{
    static const char *const urls[] = {"http://127.0.0.1:9090",
                                       "https://[2001:db8::1]:9090/a?b=c#d", "http://a/'\"\\{}%20",
                                       "https://x"};

    return strdup(urls[rng_below(rng, COUNT(urls))]);
}

static char **random_command(struct rng *rng)
{
    size_t count = between(rng, 1, PLAN_MAX_ARGS);
    char **command = calloc(count + 1, sizeof(*command));

    assert_non_null(command);
    for (size_t i = 0; i < count; i++)
        command[i] = random_text(rng, "");
    return command;
}

static void random_set(struct rng *rng, struct plan_step *step)
{
    unsigned left = FS_BUCKETS;

    step->kind = STEP_SET;
    step->weight_count = between(rng, 1, FS_MAX_VERSIONS);
    step->hold_ms = random_ms(rng, 0, 604800000);
    for (size_t i = 0; i < step->weight_count; i++) {
        random_name(rng, step->weights[i].version);
        /* Differ they must. */
        step->weights[i].version[0] = (char)('a' + i);
        step->weights[i].weight_bp = rng_below(rng, left + 1);
        left -= step->weights[i].weight_bp;
    }
}

static void random_ramp(struct rng *rng, struct plan_step *step)
{
    step->kind = STEP_RAMP;
    step->by = (enum ramp_by)rng_below(rng, 3);
    step->to_bp = between(rng, 1, FS_BUCKETS);
    step->up_bp = step->by == RAMP_DOUBLE ? 0 : between(rng, 1, FS_BUCKETS);
    step->down_bp = step->by == RAMP_ADAPTIVE ? between(rng, 1, FS_BUCKETS) : 0;
    step->every_ms = random_ms(rng, 1000, 604800000);
}

static void random_steps(struct rng *rng, struct plan *plan)
{
    plan->step_count = between(rng, 1, rng_below(rng, 8) ? 6 : PLAN_MAX_STEPS);
    random_ramp(rng, &plan->steps[0]);
    for (size_t i = 1; i < plan->step_count; i++) {
        plan->steps[i].kind = (enum step_kind)rng_below(rng, 3);
        if (plan->steps[i].kind == STEP_SET)
            random_set(rng, &plan->steps[i]);
        else if (plan->steps[i].kind == STEP_RAMP)
            random_ramp(rng, &plan->steps[i]);
    }
}

static void random_rules(struct rng *rng, struct plan *plan)
{
    plan->rule_count = rng_below(rng, PLAN_MAX_RULES + 1);
    for (unsigned i = 0; i < plan->rule_count; i++) {
        struct compare_rule *rule = &plan->rules[i];
        bool is_time = rng_below(rng, 2);

        /* Each has another factor. */
        rule->factor_millis = 1000 + i * 7 + rng_below(rng, 7);
        rule->signal = is_time ? FS_SIGNAL_CONNECT_TIME : FS_SIGNAL_RESETS;
        rule->share_ppm = is_time ? between(rng, 1, 999999) : 0;
        if (rng_below(rng, 2) && is_time)
            rule->margin_ns = 1000ULL * between(rng, 1, 100000000);
        else if (rng_below(rng, 2) && !is_time)
            rule->margin_ppm = between(rng, 1, 999999);
    }
}

static double random_limit(struct rng *rng)
{
    static const double limits[] = {0, -0.0, 0.01, 1e300, -5e-324, 1 / 3.0, 1e21, 123456789};

    return rng_below(rng, 2) ? limits[rng_below(rng, COUNT(limits))]
                             : (double)rng_next(rng) / between(rng, 1, 1000000);
}

static void random_outside(struct rng *rng, struct plan *plan)
{
    plan->check_count = rng_below(rng, 4);
    for (size_t i = 0; i < plan->check_count; i++) {
        struct plan_check *check = &plan->checks[i];

        check->every_ms = random_ms(rng, 1000, 86400000);
        check->kind = rng_below(rng, 2) ? CHECK_EXEC : CHECK_PROMETHEUS;
        if (check->kind == CHECK_EXEC) {
            check->command = random_command(rng);
            continue;
        }
        check->url = random_url(rng);
        check->query = random_text(rng, "");
        check->fail_if = (enum check_comparison)rng_below(rng, CHECK_COMPARISON_COUNT);
        check->fail_limit = random_limit(rng);
    }
    plan->hook_count = rng_below(rng, 4);
    for (size_t i = 0; i < plan->hook_count; i++) {
        struct plan_hook *hook = &plan->hooks[i];

        hook->on = between(rng, 1, (1 << PLAN_EVENT_COUNT) - 1);
        hook->kind = rng_below(rng, 2) ? HOOK_EXEC : HOOK_WEBHOOK;
        if (hook->kind == HOOK_EXEC)
            hook->command = random_command(rng);
        else
            hook->url = random_url(rng);
    }
}

static void random_plan(struct rng *rng, struct plan *plan)
{
    static const enum plan_act acts[] = {PLAN_ROLLBACK, PLAN_PAUSE, PLAN_HOLD};

    *plan = (struct plan){0};
    random_name(rng, plan->service);
    random_name(rng, plan->version);
    random_steps(rng, plan);
    plan->evidence = rng_below(rng, PLAN_MAX_EVIDENCE);
    random_rules(rng, plan);
    random_outside(rng, plan);
    plan->confidence_ppm = between(rng, 900000, 999999);
    plan->on_worse = acts[rng_below(rng, 2)];
    plan->live_flows = (enum fs_live_flows)rng_below(rng, 3);
    plan->live_ms = plan->live_flows == FS_LIVE_DRAIN ? random_ms(rng, 1000, 86400000) : 0;
    plan->no_traffic_ms = random_ms(rng, 1000, 604800000);
    plan->on_no_traffic = acts[rng_below(rng, 3)];
    plan->heartbeat_ms = random_ms(rng, 2000, 86400000);
    plan->on_lost = rng_below(rng, 2) ? PLAN_HOLD : PLAN_ROLLBACK;
    plan->soak_ms = random_ms(rng, 0, 604800000);
}

static void test_random(void **state)
{
    struct rng rng = {20261121};

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct plan_file again;
        struct plan plan;

        random_plan(&rng, &plan);
        assert_same(&plan, reads_back(&plan, &again));
        plan_free(&plan);
        plan_file_free(&again);
    }
}

static void test_canonical(void **state)
{
    struct plan_file contents;
    json_t *json;
    char *text;

    (void)state;
    plan_text_accepted(
        STEPS_OF("    - {hold: 60s, set: {canary: 1.0%}}\n    - pause\n"
                 "    - ramp: {every: 120s, by: adaptive {down: 5%, up: 10%}, to: "
                 "50.00%}\n") "  compare: [ p99.0 response_time <= 1.250x baseline ]\n"
                              "  checks: [{exec: {command: [a, \"{{version}}\"]}}]\n"
                              "  notify: [{webhook: {url: 'http://a', on: [undone, started]}}]\n",
        &contents);
    json = plan_json(&contents.plan);
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"rollout\":{\"service\":\"web\",\"version\":\"canary\",\"steps\":[{\"set\":{\"canary\":"
        "\"1%\"},\"hold\":\"1m\"},\"pause\",{\"ramp\":{\"to\":\"50%\",\"by\":{\"adaptive\":{\"up\":"
        "\"10%\",\"down\":\"5%\"}},\"every\":\"2m\"}}],\"evidence\":\"500 connections\","
        "\"compare\":[\"p99 response_time <= 1.25x baseline\"],\"checks\":[{\"exec\":{\"command\":"
        "[\"a\",\"canary\"],\"every\":\"1m\"}}],\"confidence\":\"99%\",\"on_worse\":\"rollback\","
        "\"live_flows\":\"keep\",\"no_traffic\":{\"after\":\"10m\",\"then\":\"pause\"},"
        "\"heartbeat\":{\"lost_after\":\"10s\",\"then\":\"hold\"},\"soak\":\"30m\",\"notify\":[{"
        "\"webhook\":{\"url\":\"http://a\",\"on\":[\"started\",\"undone\"]}}]}}");
    free(text);
    json_decref(json);
    plan_file_free(&contents);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("a plan as JSON has every key, written the shortest way", test_canonical),
        TEST("1,000 random plans are read back from JSON as they were", test_random),
    };

    return cmocka_run_group_tests_name("plans as JSON", tests, NULL, NULL);
}
