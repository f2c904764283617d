// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Families of metrics: each once and in one piece, with the names and values that they should have.
 */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "metrics.h"
#include "metrics_read.h"
#include "rule.h"

#define S 1000000000ull

/* A small world: service web with stable and canary, of which only the canary is observed. */
struct world {
    struct fs_guard guard;
    struct fs_health health;
    struct metrics_service service;
    struct metrics_version versions[2];
    struct metrics_backend backend;
    struct metrics_thing interface;
    struct metrics_observer observer;
    struct metrics_rollout rollout;
    struct metrics_evidence evidence;
    struct metrics_check check;
    struct metrics metrics;
};

static void make_health(struct world *world)
{
    struct rule_spec rule;
    struct error err;

    assert_int_equal(rule_parse("p99 response_time > 20ms", &rule, &err), 0);
    world->guard.rule_count = 1;
    world->guard.edition = 5;
    world->guard.rules[0] = (struct fs_rule){.signal = FS_SIGNAL_RESPONSE_TIME,
                                             .share_ppm = 10000,
                                             .limit_ns = 20000000,
                                             .threshold = 14 * FS_SCORE_ONE};
    world->health.scores[0] = (struct fs_score){.total = 50,
                                                .bad = 3,
                                                .score = {FS_SCORE_ONE, 5 * FS_SCORE_ONE / 2, 0},
                                                .cells = {[7] = 2, [120] = 250},
                                                .edition = 5};
    world->health.http[2] = 40;
    world->health.http[5] = 4;
    world->health.sockets.now[1] = 6;
    world->health.sockets.ended[FS_END_CLIENT] = 2;
    world->health.sockets.ended[FS_END_BACKEND_RESET] = 1;
    world->health.sockets.lifetime_ns = 9 * S;
    world->health.sockets.rtt_us = 1500;
    world->health.sockets.rtt_count = 3;
    world->health.trip = (struct fs_trip){.recovered = 3,
                                          .state = FS_TRIP_WITHDRAWN,
                                          .rule = 0,
                                          .trip_ns = 5 * S,
                                          .cause = world->guard.rules[0]};
    world->health.response_time.bins[fs_bin(5000000)] = 1;
}

static void make_versions(struct world *world)
{
    metrics_label(&world->service.labels, "service", "web");
    world->service.info = world->service.labels;
    world->service.drain_ms = 1500;
    world->service.moving_buckets = 12;
    for (int i = 0; i < 2; i++) {
        struct metrics_version *version = &world->versions[i];

        version->labels = world->service.labels;
        metrics_label(&version->labels, "version", i ? "canary" : "stable");
        version->guard = &world->guard;
    }
    world->versions[0].weight = 0.9999;
    world->versions[0].baseline = true;
    world->versions[1].health = &world->health;
    world->versions[1].counters.packets_in = 77;
    world->backend.labels = world->versions[1].labels;
    metrics_label(&world->backend.labels, "backend", "10.0.0.1:80");
    world->backend.counters.bytes_out = 88;
}

static void make_rollout(struct world *world)
{
    world->evidence = (struct metrics_evidence){
        .labels = world->versions[1].labels, .log_e = -0.5, .threshold = 4.5};
    metrics_label(&world->evidence.labels, "rule", "resets <= baseline + 1%");
    world->check.labels = world->versions[1].labels;
    metrics_label(&world->check.labels, "check", "1");
    world->check.passing = NAN;
    world->rollout = (struct metrics_rollout){.labels = world->versions[1].labels,
                                              .state = "paused",
                                              .state_ns = 3 * S,
                                              .step = 2,
                                              .steps = 4,
                                              .rules = &world->evidence,
                                              .rule_count = 1,
                                              .checks = &world->check,
                                              .check_count = 1};
}

static void make_world(struct world *world)
{
    memset(world, 0, sizeof(*world));
    make_health(world);
    make_versions(world);
    make_rollout(world);
    metrics_label(&world->interface.labels, "interface", "eth\"0");
    world->interface.works = true;
    metrics_label(&world->observer.tracepoint, "tracepoint", "t");
    metrics_label(&world->observer.program, "program", "p");
    world->observer.error = 1;
    world->metrics = (struct metrics){
        .up = true,
        .monotonic_0 = 1000 * S,
        .reasons = {[FS_REASON_FRAGMENT] = 3},
        .interfaces = &world->interface,
        .interface_count = 1,
        .observers = &world->observer,
        .observer_count = 1,
        .services = &world->service,
        .service_count = 1,
        .versions = world->versions,
        .version_count = 2,
        .backends = &world->backend,
        .backend_count = 1,
        .rollouts = &world->rollout,
        .rollout_count = 1,
    };
}

