// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks: who is told what, in which order, how often it is tried, and what is said of it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "notify.h"
#include "server.h"

enum { REPORTS_MAX = 64, ALL_EVENTS = (1 << PLAN_EVENT_COUNT) - 1 };

#define FAILS "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n"

/* A plan's hooks at work, and what became of events. */
struct fixture {
    struct plan plan;
    char *words[PLAN_MAX_HOOKS][6];
    struct notify_patience patience;
    unsigned descriptors;
    sd_event *event;
    struct http *http;
    struct notify *notify;
    struct notify_report reports[REPORTS_MAX];
    char lines[REPORTS_MAX][NOTIFY_TEXT_MAX];
    unsigned count;
    bool free_within;
};

static void on_report(void *context, const struct notify_report *report)
{
    struct fixture *fixture = context;

    assert_true(fixture->count < REPORTS_MAX);
    fixture->reports[fixture->count] = *report;
    assert_true(strlen(report->text) < NOTIFY_TEXT_MAX - 1);
    strcpy(fixture->lines[fixture->count++], report->text);
    if (fixture->free_within) {
        notify_free(fixture->notify);
        fixture->notify = NULL;
    }
}

static struct fixture *setup(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->descriptors = open_descriptors();
    fixture->patience =
        (struct notify_patience){.timeout_ns = 5000 * MS_NS, .pause_ns = 20 * MS_NS, .retries = 3};
    strcpy(fixture->plan.service, "web");
    strcpy(fixture->plan.version, "canary");
    return fixture;
}

static void add_webhook(struct fixture *fixture, const char *url, unsigned on)
{
    fixture->plan.hooks[fixture->plan.hook_count++] =
        (struct plan_hook){.kind = HOOK_WEBHOOK, .url = (char *)url, .on = on};
}

static void add_command(struct fixture *fixture, const char *script, const char *argument)
{
    char **words = fixture->words[fixture->plan.hook_count];

    words[0] = "sh";
    words[1] = "-c";
    words[2] = (char *)script;
    words[3] = "sh";
    words[4] = (char *)argument;
    fixture->plan.hooks[fixture->plan.hook_count++] =
        (struct plan_hook){.kind = HOOK_EXEC, .command = words, .on = ALL_EVENTS};
}

static void begin(struct fixture *fixture)
{
    struct error err = {{0}};

    fixture->event = loop_new();
    fixture->http = http_new(fixture->event, &err);
    fixture->notify = notify_new(fixture->event, fixture->http, &fixture->plan, &fixture->patience,
                                 on_report, fixture, &err);
    assert_non_null(fixture->notify);
}

static void teardown(struct fixture *fixture)
{
    unsigned count = fixture->count;

    notify_free(fixture->notify);
    notify_free(NULL);
    loop_for(fixture->event, 5 * MS_NS);
    assert_int_equal(fixture->count, count);
    http_free(fixture->http);
    sd_event_unref(fixture->event);
    assert_int_equal(open_descriptors(), fixture->descriptors);
    free(fixture);
}

/* Takes the message over. */
static void send_message(struct fixture *fixture, enum plan_event event, json_t *message)
{
    struct untold untold = {.line = 700 + event, .event = event, .message = message};
    unsigned count = fixture->count;
    struct error err;

    for (size_t i = 0; i < fixture->plan.hook_count; i++)
        untold.hooks |= fixture->plan.hooks[i].on & (1u << event) ? 1u << i : 0;
    assert_int_equal(notify_send(fixture->notify, &untold, &err), 0);
    assert_int_equal(fixture->count, count);
    json_decref(message);
}

static void send_event(struct fixture *fixture, enum plan_event event, int number)
{
    send_message(fixture, event,
                 json_pack("{s:i,s:s}", "number", number, "reason", "p99 is\n20ms"));
}

/* The body of a request as JSON; the caller's. */
static json_t *body_of(const struct server *server, unsigned index)
{
    json_t *body = json_loads(assert_contains(server->requests[index], "\r\n\r\n") + 4, 0, NULL);

    assert_non_null(body);
    return body;
}

static int number_of(const struct server *server, unsigned index)
{
    json_t *body = body_of(server, index);
    int number = (int)json_integer_value(json_object_get(body, "number"));

    json_decref(body);
    return number;
}

