// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads how a service is observed and guarded, and refuses rules that nothing can feed. */
#include "spec_guard.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "rule.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct doc_times close_wait_times = {1000, 24 * 3600 * 1000, "1s to 24h"};

static const struct doc_times recover_times = {1000, 3600 * 1000, "1s to 1h"};

static const double BILLION = 1e9;

void spec_guard_defaults(struct service_spec *service)
{
    service->sample_shift = SPEC_SAMPLE_DEFAULT_SHIFT;
    service->guard.false_alarm_ppb = SPEC_FALSE_ALARM_DEFAULT_PPB;
    service->guard.close_wait_after_ms = SPEC_CLOSE_WAIT_DEFAULT_MS;
    service->guard.clients = SPEC_CLIENTS_DEFAULT;
    service->guard.worse_than_baseline = true;
}

int spec_read_sample(const struct doc_at *at, struct service_spec *service)
{
    const char *text;
    int ret = doc_text(at, "sample", &text);
    char known[16];

    if (ret)
        return ret;
    for (unsigned shift = 0; shift <= SPEC_SAMPLE_MAX_SHIFT; shift++) {
        snprintf(known, sizeof(known), "1/%u", 1u << shift);
        if (strcmp(text, known) == 0) {
            service->sample_shift = shift;
            return 0;
        }
    }
    return place_refuse(doc_place(at), at->err,
                        "sample %s is not one in a power of two; 1/1, 1/2, 1/4 and so on to 1/%u "
                        "are allowed",
                        quote(text).text, 1u << SPEC_SAMPLE_MAX_SHIFT);
}

int spec_read_http(const struct doc_at *at, struct service_spec *service)
{
    static const char *const words[] = {"true", "false"};
    char vip[FORMAT_ENDPOINT_MAX];
    size_t index;
    int ret = doc_choice(at, "http", words, COUNT(words), &index);

    if (ret)
        return ret;
    service->http = index == 0;
    if (service->http && service->vip.proto != IPPROTO_TCP)
        return place_refuse(doc_place(at), at->err,
                            "VIP %s is UDP, but plaintext HTTP/1 is read in TCP only; http: false "
                            "is allowed",
                            format_vip(&service->vip, vip));
    return 0;
}

/* --- rules --- */

/* Can the rule's signal be observed by what the file says of the service? */
static int check_signal(const struct rule_spec *rule, const struct service_spec *service,
                        struct error *err)
{
    char text[RULE_TEXT_MAX], vip[FORMAT_ENDPOINT_MAX];

    if (service->vip.proto != IPPROTO_TCP)
        return place_refuse(rule->place, err,
                            "rule %s can't be observed: VIP %s is UDP, and signals are seen in TCP "
                            "only",
                            rule_format(rule, text), format_vip(&service->vip, vip));
    if (signal_infos[rule->signal].needs == FS_NEEDS_HTTP && !service->http)
        return place_refuse(rule->place, err,
                            "rule %s can't be observed: responses are read only with http: true in "
                            "the service",
                            rule_format(rule, text));
    return 0;
}

static int read_rule(const struct doc_at *at, struct service_spec *service)
{
    struct guard_spec *guard = &service->guard;
    struct rule_spec *rule = &guard->rules[guard->rule_count];
    char buf[RULE_TEXT_MAX];
    struct error why;
    const char *text;
    int ret = doc_text(at, "a rule", &text);

    if (ret)
        return ret;
    rule->place = doc_place(at);
    if (rule_parse(text, rule, &why))
        return place_refuse(rule->place, at->err, "%s", why.text);
    for (size_t i = 0; i < guard->rule_count; i++)
        if (rule_same(&guard->rules[i], rule))
            return place_refuse(rule->place, at->err,
                                "rule %s stands already in line %d; once is allowed",
                                rule_format(rule, buf), guard->rules[i].place.line);
    guard->rule_count++;
    return check_signal(rule, service, at->err);
}

static int read_rules(const struct doc_at *at, void *into)
{
    size_t count;
    int ret = doc_list(at, "rules", FS_MAX_RULES, &count);

    if (ret)
        return ret;
    if (!count)
        return place_refuse(doc_place(at), at->err, "rules is an empty list; 1 to %d are allowed",
                            FS_MAX_RULES);
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        ret = read_rule(&item, into);
    }
    return ret;
}

/* --- the guard's other keys --- */

/* Why a text is no false-alarm rate, or NULL with *ppb set. */
static const char *parse_false_alarm(const char *text, unsigned *ppb)
{
    double value, rounded;
    char *end;

    if (text[strspn(text, "0123456789.eE+-")] || !strchr("0123456789.", *text) || !*text)
        return "is no number";
    value = strtod(text, &end) * BILLION;
    rounded = round(value);
    if (*end || end == text)
        return "is no number";
    if (value > SPEC_FALSE_ALARM_MAX_PPB || value < 0.999999)
        return "is out of range";
    /* What is written in decimals has no exact value in binary. */
    if (fabs(value - rounded) > 1e-6)
        return "is not a multiple of 1e-9";
    *ppb = (unsigned)rounded;
    return NULL;
}

