// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks from outside: asked in their rhythm, and what is known of them since when. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "loop.h"
#include "server.h"

enum { ANSWERS_MAX = 32 };

#define PROMETHEUS(value)                                                                          \
    SERVER_OK "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"" value \
              "\"]}}"

/* A plan's checks at work, and what they have said. */
struct fixture {
    struct plan plan;
    char *words[PLAN_MAX_CHECKS][6];
    unsigned descriptors;
    sd_event *event;
    struct http *http;
    struct checks *checks;
    struct check_result answers[ANSWERS_MAX];
    size_t indexes[ANSWERS_MAX];
    unsigned count;
    bool free_within;
};

static void on_answered(void *context, size_t index, const struct check_result *result)
{
    struct fixture *fixture = context;

    assert_true(fixture->count < ANSWERS_MAX);
    fixture->indexes[fixture->count] = index;
    fixture->answers[fixture->count++] = *result;
    if (fixture->free_within) {
        checks_free(fixture->checks);
        fixture->checks = NULL;
    }
}

static struct fixture *setup(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->descriptors = open_descriptors();
    strcpy(fixture->plan.service, "web");
    strcpy(fixture->plan.version, "canary");
    return fixture;
}

static void add_prometheus(struct fixture *fixture, const char *url, unsigned every_ms)
{
    fixture->plan.checks[fixture->plan.check_count++] =
        (struct plan_check){.kind = CHECK_PROMETHEUS,
                            .every_ms = every_ms,
                            .url = (char *)url,
                            .query = "rate(x{v=\"canary\"}[1m])",
                            .fail_if = CHECK_ABOVE,
                            .fail_limit = 0.01};
}

static void add_command(struct fixture *fixture, const char *script, const char *argument,
                        unsigned every_ms)
{
    char **words = fixture->words[fixture->plan.check_count];

    words[0] = "sh";
    words[1] = "-c";
    words[2] = (char *)script;
    words[3] = "sh";
    words[4] = (char *)argument;
    fixture->plan.checks[fixture->plan.check_count++] =
        (struct plan_check){.kind = CHECK_EXEC, .every_ms = every_ms, .command = words};
}

static void begin(struct fixture *fixture)
{
    struct error err = {{0}};

    fixture->event = loop_new();
    fixture->http = http_new(fixture->event, &err);
    fixture->checks =
        checks_new(fixture->event, fixture->http, &fixture->plan, on_answered, fixture, &err);
    assert_non_null(fixture->checks);
    for (size_t i = 0; i < fixture->plan.check_count; i++) {
        assert_int_equal(checks_results(fixture->checks)[i].finding.answer, CHECK_WAITING);
        assert_true(checks_results(fixture->checks)[i].since_ns > 0);
        assert_int_equal(checks_results(fixture->checks)[i].answered_ns, 0);
    }
}

static void teardown(struct fixture *fixture)
{
    unsigned count = fixture->count;

    checks_free(fixture->checks);
    checks_free(NULL);
    loop_for(fixture->event, 5 * MS_NS);
    assert_int_equal(fixture->count, count);
    http_free(fixture->http);
    sd_event_unref(fixture->event);
    assert_int_equal(open_descriptors(), fixture->descriptors);
    free(fixture);
}

static void test_story(void **state)
{
    const char *answers[] = {PROMETHEUS("0.001"),
                             PROMETHEUS("0.002"),
                             PROMETHEUS("0.5"),
                             SERVER_CLOSES,
                             PROMETHEUS("NaN"),
                             PROMETHEUS("0"),
                             NULL};
    const enum check_answer wanted[] = {CHECK_GOOD,      CHECK_GOOD,      CHECK_BAD,
                                        CHECK_NO_ANSWER, CHECK_NO_ANSWER, CHECK_GOOD};
    const unsigned failures[] = {0, 0, 1, 2, 3, 0}, since[] = {0, 0, 2, 3, 3, 5};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);
    const struct check_result *got = fixture->answers;

    (void)state;
    add_prometheus(fixture, server->url, 30);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_int_equal(got[i].finding.answer, wanted[i]);
        assert_int_equal(got[i].failures, failures[i]);
        assert_true(got[i].since_ns == got[since[i]].asked_ns);
        assert_true(got[i].asked_ns < got[i].answered_ns);
    }
    assert_string_equal(got[2].finding.text, "0.5, fails if > 0.01");
    assert_string_equal(got[3].finding.text, "Empty reply from server");
    assert_string_equal(got[4].finding.text, "not a number: NaN, as of 0 divided by 0");
    assert_contains(server->requests[0], "GET /api/v1/query?query=rate%28x%7Bv%3D%22canary%22%7D"
                                         "%5B1m%5D%29 HTTP/1.1\r\n");
    server_stop(server);
    teardown(fixture);
}

static void test_rhythm(void **state)
{
    struct fixture *fixture = setup();
    uint64_t start_ns = clock_now_ns();

    (void)state;
    add_command(fixture, "exit 0", NULL, 60);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 4);
    assert_in_range(fixture->answers[0].asked_ns - start_ns, 0, 60 * MS_NS);
    for (unsigned i = 0; i < 4; i++) /* up to 10 ms late each, but it doesn't add up */
        assert_true(fixture->answers[i].asked_ns - start_ns >= i * 60 * MS_NS);
    teardown(fixture);
}