static char *written(const struct metrics *metrics)
{
    struct metrics_text text = {0};

    metrics_write(&text, metrics);
    return take_text(&text);
}

static char *written_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    char *words;

    assert_non_null(world);
    make_world(world);
    words = written(&world->metrics);
    free(world);
    return words;
}

/* --- values --- */

/* A line that must be there. */
static char *lines[] = {
    "flowsplit_up 1",
    "flowsplit_interface_info{interface=\"eth\\\"0\"} 1",
    "flowsplit_tracepoint_watched{tracepoint=\"t\"} 0",
    "flowsplit_observer_refused_errno{program=\"p\"} 1",
    "flowsplit_reason_packets_total{reason=\"fragment\",fate=\"passed\",normal=\"false\"} 3",
    "flowsplit_reason_packets_total{reason=\"to_local\",fate=\"steered\",normal=\"true\"} 0",
    "flowsplit_service_drain_seconds{service=\"web\"} 1.5",
    "flowsplit_service_moving_buckets{service=\"web\"} 12",
    "flowsplit_version_weight_ratio{service=\"web\",version=\"stable\"} 0.9999",
    "flowsplit_version_baseline{service=\"web\",version=\"stable\"} 1",
    "flowsplit_version_baseline{service=\"web\",version=\"canary\"} 0",
    "flowsplit_version_observed{service=\"web\",version=\"stable\"} 0",
    "flowsplit_version_received_packets_total{service=\"web\",version=\"canary\"} 77",
    "flowsplit_backend_sent_bytes_total{service=\"web\",version=\"canary\",backend=\"10.0.0.1:80\"}"
    " "
    "88",
    "flowsplit_http_responses_total{service=\"web\",version=\"canary\",code=\"5xx\"} 4",
    "flowsplit_connections{service=\"web\",version=\"canary\",state=\"ESTABLISHED\"} 6",
    "flowsplit_connections_closed_total{service=\"web\",version=\"canary\",by=\"backend_reset\"} 1",
    "flowsplit_connection_lifetime_seconds_sum{service=\"web\",version=\"canary\"} 9",
    "flowsplit_connection_lifetime_seconds_count{service=\"web\",version=\"canary\"} 3",
    "flowsplit_connection_rtt_seconds_sum{service=\"web\",version=\"canary\"} 0.0015",
    "flowsplit_response_time_seconds_count{service=\"web\",version=\"canary\"} 1",
    "flowsplit_version_tripped{service=\"web\",version=\"canary\"} 1",
    "flowsplit_version_trip_timestamp_seconds{service=\"web\",version=\"canary\","
    "rule=\"p99 response_time > 20ms\"} 1005",
    "flowsplit_guard_outcomes_total{service=\"web\",version=\"canary\","
    "rule=\"p99 response_time > 20ms\"} 50",
    "flowsplit_guard_score{service=\"web\",version=\"canary\",rule=\"p99 response_time > 20ms\"} "
    "2.5",
    "flowsplit_guard_threshold{service=\"web\",version=\"canary\","
    "rule=\"p99 response_time > 20ms\"} 14",
    "flowsplit_guard_clients{service=\"web\",version=\"canary\","
    "rule=\"p99 response_time > 20ms\"} 2",
    "flowsplit_version_recoveries{service=\"web\",version=\"canary\"} 3",
    "flowsplit_rollout_state{service=\"web\",version=\"canary\",state=\"paused\"} 1",
    "flowsplit_rollout_state{service=\"web\",version=\"canary\",state=\"running\"} 0",
    "flowsplit_rollout_step{service=\"web\",version=\"canary\"} 2",
    "flowsplit_rollout_state_seconds{service=\"web\",version=\"canary\"} 3",
    "flowsplit_rollout_evidence{service=\"web\",version=\"canary\","
    "rule=\"resets <= baseline + 1%\"} -0.5",
    "flowsplit_rollout_check_passing{service=\"web\",version=\"canary\",check=\"1\"} NaN",
};

static void test_values(void **state)
{
    char *words = written_world(), wanted[256];

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        snprintf(wanted, sizeof(wanted), "\n%s\n", lines[i]);
        assert_has(words, wanted);
    }
    free(words);
}

static void test_unobserved(void **state)
{
    static const char *const names[] = {"flowsplit_http", "flowsplit_connect", "flowsplit_response",
                                        "flowsplit_guard", "flowsplit_segments"};
    char *words = written_world(), line[128];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(line, sizeof(line), "\n%s", names[i]);
        for (const char *at = words; (at = strstr(at, line)); at++)
            assert_null(memmem(at, strcspn(at + 1, "\n") + 1, "\"stable\"", 8));
    }
    free(words);
}

