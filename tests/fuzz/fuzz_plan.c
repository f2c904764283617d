// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a file with the plan of a rollout: refused with a message, or a plan that keeps its
 * promises and is read back from JSON as it was. */
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "parse.h"
#include "plan_file.h"
#include "plan_json.h"
#include "plan_service.h"

static void expect_step(const struct plan_step *step)
{
    struct error err;
    unsigned sum = 0;

    EXPECT(step->place.line > 0 && step->place.column > 0);
    EXPECT((step->kind == STEP_SET) == (step->weight_count > 0));
    EXPECT(step->weight_count <= FS_MAX_VERSIONS);
    for (size_t i = 0; i < step->weight_count; i++) {
        EXPECT(!parse_name("name", step->weights[i].version, &err));
        EXPECT(step->weights[i].place.line > 0);
        sum += step->weights[i].weight_bp;
    }
    EXPECT(sum <= FS_BUCKETS);
    if (step->kind != STEP_RAMP)
        return;
    EXPECT(step->to_bp >= 1 && step->to_bp <= FS_BUCKETS);
    EXPECT(step->every_ms >= 1000 && !step->hold_ms);
    EXPECT((step->by == RAMP_DOUBLE) == !step->up_bp);
    EXPECT((step->by == RAMP_ADAPTIVE) == (step->down_bp > 0));
    EXPECT(plan_ramp_next(step, 0) >= 1 && plan_ramp_next(step, 0) <= step->to_bp);
}

static void expect_words(char *const *words)
{
    size_t count = 0;

    for (; words[count]; count++)
        EXPECT(*words[count] && strlen(words[count]) <= PLAN_MAX_TEXT &&
               !strstr(words[count], "{{"));
    EXPECT(count >= 1 && count <= PLAN_MAX_ARGS);
}

static void expect_url(const char *url)
{
    EXPECT(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
    EXPECT(strlen(url) <= PLAN_MAX_URL);
    for (; *url; url++)
        EXPECT(*url > ' ' && *url <= '~');
}

static void expect_outside(const struct plan *plan)
{
    EXPECT(plan->check_count <= PLAN_MAX_CHECKS && plan->hook_count <= PLAN_MAX_HOOKS);
    for (size_t i = 0; i < plan->check_count; i++) {
        const struct plan_check *check = &plan->checks[i];

        EXPECT(check->every_ms >= 1000);
        if (check->kind == CHECK_EXEC)
            expect_words(check->command);
        else
            expect_url(check->url);
        EXPECT(check->kind == CHECK_EXEC || (*check->query && !strstr(check->query, "{{")));
    }
    for (size_t i = 0; i < plan->hook_count; i++) {
        const struct plan_hook *hook = &plan->hooks[i];

        EXPECT(hook->on && hook->on < 1 << PLAN_EVENT_COUNT);
        if (hook->kind == HOOK_EXEC)
            expect_words(hook->command);
        else
            expect_url(hook->url);
    }
}

static void expect_plan(const struct plan *plan)
{
    struct error err;

    EXPECT(!parse_name("name", plan->service, &err) && !parse_name("name", plan->version, &err));
    EXPECT(plan->step_count >= 1 && plan->step_count <= PLAN_MAX_STEPS);
    for (size_t i = 0; i < plan->step_count; i++)
        expect_step(&plan->steps[i]);
    EXPECT(plan->evidence <= PLAN_MAX_EVIDENCE && plan->rule_count <= PLAN_MAX_RULES);
    EXPECT(plan->confidence_ppm >= PLAN_CONFIDENCE_MIN_PPM && plan->confidence_ppm < FS_SHARE_ONE);
    EXPECT((plan->live_flows == FS_LIVE_DRAIN) == (plan->live_ms >= 1000));
    EXPECT(plan->no_traffic_ms >= 1000 && plan->heartbeat_ms >= 2000);
    EXPECT(plan->on_worse != PLAN_HOLD && plan->on_lost != PLAN_PAUSE);
    EXPECT(plan_least_ms(plan, PLAN_WEIGHT_UNKNOWN) <= plan_least_ms(plan, 0));
    expect_outside(plan);
}

static char *text_of(const struct plan *plan)
{
    json_t *json = plan_json(plan);
    char *text;

    EXPECT(json);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    EXPECT(text);
    return text;
}

static void expect_way_back(const struct plan *plan)
{
    char *text = text_of(plan), *again_text;
    FILE *stream = fmemopen(text, strlen(text), "r");
    struct plan_file again;
    struct error err;

    EXPECT(stream && !plan_file_read(stream, "JSON", &again, &err) && again.has_plan);
    fclose(stream);
    again_text = text_of(&again.plan);
    EXPECT(strcmp(text, again_text) == 0);
    plan_file_free(&again);
    free(again_text);
    free(text);
}

/* Against a service that the plan may know: only that it ends, with a message if any. */
static void try_service(const struct plan *plan)
{
    struct plan_service service = {.name = plan->service,
                                   .versions = {{"stable", true, true, FS_BUCKETS},
                                                {plan->version, true, true, 0},
                                                {"beta", true, false, 0}},
                                   .version_count = 3,
                                   .proto = IPPROTO_TCP};
    struct error err = {{0}};

    EXPECT(!plan_check(plan, &service, &err) || *err.text);
}

/* One line, with the name of the file in front. */
static void expect_message(const struct error *err)
{
    EXPECT(strncmp(err->text, "FILE:", 5) == 0);
    EXPECT(strlen(err->text) < sizeof(err->text));
    for (const char *at = err->text; *at; at++)
        EXPECT(*at >= ' ' && *at <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_file contents;
    struct error err = {{0}};
    FILE *stream = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
    int ret;

    EXPECT(stream);
    ret = plan_file_read(stream, "FILE", &contents, &err);
    fclose(stream);
    if (ret)
        expect_message(&err);
    EXPECT(ret ? !contents.has_spec && !contents.has_plan : contents.has_spec || contents.has_plan);
    if (contents.has_plan) {
        expect_plan(&contents.plan);
        expect_way_back(&contents.plan);
        try_service(&contents.plan);
    }
    plan_file_free(&contents);
    return 0;
}
