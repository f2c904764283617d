// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From JSON to a model: versions, their backends, trips and guards. */
#include "saved_version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "parse.h"
#include "rule.h"
#include "saved_items.h"

#define MAX_SLOTS 65536u /* of a pool of FS_MAX_POOL */

/* --- guards and trips --- */

static int read_rule(const struct saved_reader *reader, const char *text, struct rule_spec *rule)
{
    struct error why;

    if (!text)
        return saved_refuse(reader, "a rule is no text");
    *rule = (struct rule_spec){0};
    return rule_parse(text, rule, &why) ? saved_refuse(reader, "rule \"%.80s\": %s", text, why.text)
                                        : 0;
}

static int read_rules(const struct saved_reader *reader, const json_t *list,
                      struct guard_spec *spec)
{
    if (json_array_size(list) > FS_MAX_RULES)
        return saved_refuse(reader, "more than %d rules", FS_MAX_RULES);
    for (spec->rule_count = 0; spec->rule_count < json_array_size(list); spec->rule_count++) {
        const char *text = json_string_value(json_array_get(list, spec->rule_count));
        int code = read_rule(reader, text, &spec->rules[spec->rule_count]);

        if (code)
            return code;
    }
    return 0;
}

/* Keys that files of format 1 don't have: without them a guard does as it did then. */
static int read_later_keys(const struct saved_reader *reader, const json_t *from,
                           struct guard_spec *spec, uint32_t *recover_ticks)
{
    uint32_t worse = 0;
    int code = saved_number_or(reader, from, "clients", 0, FS_CLIENTS, 1, &spec->clients);

    code = code ? code : saved_number_or(reader, from, "worse_than_baseline", 0, 1, 0, &worse);
    code = code ? code
                : saved_number_or(reader, from, "recover_ticks", 0, INT32_MAX >> SPEC_RECOVER_MAX,
                                  0, recover_ticks);
    code = code ? code
                : saved_number_or(reader, from, "recover_at_most", 0, SPEC_RECOVER_MAX, 0,
                                  &spec->recover_at_most);
    spec->worse_than_baseline = worse;
    return code;
}

int saved_read_guard(const struct saved_reader *reader, const json_t *from, struct fs_guard *guard)
{
    struct guard_spec spec = {0};
    uint32_t on_trip = 0, live_flows = 0, live_ticks = 0, edition = 0, close_wait = 0, alarm = 0,
             recover_ticks = 0;
    int code = read_rules(reader, json_object_get(from, "rules"), &spec);

    code = code ? code : saved_number(reader, from, "on_trip", 0, FS_TRIP_REPORT, &on_trip);
    code = code ? code : saved_number(reader, from, "live_flows", 0, FS_LIVE_CUT, &live_flows);
    code = code ? code : saved_number(reader, from, "live_ticks", 0, UINT32_MAX, &live_ticks);
    code = code ? code : saved_number(reader, from, "edition", 0, UINT32_MAX, &edition);
    code =
        code ? code : saved_number(reader, from, "close_wait_after_ms", 0, UINT32_MAX, &close_wait);
    code = code
               ? code
               : saved_number(reader, from, "false_alarm_ppb", 1, SPEC_FALSE_ALARM_MAX_PPB, &alarm);
    code = code ? code : read_later_keys(reader, from, &spec, &recover_ticks);
    if (code)
        return code;
    spec.on_trip = (enum fs_on_trip)on_trip;
    spec.live_flows = (enum fs_live_flows)live_flows;
    spec.close_wait_after_ms = close_wait;
    spec.false_alarm_ppb = alarm;
    guard_build(&spec, guard);
    guard->live_ticks = live_ticks;
    guard->recover_ticks = recover_ticks;
    guard->edition = edition;
    return 0;
}

/* Of a rule, what is told of it. */
static int read_cause(const struct saved_reader *reader, const char *why, struct fs_trip *trip)
{
    struct rule_spec rule;
    int code;

    if (trip->rule == FS_RULE_BY_HAND || trip->rule == FS_RULE_ROLLOUT ||
        trip->rule == FS_RULE_HEARTBEAT)
        return 0;
    code = read_rule(reader, why, &rule);
    trip->cause = (struct fs_rule){.signal = rule.signal,
                                   .share_ppm = rule.share_ppm,
                                   .limit_ns = rule.limit_ns,
                                   .hold_ns = rule.hold_ms * 1000000ULL};
    return code;
}