static int read_false_alarm(const struct doc_at *at, void *into)
{
    struct service_spec *service = into;
    const char *text, *why;
    int ret = doc_text(at, "false_alarm", &text);

    if (ret)
        return ret;
    why = parse_false_alarm(text, &service->guard.false_alarm_ppb);
    if (why)
        return place_refuse(doc_place(at), at->err,
                            "false_alarm %s %s; 1e-9 to 0.5 is allowed in steps of 1e-9: at most "
                            "once in 1/x outcomes a version that sits at its limit trips by chance",
                            quote(text).text, why);
    return 0;
}

static int read_on_trip(const struct doc_at *at, void *into)
{
    static const char *const words[] = {
        [FS_TRIP_WITHDRAW] = "withdraw", [FS_TRIP_REPORT] = "report"};
    struct service_spec *service = into;
    size_t index;
    int ret = doc_choice(at, "on_trip", words, COUNT(words), &index);

    if (!ret)
        service->guard.on_trip = (enum fs_on_trip)index;
    return ret;
}

static int read_live_flows(const struct doc_at *at, void *into)
{
    struct guard_spec *guard = &((struct service_spec *)into)->guard;

    return doc_live_flows(at, &guard->live_flows, &guard->live_ms);
}

static int read_close_wait_after(const struct doc_at *at, void *into)
{
    struct service_spec *service = into;

    return doc_time(at, "close_wait_after", &close_wait_times, &service->guard.close_wait_after_ms);
}

/* A whole number from 1 to `most`. */
static int read_count(const struct doc_at *at, const char *what, unsigned most, unsigned *count)
{
    struct number number;
    const char *text, *end;
    int ret = doc_text(at, what, &text);

    if (ret)
        return ret;
    end = parse_number(text, &number);
    if (!end || *end || number.digits || !number.whole || number.whole > most)
        return place_refuse(doc_place(at), at->err,
                            "%s %s is not a whole number from 1 to %u, which is allowed", what,
                            quote(text).text, most);
    *count = number.whole;
    return 0;
}

static int read_clients(const struct doc_at *at, void *into)
{
    return read_count(at, "clients", FS_CLIENTS, &((struct service_spec *)into)->guard.clients);
}

static int read_worse(const struct doc_at *at, void *into)
{
    static const char *const words[] = {"false", "true"};
    size_t index;
    int ret = doc_choice(at, "worse_than_baseline", words, COUNT(words), &index);

    if (!ret)
        ((struct service_spec *)into)->guard.worse_than_baseline = index;
    return ret;
}

static int read_recover_after(const struct doc_at *at, void *into)
{
    return doc_time(at, "after", &recover_times, &((struct guard_spec *)into)->recover_ms);
}

static int read_recover_at_most(const struct doc_at *at, void *into)
{
    return read_count(at, "at_most", SPEC_RECOVER_MAX,
                      &((struct guard_spec *)into)->recover_at_most);
}

static int read_recover(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"after", read_recover_after, true},
        {"at_most", read_recover_at_most, true},
    };

    return doc_mapping(at, "recover", keys, COUNT(keys), &((struct service_spec *)into)->guard);
}

int spec_read_guard(const struct doc_at *at, struct service_spec *service)
{
    static const struct doc_key keys[] = {
        {"rules", read_rules, true},
        {"false_alarm", read_false_alarm, false},
        {"on_trip", read_on_trip, false},
        {"live_flows", read_live_flows, false},
        {"close_wait_after", read_close_wait_after, false},
        {"clients", read_clients, false},
        {"worse_than_baseline", read_worse, false},
        {"recover", read_recover, false},
    };
    int ret = doc_mapping(at, "a guard", keys, COUNT(keys), service);

    if (ret)
        return ret;
    if (service->version_count < 2)
        return place_refuse(doc_place(at), at->err,
                            "service \"%s\" has one version; a guard needs another one, the "
                            "baseline, that takes what it withdraws",
                            service->name);
    return 0;
}

/* --- what only the host knows --- */

static bool needs_sockets(const struct rule_spec *rule)
{
    return signal_infos[rule->signal].needs == FS_NEEDS_LOCAL;
}

int guard_check_kernel(const struct service_spec *service,
                       const char *const missing[FS_SIGNAL_COUNT], struct error *err)
{
    const struct guard_spec *guard = &service->guard;
    char text[RULE_TEXT_MAX];

    for (size_t i = 0; i < guard->rule_count; i++) {
        const struct rule_spec *rule = &guard->rules[i];

        if (missing[rule->signal])
            return place_refuse(rule->place, err,
                                "rule %s can't be observed: nothing is at the kernel's tracepoint "
                                "%s, see `flowsplit status`",
                                rule_format(rule, text), missing[rule->signal]);
    }
    return 0;
}

int guard_check_sockets(const struct service_spec *service, const struct version_spec *version,
                        bool (*is_here)(const struct fs_endpoint *), struct error *err)
{
    const struct guard_spec *guard = &service->guard;
    char text[RULE_TEXT_MAX];
    bool here = version->backend_count == 0;

    for (size_t i = 0; i < guard->rule_count; i++) {
        if (!needs_sockets(&guard->rules[i]))
            continue;
        for (size_t b = 0; b < version->backend_count && !here; b++)
            here = is_here(&version->backends[b].at);
        if (!here)
            return place_refuse(guard->rules[i].place, err,
                                "rule %s can't be observed: it needs sockets on this host, and no "
                                "network namespace here has the address of a backend of \"%s\"",
                                rule_format(&guard->rules[i], text), version->name);
    }
    return 0;
}