static void test_webhook(void **state)
{
    const char *answers[] = {"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n", NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);

    (void)state;
    add_webhook(fixture, server->url, 1 << PLAN_EVENT_PROMOTED | 1 << PLAN_EVENT_PAUSED);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 1);
    send_message(
        fixture, PLAN_EVENT_PAUSED,
        json_pack("{s:s, s:s, s:{s:i}}", "event", "mine", "reason", "r", "weights", "canary", 100));
    send_message(fixture, PLAN_EVENT_PROMOTED, json_object());
    loop_until(fixture->event, &fixture->count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(fixture->reports[i].told);
        assert_int_equal(fixture->reports[i].line, 700 + fixture->reports[i].event);
    }
    assert_memory_equal(server->requests[0], "POST / HTTP/1.1\r\n", 17);
    assert_contains(server->requests[0],
                    "\r\n\r\n{\"service\":\"web\",\"version\":\"canary\",\"event\":\"paused\","
                    "\"reason\":\"r\",\"weights\":{\"canary\":100}}");
    assert_memory_equal(fixture->lines[0], "webhook 127.0.0.1:", 18);
    assert_contains(fixture->lines[0], ": told of paused");
    assert_contains(fixture->lines[1], ": told of promoted");
    assert_int_equal(atomic_load(&server->count), 2);
    server_stop(server);
    teardown(fixture);
}

static void test_command(void **state)
{
    char path[] = "/tmp/flowsplit-notify.XXXXXX", got[600] = {0};
    struct fixture *fixture = setup();
    FILE *file;

    (void)state;
    close(mkstemp(path));
    add_command(fixture,
                "echo $FLOWSPLIT_EVENT, $FLOWSPLIT_SERVICE, $FLOWSPLIT_VERSION, "
                "$FLOWSPLIT_REASON >$1; cat >>$1",
                path);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ROLLED_BACK, 5);
    loop_until(fixture->event, &fixture->count, 1);
    assert_string_equal(fixture->lines[0], "exec sh: told of rolled_back");
    teardown(fixture);
    file = fopen(path, "r");
    assert_true(fread(got, 1, sizeof(got) - 1, file) > 0);
    assert_string_equal(got,
                        "rolled_back, web, canary, p99 is 20ms\n"
                        "{\"service\":\"web\",\"version\":\"canary\",\"event\":\"rolled_back\","
                        "\"number\":5,\"reason\":\"p99 is\\n20ms\"}");
    fclose(file);
    unlink(path);
}

static void test_command_fails(void **state)
{
    struct fixture *fixture = setup();

    (void)state;
    add_command(fixture, "echo no pager; exit 7", NULL);
    add_command(fixture, "", NULL);
    fixture->words[1][0] = "./no-such.sh";
    begin(fixture);
    send_event(fixture, PLAN_EVENT_PAUSED, 1);
    loop_until(fixture->event, &fixture->count, 2);
    for (unsigned i = 0; i < 2; i++) {
        const char *const lines[] = {
            "exec sh: not told of paused: exited with 7: no pager",
            "exec ./no-such.sh: not told of paused: can't start \"./no-such.sh\": No such file or "
            "directory"};

        assert_string_equal(fixture->lines[i], lines[fixture->reports[i].hook]);
        assert_int_equal(fixture->reports[i].attempts, 1);
        assert_false(fixture->reports[i].told);
    }
    teardown(fixture);
}

static void test_command_hangs(void **state)
{
    struct fixture *fixture = setup();

    (void)state;
    fixture->patience.timeout_ns = 100 * MS_NS;
    add_command(fixture, "exec sleep 100", NULL);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_PAUSED, 1);
    loop_until(fixture->event, &fixture->count, 1);
    assert_string_equal(fixture->lines[0], "exec sh: not told of paused: timed out after 100ms");
    assert_int_equal(fixture->reports[0].attempts, 1);
    assert_false(fixture->reports[0].told);
    teardown(fixture);
}

/* The second event waits for the first one's attempts. */
static void test_retries(void **state)
{
    const char *answers[] = {FAILS, SERVER_CLOSES, SERVER_OK, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);
    const int numbers[] = {1, 1, 1, 2};

    (void)state;
    add_webhook(fixture, server->url, ALL_EVENTS);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 1);
    send_event(fixture, PLAN_EVENT_PAUSED, 2);
    loop_until(fixture->event, &fixture->count, 2);
    assert_true(fixture->reports[0].told && fixture->reports[1].told);
    assert_int_equal(fixture->reports[0].attempts, 3);
    assert_int_equal(fixture->reports[1].attempts, 1);
    assert_contains(fixture->lines[0], ": told of advanced after 3 attempts");
    assert_int_equal(atomic_load(&server->count), COUNT(numbers));
    for (unsigned i = 0; i < COUNT(numbers); i++)
        assert_int_equal(number_of(server, i), numbers[i]);
    server_stop(server);
    teardown(fixture);
}