/* Back to CLOCK_MONOTONIC, for which it may be before zero: modulo 2^64 that does no harm. */
static uint64_t time_back(const struct saved_reader *reader, json_int_t ns)
{
    return ns ? (uint64_t)ns - reader->realtime_0 : 0;
}

/* What trips of format 1 don't tell. */
static int read_later_trip(const struct saved_reader *reader, const json_t *from,
                           struct fs_trip *trip)
{
    json_int_t back = 0, total = 0, bad = 0;
    int code = saved_unpack(reader, from, "{s?I, s?I, s?I}", "back", &back, "baseline_total",
                            &total, "baseline_bad", &bad);

    code = code ? code : saved_number_or(reader, from, "clients", 0, FS_CELLS, 0, &trip->clients);
    code =
        code ? code
             : saved_number_or(reader, from, "recovered", 0, SPEC_RECOVER_MAX, 0, &trip->recovered);
    code = code ? code
                : saved_number_or(reader, from, "baseline_breaks", 0, 1, 0, &trip->baseline_breaks);
    trip->back_ns = time_back(reader, back);
    trip->baseline_total = (uint64_t)total;
    trip->baseline_bad = (uint64_t)bad;
    return code;
}

int saved_read_trip(const struct saved_reader *reader, const json_t *from,
                    struct draft_version *version)
{
    json_int_t total, bad, score, first_bad, time, last_new, diverted;
    struct fs_trip *trip = &version->trip;
    const char *why;
    int withdrawn, code;

    version->act = HEALTH_RESTORE;
    if (json_is_null(from))
        return 0;
    code = saved_number(reader, from, "rule", 0, UINT32_MAX, &trip->rule);
    code = code ? code
                : saved_unpack(reader, from, "{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                               "withdrawn", &withdrawn, "why", &why, "total", &total, "bad", &bad,
                               "score", &score, "first_bad", &first_bad, "time", &time, "last_new",
                               &last_new, "first_diverted", &diverted);
    code = code ? code : read_later_trip(reader, from, trip);
    if (code)
        return code;
    trip->state = withdrawn ? FS_TRIP_WITHDRAWN : FS_TRIP_REPORTED;
    trip->total = (uint64_t)total;
    trip->bad = (uint64_t)bad;
    trip->score = score;
    trip->first_bad_ns = time_back(reader, first_bad);
    trip->trip_ns = time_back(reader, time);
    trip->last_new_ns = time_back(reader, last_new);
    trip->diverted_ns = time_back(reader, diverted);
    return read_cause(reader, why, trip);
}

/* --- backends --- */

static int read_backend(const struct saved_reader *reader, const json_t *from, uint32_t service,
                        uint32_t version, uint32_t *number)
{
    struct model *model = reader->model;
    const struct fs_endpoint *vip = &model->services[service].record.vip;
    struct fs_endpoint at;
    struct error why;
    const char *text;
    int local, code = saved_unpack(reader, from, "{s:s, s:b}", "at", &text, "local", &local);

    code = code ? code : saved_number(reader, from, "number", 0, FS_MAX_BACKENDS - 1, number);
    if (code)
        return code;
    if (parse_backend(text, &at, &why))
        return saved_refuse(reader, "%s", why.text);
    if (at.family != vip->family)
        return saved_refuse(reader, "backend %s is of another family than the VIP", text);
    at.proto = vip->proto;
    if (model_backend_put(model, *number, service, version, &at, &why) < 0)
        return saved_refuse(reader, "%s", why.text);
    model->backends[*number].flags |= FS_BACKEND_IN_POOL | (local ? FS_BACKEND_LOCAL : 0);
    return 0;
}

static int read_backends(const struct saved_reader *reader, const json_t *list, uint32_t service,
                         uint32_t number, struct draft_version *version)
{
    size_t count = json_array_size(list);

    if (count > FS_MAX_POOL)
        return saved_refuse(reader, "version %s has more than %d backends", version->name,
                            FS_MAX_POOL);
    version->members = calloc(count + 1, sizeof(*version->members));
    if (!version->members)
        return error_set(reader->err, -ENOMEM, "out of memory");
    for (; version->member_count < count; version->member_count++) {
        int code = read_backend(reader, json_array_get(list, version->member_count), service,
                                number, &version->members[version->member_count]);

        if (code)
            return code;
    }
    return 0;
}

/* --- slots --- */

