// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the plan of a rollout: a function for each of its keys. Steps are read in plan_steps.c,
 * checks and hooks in plan_outside.c. */
#include "plan_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct doc_times up_to_a_week = {0, 7 * 24 * 3600 * 1000, "0s to 7d"};
static const struct doc_times traffic_times = {1000, 7 * 24 * 3600 * 1000, "1s to 7d"};
/* The heart beats once a second. */
static const struct doc_times heartbeat_times = {2000, 24 * 3600 * 1000, "2s to 24h"};

static int read_service(const struct doc_at *at, void *into)
{
    struct plan *plan = into;

    plan->service_place = doc_place(at);
    return doc_name(at, "service name", plan->service);
}

static int read_version(const struct doc_at *at, void *into)
{
    struct plan *plan = into;

    plan->version_place = doc_place(at);
    return doc_name(at, "version name", plan->version);
}

static int read_steps(const struct doc_at *at, void *into)
{
    return plan_read_steps(at, into);
}

/* "500 connections", or 500. */
static int read_evidence(const struct doc_at *at, void *into)
{
    struct plan *plan = into;
    const char *text, *rest;
    char *end;
    int ret = doc_text(at, "evidence", &text);

    if (ret)
        return ret;
    plan->evidence = strtoull(text, &end, 10);
    rest = end + strspn(end, " ");
    if (!isdigit((unsigned char)*text) || (*end && strcmp(rest, "connections") != 0))
        return place_refuse(doc_place(at), at->err,
                            "evidence %s is no number of connections; write it like 500 "
                            "connections, or 500",
                            quote(text).text);
    if (plan->evidence > PLAN_MAX_EVIDENCE)
        return place_refuse(doc_place(at), at->err,
                            "evidence %s is out of range; 0 to %d connections are allowed",
                            quote(text).text, PLAN_MAX_EVIDENCE);
    return 0;
}

/* --- comparisons --- */

static int read_rule(const struct doc_at *at, struct plan *plan)
{
    struct compare_rule *rule = &plan->rules[plan->rule_count];
    char buf[COMPARE_TEXT_MAX];
    struct error why;
    const char *text;
    int ret = doc_text(at, "a rule", &text);

    if (ret)
        return ret;
    rule->place = doc_place(at);
    if (compare_parse(text, rule, &why))
        return doc_refuse(at, &why);
    for (size_t i = 0; i < plan->rule_count; i++)
        if (compare_same(&plan->rules[i], rule))
            return place_refuse(rule->place, at->err,
                                "rule %s stands already in line %d; once is allowed",
                                compare_format(rule, buf), plan->rules[i].place.line);
    plan->rule_count++;
    return 0;
}

static int read_compare(const struct doc_at *at, void *into)
{
    size_t count;
    int ret = doc_list(at, "compare", PLAN_MAX_RULES, &count);

    for (size_t i = 0; !ret && i < count; i++) {
        struct doc_at item = doc_item(at, i);

        ret = read_rule(&item, into);
    }
    return ret;
}

static int read_checks(const struct doc_at *at, void *into)
{
    return plan_read_checks(at, into);
}

/* --- verdicts, and what is done --- */

static int read_confidence(const struct doc_at *at, void *into)
{
    struct plan *plan = into;
    struct error why;
    const char *text;
    int ret = doc_text(at, "confidence", &text);

    if (ret)
        return ret;
    if (parse_share(text, &plan->confidence_ppm, &why))
        return place_refuse(doc_place(at), at->err, "confidence %s", why.text);
    if (plan->confidence_ppm < PLAN_CONFIDENCE_MIN_PPM || plan->confidence_ppm >= FS_SHARE_ONE)
        return place_refuse(doc_place(at), at->err,
                            "confidence %s is out of range; 90%% to 99.9999%% is allowed",
                            quote(text).text);
    return 0;
}

/* One of `acts`, ended by PLAN_ACT_COUNT. */
static int read_act(const struct doc_at *at, const char *what, const enum plan_act *acts,
                    enum plan_act *act)
{
    const char *words[PLAN_ACT_COUNT];
    size_t count = 0, index;
    int ret;

    for (; acts[count] != PLAN_ACT_COUNT; count++)
        words[count] = plan_act_names[acts[count]];
    ret = doc_choice(at, what, words, count, &index);
    if (!ret)
        *act = acts[index];
    return ret;
}

static int read_on_worse(const struct doc_at *at, void *into)
{
    static const enum plan_act acts[] = {PLAN_ROLLBACK, PLAN_PAUSE, PLAN_ACT_COUNT};

    return read_act(at, "on_worse", acts, &((struct plan *)into)->on_worse);
}

static int read_live_flows(const struct doc_at *at, void *into)
{
    struct plan *plan = into;

    return doc_live_flows(at, &plan->live_flows, &plan->live_ms);
}

static int read_after(const struct doc_at *at, void *into)
{
    return doc_time(at, "after", &traffic_times, &((struct plan *)into)->no_traffic_ms);
}

static int read_no_traffic_then(const struct doc_at *at, void *into)
{
    static const enum plan_act acts[] = {PLAN_PAUSE, PLAN_ROLLBACK, PLAN_HOLD, PLAN_ACT_COUNT};

    return read_act(at, "then", acts, &((struct plan *)into)->on_no_traffic);
}

static int read_no_traffic(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"after", read_after, false},
        {"then", read_no_traffic_then, false},
    };

    return doc_mapping(at, "no_traffic", keys, COUNT(keys), into);
}

static int read_lost_after(const struct doc_at *at, void *into)
{
    return doc_time(at, "lost_after", &heartbeat_times, &((struct plan *)into)->heartbeat_ms);
}

static int read_heartbeat_then(const struct doc_at *at, void *into)
{
    static const enum plan_act acts[] = {PLAN_HOLD, PLAN_ROLLBACK, PLAN_ACT_COUNT};

    return read_act(at, "then", acts, &((struct plan *)into)->on_lost);
}

static int read_heartbeat(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"lost_after", read_lost_after, false},
        {"then", read_heartbeat_then, false},
    };

    return doc_mapping(at, "heartbeat", keys, COUNT(keys), into);
}

static int read_soak(const struct doc_at *at, void *into)
{
    return doc_time(at, "soak", &up_to_a_week, &((struct plan *)into)->soak_ms);
}

static int read_notify(const struct doc_at *at, void *into)
{
    return plan_read_notify(at, into);
}

int plan_read(const struct doc_at *at, struct plan *plan)
{
    /* The order matters: steps are checked against the version's name, and the texts of checks and
     * hooks have names put in. */
    static const struct doc_key keys[] = {
        {"service", read_service, true},
        {"version", read_version, true},
        {"steps", read_steps, true},
        {"evidence", read_evidence, false},
        {"compare", read_compare, false},
        {"checks", read_checks, false},
        {"confidence", read_confidence, false},
        {"on_worse", read_on_worse, false},
        {"live_flows", read_live_flows, false},
        {"no_traffic", read_no_traffic, false},
        {"heartbeat", read_heartbeat, false},
        {"soak", read_soak, false},
        {"notify", read_notify, false},
    };

    plan_defaults(plan);
    plan->place = doc_place(at);
    return doc_mapping(at, "a rollout", keys, COUNT(keys), plan);
}
