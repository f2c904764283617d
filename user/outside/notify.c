// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A plan's hooks: a queue for each, whose first event is being told or waits for another attempt.
 */
#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"
#include "process.h"
#include "timer.h"

#define MS_NS    1000000ull
#define GRACE_NS (1000 * MS_NS)

enum { REASON_MAX = 1024, WHO_MAX = 120, WHY_MAX = PROCESS_TEXT_MAX };

struct message {
    enum plan_event event;
    uint64_t line;
    char *json;
};

/* A hook and what it has yet to be told. */
struct queue {
    struct notify *all;
    size_t index;
    const struct plan_hook *hook;
    struct message messages[NOTIFY_QUEUE_MAX + 1]; /* the first is at work, when there is one */
    size_t count;
    unsigned attempts;
    uint64_t dropped;
    sd_event_source *timer;
    struct process *process;
    struct http_call *call;
};

struct notify {
    sd_event *event;
    struct http *http;
    const struct plan *plan;
    struct notify_patience patience;
    notify_done *callback;
    void *context;
    struct queue queues[PLAN_MAX_HOOKS];
};

/* Takes out the message at `index`. */
static void forget(struct queue *queue, size_t index)
{
    free(queue->messages[index].json);
    queue->count--;
    memmove(&queue->messages[index], &queue->messages[index + 1],
            (queue->count - index) * sizeof(queue->messages[0]));
}

/* Who is told, without what an address may have of secrets: user, password, path. */
static const char *who(const struct plan_hook *hook, char buf[WHO_MAX])
{
    const char *start, *host, *end;
    int used;

    if (hook->kind == HOOK_EXEC) {
        used = sprintf(buf, "exec ");
        printable(buf + used, WHO_MAX - (size_t)used, hook->command[0], strlen(hook->command[0]));
        return buf;
    }
    start = strstr(hook->url, "://");
    host = start ? start + 3 : hook->url;
    end = host + strcspn(host, "/?#");
    for (const char *at = host; at < end; at++) {
        if (*at == '@')
            host = at + 1;
    }
    used = sprintf(buf, "webhook ");
    printable(buf + used, WHO_MAX - (size_t)used, host, (size_t)(end - host));
    return buf;
}

static void write_text(const struct queue *queue, const struct notify_report *report,
                       const char *why, char text[NOTIFY_TEXT_MAX])
{
    char name[WHO_MAX], tries[40] = "", missed[60] = "";

    if (report->attempts > 1)
        snprintf(tries, sizeof(tries), " after %u attempts", report->attempts);
    if (report->dropped)
        snprintf(missed, sizeof(missed), " (%llu events dropped so far)",
                 (unsigned long long)report->dropped);
    snprintf(text, NOTIFY_TEXT_MAX, "%s: %s of %s%s%s%s%s", who(queue->hook, name),
             report->told ? "told" : "not told", plan_event_names[report->event], tries,
             why ? ": " : "", why ? why : "", missed);
}

static int on_time(sd_event_source *source, uint64_t usec, void *context);

static void go_on_after(struct queue *queue, uint64_t pause_ns)
{
    timer_arm(queue->all->event, &queue->timer, pause_ns, on_time, queue);
}

/* Goes on to the next event. Calls back last: nothing may be left after it. */
static void conclude(struct queue *queue, const char *why)
{
    struct notify *all = queue->all;
    char text[NOTIFY_TEXT_MAX];
    struct notify_report report = {.hook = queue->index,
                                   .event = queue->messages[0].event,
                                   .told = !why,
                                   .attempts = queue->attempts,
                                   .line = queue->messages[0].line,
                                   .dropped = queue->dropped,
                                   .text = text};

    write_text(queue, &report, why, text);
    forget(queue, 0);
    queue->attempts = 0;
    if (queue->count)
        go_on_after(queue, 0);
    if (all->callback)
        all->callback(all->context, &report);
}

static void failed(struct queue *queue, const char *why)
{
    const struct notify_patience *patience = &queue->all->patience;

    if (queue->hook->kind == HOOK_WEBHOOK && queue->attempts <= patience->retries)
        go_on_after(queue, patience->pause_ns << (queue->attempts - 1));
    else
        conclude(queue, why);
}

static void on_http(void *context, const struct http_answer *answer)
{
    struct queue *queue = context;
    char why[WHY_MAX];

    queue->call = NULL;
    if (answer->error)
        snprintf(why, sizeof(why), "%s", answer->error);
    else
        snprintf(why, sizeof(why), "HTTP status %ld", answer->status);
    if (!answer->error && answer->status >= 200 && answer->status <= 299)
        conclude(queue, NULL);
    else
        failed(queue, why);
}

static int post(struct queue *queue, struct error *err)
{
    struct http_request request = {.url = queue->hook->url,
                                   .json = queue->messages[0].json,
                                   .timeout_ns = queue->all->patience.timeout_ns};

    return http_start(queue->all->http, &request, on_http, queue, &queue->call, err);
}

