// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A plan's checks. */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "printable.h"
#include "process.h"
#include "prometheus.h"
#include "timer.h"

#define MS_NS          1000000ull
#define TIMEOUT_MAX_NS (30000 * MS_NS)
#define GRACE_MAX_NS   (1000 * MS_NS)

/* One check, and what is under way for it: a process, a call, or neither. */
struct run {
    struct checks *all;
    size_t index;
    const struct plan_check *check;
    char *url; /* PROMETHEUS */
    uint64_t next_ns;
    bool late; /* it was time to ask again before there was an answer */
    sd_event_source *timer;
    struct process *process;
    struct http_call *call;
};

struct checks {
    sd_event *event;
    struct http *http;
    const struct plan *plan;
    check_answered *callback;
    void *context;
    char service[sizeof("FLOWSPLIT_SERVICE=") + FS_NAME_MAX];
    char version[sizeof("FLOWSPLIT_VERSION=") + FS_NAME_MAX];
    struct run runs[PLAN_MAX_CHECKS];
    struct check_result results[PLAN_MAX_CHECKS];
};

static uint64_t timeout_ns(const struct plan_check *check)
{
    uint64_t every_ns = check->every_ms * MS_NS;

    return every_ns < TIMEOUT_MAX_NS ? every_ns : TIMEOUT_MAX_NS;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context);

/* Calls back last: nothing may be left after it. */
static void answered(struct run *run, const struct finding *finding)
{
    struct checks *all = run->all;
    struct check_result *result = &all->results[run->index];

    if (finding->answer != result->finding.answer)
        result->since_ns = result->asked_ns;
    result->finding = *finding;
    result->answered_ns = clock_now_ns();
    result->failures = finding->answer == CHECK_GOOD ? 0 : result->failures + 1;
    if (run->late)
        timer_arm(all->event, &run->timer, 0, on_time, run);
    if (all->callback)
        all->callback(all->context, run->index, result);
}

static void not_answered(struct run *run, const char *why)
{
    struct finding finding = {.answer = CHECK_NO_ANSWER};

    printable(finding.text, sizeof(finding.text), why, strlen(why));
    answered(run, &finding);
}

static void on_http(void *context, const struct http_answer *answer)
{
    struct run *run = context;
    struct finding finding;

    run->call = NULL;
    if (answer->error) {
        not_answered(run, answer->error);
        return;
    }
    finding = prometheus_judge(run->check, answer->status, answer->body, answer->length);
    answered(run, &finding);
}

static int ask_prometheus(struct run *run, struct error *err)
{
    struct http_request request = {.url = run->url, .timeout_ns = timeout_ns(run->check)};

    return http_start(run->all->http, &request, on_http, run, &run->call, err);
}

/* A command that fails says so by its status; one that crashes or hangs has said nothing. */
static void on_exit_status(void *context, const struct process_result *result)
{
    struct run *run = context;
    struct finding finding = {.answer = CHECK_NO_ANSWER};
    char text[PROCESS_TEXT_MAX];

    run->process = NULL;
    if (result->end == PROCESS_EXITED) {
        finding.answer = result->status ? CHECK_BAD : CHECK_GOOD;
        finding.value = result->status;
        printable_last_line(finding.text, sizeof(finding.text), result->output,
                            result->output_length);
    }
    if (!finding.text[0])
        snprintf(finding.text, sizeof(finding.text), "%s", process_text(result, text));
    answered(run, &finding);
}

static int ask_command(struct run *run, struct error *err)
{
    const char *const environment[] = {run->all->service, run->all->version, NULL};
    struct process_spec spec = {.command = run->check->command,
                                .environment = environment,
                                .timeout_ns = timeout_ns(run->check)};

    spec.grace_ns = spec.timeout_ns < GRACE_MAX_NS ? spec.timeout_ns : GRACE_MAX_NS;
    return process_start(run->all->event, &spec, on_exit_status, run, &run->process, err);
}

static void ask(struct run *run)
{
    struct error err;
    int ret;

    run->all->results[run->index].asked_ns = clock_now_ns();
    ret = run->check->kind == CHECK_EXEC ? ask_command(run, &err) : ask_prometheus(run, &err);
    if (ret)
        not_answered(run, err.text);
}

/* Keeps the rhythm; after a pause of ours it begins anew, and catches up on nothing. */
static uint64_t until_next(struct run *run)
{
    uint64_t now_ns = clock_now_ns(), every_ns = run->check->every_ms * MS_NS;

    run->next_ns += every_ns;
    if (run->next_ns <= now_ns)
        run->next_ns = now_ns + every_ns;
    return run->next_ns - now_ns;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
    struct run *run = context;

    (void)source;
    (void)usec;
    run->late = run->process || run->call;
    if (run->late)
        return 0;
    timer_arm(run->all->event, &run->timer, until_next(run), on_time, run);
    ask(run);
    return 0;
}

static int begin(struct checks *checks, size_t index)
{
    struct run *run = &checks->runs[index];
    uint64_t now_ns = clock_now_ns();

    run->all = checks;
    run->index = index;
    run->check = &checks->plan->checks[index];
    run->next_ns = now_ns;
    checks->results[index].since_ns = now_ns;
    if (run->check->kind == CHECK_PROMETHEUS) {
        run->url = prometheus_url(run->check);
        if (!run->url)
            return -ENOMEM;
    }
    return timer_arm(checks->event, &run->timer, 0, on_time, run);
}

struct checks *checks_new(sd_event *event, struct http *http, const struct plan *plan,
                          check_answered *callback, void *context, struct error *err)
{
    struct checks *checks = calloc(1, sizeof(*checks));
    int ret = checks ? 0 : -ENOMEM;

    if (checks) {
        checks->event = sd_event_ref(event);
        checks->http = http;
        checks->plan = plan;
        checks->callback = callback;
        checks->context = context;
        sprintf(checks->service, "FLOWSPLIT_SERVICE=%s", plan->service);
        sprintf(checks->version, "FLOWSPLIT_VERSION=%s", plan->version);
    }
    for (size_t i = 0; ret >= 0 && i < plan->check_count; i++)
        ret = begin(checks, i);
    if (ret >= 0)
        return checks;
    checks_free(checks);
    error_set(err, ret, "can't begin the checks: %s", strerror(-ret));
    return NULL;
}

const struct check_result *checks_results(const struct checks *checks)
{
    return checks->results;
}

void checks_free(struct checks *checks)
{
    if (!checks)
        return;
    for (size_t i = 0; i < PLAN_MAX_CHECKS; i++) {
        struct run *run = &checks->runs[i];

        sd_event_source_disable_unref(run->timer);
        process_free(run->process);
        http_cancel(run->call);
        free(run->url);
    }
    sd_event_unref(checks->event);
    free(checks);
}
