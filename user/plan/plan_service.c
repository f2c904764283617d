// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks a plan against a service: versions, rules, and the weights of every step in turn. */
#include "plan_service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "rule.h"

struct plan_service plan_service_declared(const struct service_spec *spec)
{
    struct plan_service service = {
        .name = spec->name,
        .version_count = spec->version_count,
        .baseline = spec->baseline,
        .proto = spec->vip.proto,
        .http = spec->http,
        .local = true,
    };

    for (size_t i = 0; i < spec->version_count; i++)
        service.versions[i] = (struct plan_version){
            .name = spec->versions[i].name,
            .declared = true,
            .has_backends = spec->versions[i].backend_count > 0,
            .weight_bp = spec->versions[i].weight_bp,
        };
    return service;
}

/* --- versions --- */

static int refuse_version(const struct plan_service *service, const char *name, struct place place,
                          struct error *err)
{
    char known[600] = "";

    for (size_t i = 0; i < service->version_count; i++) {
        const struct plan_version *version = &service->versions[i];

        if (!version->declared || strlen(known) + strlen(version->name) + 3 > sizeof(known))
            continue;
        strcat(known, *known ? ", " : "");
        strcat(known, version->name);
    }
    return place_refuse(place, err, "service \"%s\" has no version \"%s\"; it has %s",
                        service->name, name, known);
}

/* Its index, or -EINVAL. */
static int find_version(const struct plan_service *service, const char *name, struct place place,
                        struct error *err)
{
    for (size_t i = 0; i < service->version_count; i++)
        if (service->versions[i].declared && strcmp(service->versions[i].name, name) == 0)
            return (int)i;
    return refuse_version(service, name, place, err);
}

static int check_version(const struct plan *plan, const struct plan_service *service,
                         struct error *err)
{
    int number = find_version(service, plan->version, plan->version_place, err);

    if (number < 0)
        return number;
    if ((unsigned)number == service->baseline)
        return place_refuse(plan->version_place, err,
                            "version \"%s\" is the baseline of service \"%s\", which the rollout "
                            "of another one is compared with; a rollout is for another version",
                            plan->version, service->name);
    return 0;
}

/* --- rules --- */

static int check_rule(const struct compare_rule *rule, const struct plan_service *service,
                      struct error *err)
{
    enum fs_signal_needs needs = signal_infos[rule->signal].needs;
    char text[COMPARE_TEXT_MAX];
    const char *why = NULL;

    if (service->proto != IPPROTO_TCP)
        why = "its VIP is UDP, and signals are seen in TCP only";
    else if (needs == FS_NEEDS_HTTP && !service->http)
        why = "responses are read only with http: true in the service";
    else if (needs == FS_NEEDS_LOCAL && !service->local)
        why = "it needs sockets of both versions' backends on this host";
    if (!why)
        return 0;
    return place_refuse(rule->place, err, "rule %s can't be observed on service \"%s\": %s",
                        compare_format(rule, text), service->name, why);
}

/* --- weights --- */

/* A rollout that is gone through. */
struct course {
    const struct plan_service *service;
    unsigned bp[FS_VERSION_SLOTS];
    size_t step; /* from 1 */
    struct error *err;
};

/* Gives the baseline the rest, unless it is named itself. */
static int settle(struct course *course, struct place place, bool baseline_named)
{
    const struct plan_service *service = course->service;
    const char *baseline = service->versions[service->baseline].name;
    unsigned sum = 0;
    char text[16];

    if (!baseline_named)
        course->bp[service->baseline] = 0;
    for (size_t i = 0; i < service->version_count; i++)
        sum += course->bp[i];
    if (baseline_named && sum != FS_BUCKETS)
        return place_refuse(place, course->err,
                            "step %zu: the weights of service \"%s\", with those kept, come to %s; "
                            "with the baseline \"%s\" named they must come to 100%%",
                            course->step, service->name, format_weight(sum, text), baseline);
    if (sum > FS_BUCKETS)
        return place_refuse(place, course->err,
                            "step %zu: the weights of service \"%s\", with those kept, come to %s; "
                            "at most 100%% can be given, and the baseline \"%s\" takes the rest",
                            course->step, service->name, format_weight(sum, text), baseline);
    course->bp[service->baseline] += FS_BUCKETS - sum;
    return 0;
}

static int check_pools(const struct course *course, struct place place)
{
    const struct plan_service *service = course->service;
    char text[16];

    for (size_t i = 0; i < service->version_count; i++)
        if (course->bp[i] && !service->versions[i].has_backends)
            return place_refuse(place, course->err,
                                "step %zu: version \"%s\" of service \"%s\" would get %s, but has "
                                "no backends",
                                course->step, service->versions[i].name, service->name,
                                format_weight(course->bp[i], text));
    return 0;
}

static int go_set(struct course *course, const struct plan_step *step)
{
    bool baseline_named = false;
    int ret;

    for (size_t i = 0; i < step->weight_count; i++) {
        const struct plan_weight *weight = &step->weights[i];
        int number = find_version(course->service, weight->version, weight->place, course->err);

        if (number < 0)
            return number;
        course->bp[number] = weight->weight_bp;
        baseline_named |= (unsigned)number == course->service->baseline;
    }
    ret = settle(course, step->place, baseline_named);
    return ret ? ret : check_pools(course, step->place);
}

/* The first weight and the last: between these, no version has more than with one of them, and none
 * has something that hasn't with the first. */
static int go_ramp(struct course *course, const struct plan_step *step, unsigned number)
{
    unsigned from = course->bp[number];
    const unsigned stages[] = {plan_ramp_next(step, from), step->to_bp};
    char has[16], to[16];
    int ret = 0;

    if (step->to_bp <= from)
        return place_refuse(step->place, course->err,
                            "step %zu: a ramp to %s, but version \"%s\" has %s by then; a ramp to "
                            "more is allowed",
                            course->step, format_weight(step->to_bp, to),
                            course->service->versions[number].name, format_weight(from, has));
    for (size_t i = 0; i < 2 && !ret; i++) {
        course->bp[number] = stages[i];
        ret = settle(course, step->place, false);
        ret = ret ? ret : check_pools(course, step->place);
    }
    return ret;
}

static int check_steps(const struct plan *plan, const struct plan_service *service, unsigned number,
                       struct error *err)
{
    struct course course = {.service = service, .err = err};
    int ret = 0;

    for (size_t i = 0; i < service->version_count; i++)
        course.bp[i] = service->versions[i].weight_bp;
    for (size_t i = 0; i < plan->step_count && !ret; i++) {
        const struct plan_step *step = &plan->steps[i];

        course.step = i + 1;
        if (step->kind == STEP_SET)
            ret = go_set(&course, step);
        else if (step->kind == STEP_RAMP)
            ret = go_ramp(&course, step, number);
    }
    return ret;
}

int plan_check(const struct plan *plan, const struct plan_service *service, struct error *err)
{
    int number, ret = check_version(plan, service, err);

    for (size_t i = 0; !ret && i < plan->rule_count; i++)
        ret = check_rule(&plan->rules[i], service, err);
    if (ret)
        return ret;
    number = find_version(service, plan->version, plan->version_place, err);
    return check_steps(plan, service, (unsigned)number, err);
}
