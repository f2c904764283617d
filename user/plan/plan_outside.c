// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads what a plan has to do with the world outside: checks that ask it, hooks that tell it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_read.h"
#include "quote.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct doc_times check_times = {1000, 24 * 3600 * 1000, "1s to 24h"};

/* --- checks --- */

/* What is being filled. */
struct reading {
    const struct plan *plan;
    struct plan_check *check;
    struct plan_hook *hook;
    bool has_one; /* of the two kinds that there are */
};

/* Before the second kind is read. */
static int expect_first(const struct doc_at *at, struct reading *reading, const char *what,
                        const char *kinds)
{
    if (reading->has_one)
        return place_refuse(doc_place(at), at->err, "%s is either %s; make it two", what, kinds);
    reading->has_one = true;
    return 0;
}

static int read_check_url(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return plan_read_url(at, reading->plan, &reading->check->url);
}

static int read_query(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return plan_read_text(at, "query", reading->plan, PLAN_MAX_TEXT, &reading->check->query);
}

static int read_check_every(const struct doc_at *at, void *into)
{
    return doc_time(at, "every", &check_times, &((struct reading *)into)->check->every_ms);
}

/* "> 0.01" */
static bool parse_fail(const char *text, struct plan_check *check)
{
    size_t length = strspn(text, "<>=!");
    const char *number = text + length + strspn(text + length, " ");
    char *end;

    for (size_t i = 0; i < CHECK_COMPARISON_COUNT; i++) {
        const char *sign = plan_comparison_signs[i];

        if (strlen(sign) != length || strncmp(sign, text, length) != 0)
            continue;
        check->fail_if = (enum check_comparison)i;
        check->fail_limit = strtod(number, &end);
        return *number && !number[strspn(number, "0123456789.eE+-")] && !*end &&
               isfinite(check->fail_limit);
    }
    return false;
}

static int read_fail(const struct doc_at *at, void *into)
{
    const char *text;
    int ret = doc_text(at, "fail", &text);

    if (ret || parse_fail(text, ((struct reading *)into)->check))
        return ret;
    return place_refuse(doc_place(at), at->err,
                        "fail %s is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< "
                        "NUMBER\", \"<= NUMBER\", as in \"> 0.01\"",
                        quote(text).text);
}

static int read_prometheus(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"url", read_check_url, true},
        {"query", read_query, true},
        {"every", read_check_every, false},
        {"fail", read_fail, true},
    };
    struct reading *reading = into;
    int ret = expect_first(at, reading, "a check", "prometheus or exec");

    reading->check->kind = CHECK_PROMETHEUS;
    reading->check->every_ms = PLAN_PROMETHEUS_DEFAULT_MS;
    return ret ? ret : doc_mapping(at, "prometheus", keys, COUNT(keys), into);
}

static int read_check_command(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return plan_read_command(at, reading->plan, &reading->check->command);
}

static int read_check_exec(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"command", read_check_command, true},
        {"every", read_check_every, false},
    };
    struct reading *reading = into;
    int ret = expect_first(at, reading, "a check", "prometheus or exec");

    reading->check->kind = CHECK_EXEC;
    reading->check->every_ms = PLAN_EXEC_DEFAULT_MS;
    return ret ? ret : doc_mapping(at, "exec", keys, COUNT(keys), into);
}

static int read_check(const struct doc_at *at, struct plan *plan)
{
    static const struct doc_key keys[] = {
        {"prometheus", read_prometheus, false},
        {"exec", read_check_exec, false},
    };
    struct reading reading = {.plan = plan, .check = &plan->checks[plan->check_count++]};
    int ret;

    reading.check->place = doc_place(at);
    ret = doc_mapping(at, "a check", keys, COUNT(keys), &reading);
    if (!ret && !reading.has_one)
        ret = place_refuse(doc_place(at), at->err, "a check needs prometheus or exec");
    return ret;
}

int plan_read_checks(const struct doc_at *at, struct plan *plan)
{
    size_t count;
    int ret = doc_list(at, "checks", PLAN_MAX_CHECKS, &count);

    for (size_t i = 0; !ret && i < count; i++) {
        struct doc_at item = doc_item(at, i);

        ret = read_check(&item, plan);
    }
    return ret;
}

/* --- hooks --- */

static int read_hook_url(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return plan_read_url(at, reading->plan, &reading->hook->url);
}

static int read_hook_command(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return plan_read_command(at, reading->plan, &reading->hook->command);
}

static int read_on(const struct doc_at *at, void *into)
{
    unsigned *on = &((struct reading *)into)->hook->on;
    size_t count, event;
    int ret = doc_list(at, "on", PLAN_EVENT_COUNT, &count);

    if (!ret && !count)
        ret = place_refuse(doc_place(at), at->err,
                           "on is an empty list; without it a hook is called for all events");
    *on = 0;
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        ret = doc_choice(&item, "event", plan_event_names, PLAN_EVENT_COUNT, &event);
        if (!ret)
            *on |= 1u << event;
    }
    return ret;
}

static int read_webhook(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {{"url", read_hook_url, true}, {"on", read_on, false}};
    struct reading *reading = into;
    int ret = expect_first(at, reading, "a hook", "webhook or exec");

    reading->hook->kind = HOOK_WEBHOOK;
    return ret ? ret : doc_mapping(at, "webhook", keys, COUNT(keys), into);
}

static int read_hook_exec(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {{"command", read_hook_command, true},
                                          {"on", read_on, false}};
    struct reading *reading = into;
    int ret = expect_first(at, reading, "a hook", "webhook or exec");

    reading->hook->kind = HOOK_EXEC;
    return ret ? ret : doc_mapping(at, "exec", keys, COUNT(keys), into);
}

static int read_hook(const struct doc_at *at, struct plan *plan)
{
    static const struct doc_key keys[] = {
        {"webhook", read_webhook, false},
        {"exec", read_hook_exec, false},
    };
    struct reading reading = {.plan = plan, .hook = &plan->hooks[plan->hook_count++]};
    int ret;

    reading.hook->on = (1u << PLAN_EVENT_COUNT) - 1;
    reading.hook->place = doc_place(at);
    ret = doc_mapping(at, "a hook", keys, COUNT(keys), &reading);
    if (!ret && !reading.has_one)
        ret = place_refuse(doc_place(at), at->err, "a hook needs webhook or exec");
    return ret;
}

int plan_read_notify(const struct doc_at *at, struct plan *plan)
{
    size_t count;
    int ret = doc_list(at, "notify", PLAN_MAX_HOOKS, &count);

    for (size_t i = 0; !ret && i < count; i++) {
        struct doc_at item = doc_item(at, i);

        ret = read_hook(&item, plan);
    }
    return ret;
}