static int check_slots(const struct saved_reader *reader, const struct draft_version *version,
                       uint32_t service, uint32_t number)
{
    const struct model *model = reader->model;

    for (uint32_t i = 0; i < version->slot_count; i++) {
        const struct split_item *slot = &version->slots[i];
        const struct fs_backend *former;

        if (slot->owner == SPLIT_NOBODY)
            return saved_refuse(reader, "slot %u of version %s is nobody's", i, version->name);
        if (slot->previous == SPLIT_NOBODY)
            continue;
        former = slot->previous < model->backend_count ? &model->backends[slot->previous] : NULL;
        if (!former || !(former->flags & FS_BACKEND_USED) || former->service != service ||
            former->version != number)
            return saved_refuse(reader, "slot %u of version %s was backend %u's, which it hasn't",
                                i, version->name, slot->previous);
    }
    return 0;
}

static int read_slots(const struct saved_reader *reader, const json_t *backends,
                      struct draft_version *version)
{
    struct error why;

    version->slots = calloc((size_t)version->slot_count + 1, sizeof(*version->slots));
    if (!version->slots)
        return error_set(reader->err, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < version->slot_count; i++)
        version->slots[i] = (struct split_item){.owner = SPLIT_NOBODY, .previous = SPLIT_NOBODY};
    for (uint32_t i = 0; i < version->member_count; i++) {
        const char *text = json_string_value(json_object_get(json_array_get(backends, i), "slots"));

        if (!text)
            return saved_refuse(reader, "a backend's slots are missing");
        if (saved_items_read(text, version->slots, version->slot_count, version->members[i], &why))
            return saved_refuse(reader, "slots of version %s: %s", version->name, why.text);
    }
    return 0;
}

static int read_pool(const struct saved_reader *reader, const json_t *from, uint32_t service,
                     uint32_t number, struct draft_version *version)
{
    const json_t *backends = json_object_get(from, "backends");
    int code = saved_number(reader, from, "slot_count", 0, MAX_SLOTS, &version->slot_count);

    if (!code && (version->slot_count & (version->slot_count - 1)) != 0)
        code = saved_refuse(reader, "%u slots are no power of two", version->slot_count);
    if (!code && !version->slot_count != !json_array_size(backends))
        code = saved_refuse(reader, "version %s has slots without backends, or the reverse",
                            version->name);
    code = code ? code : read_backends(reader, backends, service, number, version);
    code = code ? code : read_slots(reader, backends, version);
    return code ? code : check_slots(reader, version, service, number);
}

/* --- versions --- */

static bool rank_is_taken(const struct draft *draft, uint32_t rank)
{
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (draft->versions[i].state != FS_VERSION_NONE && draft->versions[i].rank == rank)
            return true;
    return false;
}

/* One that is not to be observed may be among many. */
static int take_health(const struct saved_reader *reader, uint32_t slot,
                       struct draft_version *version)
{
    if (slot != FS_NO_HEALTH && !model_health_reserve(reader->model, slot))
        return saved_refuse(reader, "health slot %u is taken", slot);
    version->health = slot;
    return 0;
}

int saved_read_version(const struct saved_reader *reader, const json_t *from, uint32_t service)
{
    struct draft *draft = reader->model->services[service].draft;
    uint32_t number = 0, rank = 0, health = 0;
    struct draft_version *version;
    struct error why;
    const char *name;
    int withdrawn,
        code = saved_unpack(reader, from, "{s:s, s:b}", "name", &name, "withdrawn", &withdrawn);

    code = code ? code : saved_number(reader, from, "number", 0, FS_VERSION_SLOTS - 1, &number);
    code = code ? code : saved_number(reader, from, "rank", 0, FS_MAX_VERSIONS - 1, &rank);
    code = code ? code : saved_number(reader, from, "health", 0, FS_NO_HEALTH, &health);
    if (code)
        return code;
    version = &draft->versions[number];
    if (parse_name("version name", name, &why))
        return saved_refuse(reader, "%s", why.text);
    if (version->state != FS_VERSION_NONE || draft_version_find(draft, name) >= 0 ||
        rank_is_taken(draft, rank))
        return saved_refuse(reader, "version %.64s, its number or its rank stands twice", name);
    snprintf(version->name, sizeof(version->name), "%s", name);
    version->state = FS_VERSION_DECLARED;
    version->rank = rank;
    version->withdrawn = withdrawn;
    version->trip_state = withdrawn; /* at some moment before */
    code = saved_number(reader, from, "weight_bp", 0, FS_BUCKETS, &version->weight_bp);
    code = code ? code : take_health(reader, health, version);
    code = code ? code : saved_read_trip(reader, json_object_get(from, "trip"), version);
    return code ? code : read_pool(reader, from, service, number, version);
}