static void on_exit_status(void *context, const struct process_result *result)
{
    struct queue *queue = context;
    char why[PROCESS_TEXT_MAX];

    queue->process = NULL;
    if (result->end == PROCESS_EXITED && !result->status)
        conclude(queue, NULL);
    else
        failed(queue, process_text(result, why));
}

/* The message's "reason", in one printable line. */
static void read_reason(const char *json, char reason[REASON_MAX])
{
    json_t *message = json_loads(json, 0, NULL);
    const char *text = json_string_value(json_object_get(message, "reason"));

    printable(reason, REASON_MAX, text ? text : "", text ? strlen(text) : 0);
    json_decref(message);
}

static int run_command(struct queue *queue, struct error *err)
{
    const struct notify *all = queue->all;
    char event[64], service[64 + FS_NAME_MAX], version[64 + FS_NAME_MAX];
    char text[REASON_MAX], reason[64 + REASON_MAX];
    const char *const environment[] = {event, service, version, reason, NULL};
    struct process_spec spec = {.command = queue->hook->command,
                                .environment = environment,
                                .input = queue->messages[0].json,
                                .timeout_ns = all->patience.timeout_ns,
                                .grace_ns = GRACE_NS};

    read_reason(queue->messages[0].json, text);
    snprintf(event, sizeof(event), "FLOWSPLIT_EVENT=%s",
             plan_event_names[queue->messages[0].event]);
    sprintf(service, "FLOWSPLIT_SERVICE=%s", all->plan->service);
    sprintf(version, "FLOWSPLIT_VERSION=%s", all->plan->version);
    sprintf(reason, "FLOWSPLIT_REASON=%s", text);
    if (spec.grace_ns > spec.timeout_ns)
        spec.grace_ns = spec.timeout_ns;
    return process_start(all->event, &spec, on_exit_status, queue, &queue->process, err);
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
    struct queue *queue = context;
    char why[WHY_MAX];
    struct error err;

    (void)source;
    (void)usec;
    queue->attempts++;
    if (!(queue->hook->kind == HOOK_EXEC ? run_command(queue, &err) : post(queue, &err)))
        return 0;
    failed(queue, printable(why, sizeof(why), err.text, strlen(err.text)));
    return 0;
}

/* Of events that wait, the newest matter most; the one at work is not among them. */
static int enqueue(struct queue *queue, const struct untold *untold, const char *json)
{
    struct message message = {.event = untold->event, .line = untold->line, .json = strdup(json)};

    if (!message.json)
        return -ENOMEM;
    if (queue->count > NOTIFY_QUEUE_MAX) {
        forget(queue, 1);
        queue->dropped++;
    }
    queue->messages[queue->count++] = message;
    if (queue->count == 1)
        go_on_after(queue, 0);
    return 0;
}

/* The message's members and ours; the caller frees it. */
static char *compose(const struct plan *plan, const struct untold *untold)
{
    json_t *whole = json_pack("{s:s, s:s, s:s}", "service", plan->service, "version", plan->version,
                              "event", plan_event_names[untold->event]);
    char *text = NULL;

    if (whole && !json_object_update_missing(whole, untold->message))
        text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    return text;
}

int notify_send(struct notify *notify, const struct untold *untold, struct error *err)
{
    char *json = compose(notify->plan, untold);
    int ret = json ? 0 : -ENOMEM;

    for (size_t i = 0; json && i < notify->plan->hook_count; i++)
        if (untold->hooks & (1u << i) && enqueue(&notify->queues[i], untold, json))
            ret = -ENOMEM;
    free(json);
    return ret ? error_set(err, ret, "can't tell of %s: out of memory",
                           plan_event_names[untold->event])
               : 0;
}

struct notify *notify_new(sd_event *event, struct http *http, const struct plan *plan,
                          const struct notify_patience *patience, notify_done *callback,
                          void *context, struct error *err)
{
    static const struct notify_patience usual = {
        .timeout_ns = 10000 * MS_NS, .pause_ns = 1000 * MS_NS, .retries = 3};
    struct notify *notify = calloc(1, sizeof(*notify));

    if (!notify) {
        error_set(err, -ENOMEM, "out of memory");
        return NULL;
    }
    notify->event = sd_event_ref(event);
    notify->http = http;
    notify->plan = plan;
    notify->patience = patience ? *patience : usual;
    notify->callback = callback;
    notify->context = context;
    for (size_t i = 0; i < plan->hook_count; i++) {
        notify->queues[i].all = notify;
        notify->queues[i].index = i;
        notify->queues[i].hook = &plan->hooks[i];
    }
    return notify;
}

void notify_free(struct notify *notify)
{
    if (!notify)
        return;
    for (size_t i = 0; i < PLAN_MAX_HOOKS; i++) {
        struct queue *queue = &notify->queues[i];

        sd_event_source_disable_unref(queue->timer);
        process_free(queue->process);
        http_cancel(queue->call);
        while (queue->count)
            forget(queue, queue->count - 1);
    }
    sd_event_unref(notify->event);
    free(notify);
}