/* Each run looks whether the one before is still there. */
static void test_one_at_a_time(void **state)
{
    char path[] = "/tmp/flowsplit-check.XXXXXX";
    struct fixture *fixture = setup();
    char line[64];
    FILE *file;

    (void)state;
    close(mkstemp(path));
    add_command(fixture,
                "last=$(tail -n 1 $1); [ -z \"$last\" ] || ! kill -0 $last || echo overlap >>$1; "
                "echo $$ >>$1; trap '' TERM; while :; do sleep 0.005; done",
                path, 60);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 3);
    teardown(fixture);
    file = fopen(path, "r");
    for (unsigned lines = 0; fgets(line, sizeof(line), file); lines++) {
        assert_true(atoi(line) > 0);
        assert_in_range(lines, 0, 3);
    }
    fclose(file);
    unlink(path);
}

/* When there is no answer for a time, it is asked again when that is over, and not a beat later. */
static void test_hanging_server(void **state)
{
    const char *answers[] = {SERVER_HANGS, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);

    (void)state;
    add_prometheus(fixture, server->url, 250);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fixture->answers[i].finding.answer, CHECK_NO_ANSWER);
        assert_contains(fixture->answers[i].finding.text, "timed out after");
        assert_true(fixture->answers[i].since_ns == fixture->answers[0].asked_ns);
    }
    assert_true(fixture->answers[1].asked_ns - fixture->answers[0].answered_ns < 180 * MS_NS);
    assert_in_range(atomic_load(&server->count), 2, 3);
    server_stop(server);
    teardown(fixture);
}

static void test_refused(void **state)
{
    struct fixture *fixture = setup();
    char url[40];
    int fd = server_bind(url, false);

    (void)state;
    add_prometheus(fixture, url, 500);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 1);
    close(fd);
    assert_int_equal(fixture->answers[0].finding.answer, CHECK_NO_ANSWER);
    assert_contains(fixture->answers[0].finding.text, "Failed to connect to 127.0.0.1 port ");
    teardown(fixture);
}

/* A script's end, and what is made of it. */
static const struct ending {
    const char *script;
    enum check_answer answer;
    double value;
    const char *text;
} endings[] = {
    {"echo 7 pages are fine", CHECK_GOOD, 0, "7 pages are fine"},
    {"exit 0", CHECK_GOOD, 0, "exited with 0"},
    {"echo looking; echo 'no login\a page' >&2; exit 3", CHECK_BAD, 3, "no login page"},
    {"exit 1", CHECK_BAD, 1, "exited with 1"},
    {"echo begun; kill -SEGV $$", CHECK_NO_ANSWER, 0, "was killed by SIGSEGV: begun"},
    {"exec sleep 100", CHECK_NO_ANSWER, 0, "timed out after 100ms"},
    {"echo $FLOWSPLIT_SERVICE $FLOWSPLIT_VERSION; cat", CHECK_GOOD, 0, "web canary"},
};

static void test_commands(void **state)
{
    struct fixture *fixture = setup();
    (void)state;
    for (size_t i = 0; i < COUNT(endings); i++)
        add_command(fixture, endings[i].script, NULL,
                    strstr(endings[i].script, "sleep") ? 100 : 20000);
    add_command(fixture, "", NULL, 20000);
    fixture->words[COUNT(endings)][0] = "./no-such.sh";
    begin(fixture);
    for (size_t i = 0; i <= COUNT(endings); i++) {
        while (!checks_results(fixture->checks)[i].answered_ns)
            loop_for(fixture->event, MS_NS);
    }
    for (size_t i = 0; i < COUNT(endings); i++) {
        const struct finding *got = &checks_results(fixture->checks)[i].finding;

        assert_string_equal(got->text, endings[i].text);
        assert_int_equal(got->answer, endings[i].answer);
        assert_true(got->value == endings[i].value);
    }
    assert_string_equal(checks_results(fixture->checks)[COUNT(endings)].finding.text,
                        "can't start \"./no-such.sh\": No such file or directory");
    teardown(fixture);
}

/* A check that hangs keeps no other waiting; those under way go with the rest. */
static void test_side_by_side(void **state)
{
    const char *answers[] = {SERVER_HANGS, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);

    (void)state;
    add_prometheus(fixture, server->url, 20000);
    add_command(fixture, "exec sleep 100", NULL, 20000);
    add_command(fixture, "exit 0", NULL, 20);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 3);
    while (atomic_load(&server->count) < 1)
        loop_for(fixture->event, MS_NS);
    for (unsigned i = 0; i < fixture->count; i++)
        assert_int_equal(fixture->indexes[i], 2);
    assert_true(checks_results(fixture->checks)[1].asked_ns > 0);
    server_stop(server);
    teardown(fixture);
}

static void test_free_within(void **state)
{
    struct fixture *fixture = setup();

    (void)state;
    fixture->free_within = true;
    for (int i = 0; i < 4; i++)
        add_command(fixture, "exit 0", NULL, 20);
    begin(fixture);
    loop_until(fixture->event, &fixture->count, 1);
    loop_for(fixture->event, 60 * MS_NS);
    assert_int_equal(fixture->count, 1);
    teardown(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a check is good, bad or without answer, since when, how often in a row", test_story),
        TEST("it is asked at once, and then in its rhythm", test_rhythm),
        TEST("it is never asked twice at a time", test_one_at_a_time),
        TEST("a server that hangs is no answer, and is asked again", test_hanging_server),
        TEST("a server that refuses is no answer", test_refused),
        TEST("a command is good, bad or without answer by how it ends", test_commands),
        TEST("a check that hangs keeps no other waiting", test_side_by_side),
        TEST("checks can be freed from within a callback", test_free_within),
    };

    server_prepare();
    return cmocka_run_group_tests_name("checks", tests, NULL, NULL);
}