static void test_gives_up(void **state)
{
    const char *answers[] = {FAILS, FAILS, FAILS, FAILS, SERVER_OK, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);
    uint64_t start_ns = clock_now_ns();

    (void)state;
    add_webhook(fixture, server->url, ALL_EVENTS);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 1);
    send_event(fixture, PLAN_EVENT_PAUSED, 2);
    loop_until(fixture->event, &fixture->count, 1);
    assert_in_range((clock_now_ns() - start_ns) / MS_NS, 20 + 40 + 80, 5000);
    assert_false(fixture->reports[0].told);
    assert_int_equal(fixture->reports[0].attempts, 4);
    assert_contains(fixture->lines[0], ": not told of advanced after 4 attempts: HTTP status 500");
    loop_until(fixture->event, &fixture->count, 2);
    assert_true(fixture->reports[1].told);
    assert_int_equal(fixture->reports[1].attempts, 1);
    server_stop(server);
    teardown(fixture);
}

/* While the first hangs, more come than there is room for. */
static void test_overflow(void **state)
{
    enum { MORE = NOTIFY_QUEUE_MAX + 3 };
    const char *answers[] = {SERVER_HANGS, SERVER_OK, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);

    (void)state;
    fixture->patience.timeout_ns = 500 * MS_NS;
    fixture->patience.retries = 0;
    add_webhook(fixture, server->url, ALL_EVENTS);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 0);
    while (atomic_load(&server->count) < 1)
        loop_for(fixture->event, MS_NS);
    for (int i = 1; i <= MORE; i++)
        send_event(fixture, PLAN_EVENT_PAUSED, i);
    loop_until(fixture->event, &fixture->count, NOTIFY_QUEUE_MAX + 1);
    assert_contains(fixture->lines[0], ": not told of advanced: Operation timed out after ");
    assert_contains(fixture->lines[0], " (3 events dropped so far)");
    for (unsigned i = 1; i <= NOTIFY_QUEUE_MAX; i++) {
        assert_int_equal(number_of(server, i), i + 3);
        assert_true(fixture->reports[i].told);
        assert_int_equal(fixture->reports[i].dropped, 3);
    }
    assert_int_equal(atomic_load(&server->count), NOTIFY_QUEUE_MAX + 1);
    server_stop(server);
    teardown(fixture);
}

/* One that hangs keeps no other waiting, and goes with the rest. */
static void test_side_by_side(void **state)
{
    const char *answers[] = {SERVER_HANGS, NULL};
    struct fixture *fixture = setup();
    struct server *server = server_start(answers);

    (void)state;
    add_webhook(fixture, server->url, ALL_EVENTS);
    add_command(fixture, "exec sleep 100", NULL);
    add_command(fixture, "cat >/dev/null", NULL);
    begin(fixture);
    for (int i = 0; i < 3; i++)
        send_event(fixture, PLAN_EVENT_ADVANCED, i);
    loop_until(fixture->event, &fixture->count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(fixture->reports[i].hook, 2);
    while (atomic_load(&server->count) < 1)
        loop_for(fixture->event, MS_NS);
    server_stop(server);
    teardown(fixture);
}

static void test_secrets(void **state)
{
    struct fixture *fixture = setup();
    char url[40], secret[100];
    int fd = server_bind(url, false);

    (void)state;
    snprintf(secret, sizeof(secret), "http://me:pw@word@%s/services/T0KEN?a=@b", url + 7);
    fixture->patience.retries = 0;
    add_webhook(fixture, secret, ALL_EVENTS);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 1);
    loop_until(fixture->event, &fixture->count, 1);
    close(fd);
    snprintf(secret, sizeof(secret), "webhook %s: not told of advanced: ", url + 7);
    assert_memory_equal(fixture->lines[0], secret, strlen(secret));
    assert_null(strstr(fixture->lines[0], "pw"));
    assert_null(strstr(fixture->lines[0], "T0KEN"));
    teardown(fixture);
}

static void test_free_within(void **state)
{
    struct fixture *fixture = setup();

    (void)state;
    fixture->free_within = true;
    add_command(fixture, "exit 0", NULL);
    add_command(fixture, "exit 0", NULL);
    begin(fixture);
    send_event(fixture, PLAN_EVENT_ADVANCED, 1);
    send_event(fixture, PLAN_EVENT_PROMOTED, 2);
    loop_until(fixture->event, &fixture->count, 1);
    loop_for(fixture->event, 30 * MS_NS);
    assert_int_equal(fixture->count, 1);
    teardown(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a webhook gets the events it wants as JSON", test_webhook),
        TEST("a command gets the event on stdin and in its environment", test_command),
        TEST("one that fails or isn't there is told, and not started again", test_command_fails),
        TEST("so is one that hangs", test_command_hangs),
        TEST("a webhook that fails is tried again, and later events wait for it", test_retries),
        TEST("it is given up after growing pauses, and the next gets its turn", test_gives_up),
        TEST("of too many events the oldest are dropped, counted and told", test_overflow),
        TEST("a hook that hangs keeps no other waiting", test_side_by_side),
        TEST("no password and no path of a webhook gets into the log", test_secrets),
        TEST("hooks can be freed from within a callback", test_free_within),
    };

    server_prepare();
    return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