static void test_edition(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    char *words;

    (void)state;
    assert_non_null(world);
    make_world(world);
    world->guard.edition = 6;
    words = written(&world->metrics);
    assert_has(words, "flowsplit_guard_outcomes_total{service=\"web\",version=\"canary\","
                      "rule=\"p99 response_time > 20ms\"} 0\n");
    assert_has(words, "flowsplit_guard_score{service=\"web\",version=\"canary\","
                      "rule=\"p99 response_time > 20ms\"} 0\n");
    free(words);
    free(world);
}

/* --- form --- */

#define MAX_FAMILIES 256

/* The families met so far, and the one that samples belong to. */
struct form {
    char names[MAX_FAMILIES][80], type[16];
    int count;
    int samples;
};

static void check_head(struct form *form, const char *line)
{
    char name[80], help[300];

    if (strncmp(line, "# HELP ", 7) == 0) {
        assert_int_equal(sscanf(line, "# HELP %79s %299[^\n]", name, help), 2);
        assert_true(strncmp(name, "flowsplit_", 10) == 0);
        assert_true(strlen(help) > 5 && help[strlen(help) - 1] != '.');
        for (int i = 0; i < form->count; i++)
            assert_string_not_equal(form->names[i], name);
        strcpy(form->names[form->count++], name);
        return;
    }
    assert_int_equal(sscanf(line, "# TYPE %79s %15s", name, form->type), 2);
    assert_string_equal(name, form->names[form->count - 1]);
}

static int has_end(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);

    return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

/* A sample belongs to the family above it. */
static void check_sample(struct form *form, const char *line)
{
    const char *family = form->names[form->count - 1];
    size_t length = strlen(family), name_length = strcspn(line, "{ ");
    char end[80];

    assert_true(strncmp(line, family, length) == 0);
    snprintf(end, sizeof(end), "%.*s", (int)(name_length - length), line + length);
    if (strcmp(form->type, "histogram") == 0)
        assert_true(strcmp(end, "_bucket") == 0 || strcmp(end, "_sum") == 0 ||
                    strcmp(end, "_count") == 0);
    else if (strcmp(form->type, "summary") == 0)
        assert_true(strcmp(end, "_sum") == 0 || strcmp(end, "_count") == 0);
    else
        assert_string_equal(end, "");
    assert_int_equal(has_end(family, "_total"), strcmp(form->type, "counter") == 0);
    form->samples++;
}

static void check_form(char *words, struct form *form)
{
    char *rest = words, *line;

    memset(form, 0, sizeof(*form));
    assert_int_equal(words[strlen(words) - 1], '\n');
    while ((line = strsep(&rest, "\n")) && rest) {
        assert_true(*line);
        if (*line == '#')
            check_head(form, line);
        else
            check_sample(form, line);
    }
    free(words);
}

static void test_contiguous(void **state)
{
    struct form form;

    (void)state;
    check_form(written_world(), &form);
    assert_true(form.count > 50);
    assert_true(form.samples > form.count);
}

/* So that what is documented, graphed and warned of can be checked without traffic. */
static void test_empty(void **state)
{
    struct metrics nothing = {0};
    struct form form, full;
    char *words = written(&nothing);

    (void)state;
    assert_has(words, "\nflowsplit_up 0\n");
    check_form(words, &form);
    check_form(written_world(), &full);
    assert_int_equal(form.count, full.count);
    assert_int_equal(form.samples, 3); /* up, build, duration */
}

/* --- without an instance --- */

static void test_no_instance(void **state)
{
    struct metrics_text text = {0};
    struct error err;
    struct form form;
    char *words;

    (void)state;
    assert_true(metrics_exposition(&text, "/nowhere/at/all", "/nowhere/at/all", &err) < 0);
    words = take_text(&text);
    assert_has(words, "\nflowsplit_up 0\n");
    assert_has(words, err.text);
    check_form(strdup(strchr(words, '\n') + 1), &form);
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("each metric has its value and labels", test_values),
        TEST("a version that isn't observed has no metrics of observation", test_unobserved),
        TEST("scores of former rules count as zero", test_edition),
        TEST("each family is there once, in one piece, below its help and type", test_contiguous),
        TEST("all families are named even when there is nothing to say", test_empty),
        TEST("without an instance flowsplit_up is 0, and why is said", test_no_instance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
