// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a model to JSON. A value that can't be made is NULL, and makes all that would hold it NULL:
 * json_pack() then lets go of the rest. */
#include "saved.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flowsplit/version.h>

#include "health.h"
#include "parse.h"
#include "rule.h"
#include "saved_items.h"

/* JSON's integers have a sign. */
static json_t *word_json(uint64_t word)
{
    char text[24];

    snprintf(text, sizeof(text), "%016" PRIx64, word);
    return json_string(text);
}

static json_t *integer(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *text_json(char *text)
{
    json_t *string = text ? json_string(text) : NULL;

    free(text);
    return string;
}

/* Appends to a list, which becomes NULL if that fails. */
static json_t *append(json_t *list, json_t *item)
{
    if (list && json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

/* --- trips and guards --- */

/* Times count from another moment after a reboot, so they are saved as CLOCK_REALTIME. */
static json_t *time_json(const struct saved_source *source, uint64_t ns)
{
    return integer(ns ? ns + source->realtime_0 : 0);
}

/* One that only now withdraws the version comes too late to be saved. */
static json_t *trip_json(const struct saved_source *source, const struct draft_version *version)
{
    const struct fs_trip *trip;
    char why[RULE_TEXT_MAX];

    if (version->health >= FS_HEALTH_SLOTS)
        return json_null();
    trip = &source->health[version->health].trip;
    if (!trip->trip_ns || (trip->state == FS_TRIP_WITHDRAWN) != version->withdrawn ||
        trip->state == FS_TRIP_NONE)
        return json_null();
    return json_pack(
        "{s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "withdrawn", trip->state == FS_TRIP_WITHDRAWN, "why", health_trip_why(trip, why), "rule",
        integer(trip->rule), "total", integer(trip->total), "bad", integer(trip->bad), "score",
        integer((uint64_t)trip->score), "first_bad", time_json(source, trip->first_bad_ns), "time",
        time_json(source, trip->trip_ns), "last_new", time_json(source, trip->last_new_ns),
        "first_diverted", time_json(source, trip->diverted_ns), "back",
        time_json(source, trip->back_ns), "clients", integer(trip->clients), "recovered",
        integer(trip->recovered), "baseline_total", integer(trip->baseline_total), "baseline_bad",
        integer(trip->baseline_bad), "baseline_breaks", integer(trip->baseline_breaks));
}

static json_t *rules_json(const struct fs_guard *guard)
{
    json_t *list = json_array();
    char text[RULE_TEXT_MAX];

    for (uint32_t i = 0; i < guard->rule_count; i++)
        list = append(list, json_string(rule_text(&guard->rules[i], text)));
    return list;
}

static json_t *guard_json(const struct fs_guard *guard)
{
    return json_pack("{s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o}", "rules",
                     rules_json(guard), "on_trip", guard->on_trip, "live_flows", guard->live_flows,
                     "live_ticks", integer(guard->live_ticks), "close_wait_after_ms",
                     integer(guard->close_wait_after_ms), "false_alarm_ppb",
                     integer(guard->false_alarm_ppb), "edition", integer(guard->edition), "clients",
                     guard->clients, "worse_than_baseline", guard->worse_than_baseline,
                     "recover_ticks", integer(guard->recover_ticks), "recover_at_most",
                     integer(guard->recover_at_most));
}

/* --- buckets and slots --- */

/* Copies items, with a former owner only if `stays` it. NULL when out of memory. */
static struct split_item *settled(const struct split_item *items, size_t count, const bool *stays,
                                  size_t owners)
{
    struct split_item *copy = calloc(count + 1, sizeof(*copy));

    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = items[i];
        if (copy[i].previous >= owners || !stays[copy[i].previous])
            copy[i].previous = SPLIT_NOBODY;
    }
    return copy;
}

/* Owner 0 of a list of its own. */
static void list_control(const struct draft *draft, struct split_item *items)
{
    uint32_t order = 0;

    split_init(items, FS_BUCKETS);
    for (int i = 0; i < FS_BUCKETS; i++) {
        if (!draft->in_control[i] || draft->buckets[i].owner != draft->baseline)
            continue;
        items[i].owner = 0;
        items[i].order = order;
        order++;
    }
}

static json_t *control_json(const struct draft *draft)
{
    struct split_item *items;
    json_t *json;

    if (draft->control == FS_NO_HEALTH)
        return json_null();
    items = calloc(FS_BUCKETS, sizeof(*items));
    if (!items)
        return NULL;
    list_control(draft, items);
    json = json_pack("{s:o, s:o}", "health", integer(draft->control), "buckets",
                     text_json(saved_items_text(items, FS_BUCKETS, 0)));
    free(items);
    return json;
}

static json_t *backend_json(const struct fs_backend *backend, uint32_t number,
                            const struct split_item *slots, uint32_t slot_count)
{
    char at[FORMAT_ENDPOINT_MAX];

    return json_pack("{s:o, s:s, s:b, s:o}", "number", integer(number), "at",
                     format_endpoint(&backend->at, at), "local",
                     (backend->flags & FS_BACKEND_LOCAL) != 0, "slots",
                     text_json(saved_items_text(slots, slot_count, number)));
}

static json_t *backends_json(const struct model *model, const struct draft_version *version)
{
    bool *stays = calloc(FS_MAX_BACKENDS, sizeof(*stays));
    struct split_item *slots = NULL;
    json_t *list = json_array();

    for (uint32_t i = 0; stays && i < version->member_count; i++)
        stays[version->members[i]] = true;
    if (stays)
        slots = settled(version->slots, version->slot_count, stays, FS_MAX_BACKENDS);
    for (uint32_t i = 0; i < version->member_count; i++) {
        uint32_t number = version->members[i];

        list = append(
            list, slots ? backend_json(&model->backends[number], number, slots, version->slot_count)
                        : NULL);
    }
    free(slots);
    free(stays);
    return list;
}

/* --- versions and services --- */

static json_t *version_json(const struct saved_source *source, const struct draft_version *version,
                            uint32_t number, const struct split_item *buckets)
{
    uint32_t slots = version->member_count ? version->slot_count : 0;

    return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "number",
                     integer(number), "name", version->name, "weight_bp",
                     integer(version->weight_bp), "rank", integer(version->rank), "withdrawn",
                     version->withdrawn, "health", integer(version->health), "trip",
                     trip_json(source, version), "buckets",
                     text_json(saved_items_text(buckets, FS_BUCKETS, number)), "slot_count",
                     integer(slots), "backends", backends_json(source->model, version));
}

/* Those that are declared, by their rank, as in the service's file. */
static json_t *versions_json(const struct saved_source *source, const struct draft *draft)
{
    bool stays[FS_VERSION_SLOTS];
    struct split_item *buckets;
    json_t *list = json_array();

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        stays[i] = draft->versions[i].state == FS_VERSION_DECLARED;
    buckets = settled(draft->buckets, FS_BUCKETS, stays, FS_VERSION_SLOTS);
    for (uint32_t rank = 0; rank < FS_MAX_VERSIONS; rank++)
        for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
            if (stays[i] && draft->versions[i].rank == rank)
                list = append(list, buckets ? version_json(source, &draft->versions[i], i, buckets)
                                            : NULL);
    free(buckets);
    return list;
}

static json_t *service_json(const struct saved_source *source, uint32_t number)
{
    const struct fs_service *record = &source->model->services[number].record;
    const struct draft *draft = model_draft(source->model, number);
    char vip[FORMAT_ENDPOINT_MAX];

    if (!draft)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o}",
                     "name", draft->name, "vip", format_vip(&record->vip, vip), "mode",
                     format_mode((enum fs_mode)record->mode), "affinity",
                     format_affinity((enum fs_affinity)record->affinity), "id", integer(record->id),
                     "salt", word_json(record->salt), "generation", integer(draft->generation),
                     "drain_ms", integer(draft->drain_ms), "sample", integer(record->sample),
                     "http", record->http, "adopt", record->adopt & FS_ADOPT_WANTED, "baseline",
                     integer(draft->baseline), "guard", guard_json(&draft->guard), "control",
                     control_json(draft), "versions", versions_json(source, draft));
}

static json_t *services_json(const struct saved_source *source)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < source->model->service_count; i++)
        list = append(list, service_json(source, i));
    return list;
}

static json_t *instance_json(const struct model *model)
{
    const struct fs_hash_key *key = &model->key;

    return json_pack("{s:[oo], s:[oo], s:o, s:o}", "key_add", word_json(key->add[0]),
                     word_json(key->add[1]), "key_mul", word_json(key->mul[0]),
                     word_json(key->mul[1]), "created_ns", integer(model->created_ns),
                     "next_service", integer(model->next_service));
}

json_t *saved_contents(const struct saved_source *source)
{
    json_t *contents =
        json_pack("{s:s, s:o, s:[], s:o}", "by", FLOWSPLIT_VERSION, "instance",
                  instance_json(source->model), "interfaces", "services", services_json(source));

    for (int i = 0; contents && i < source->iface_count; i++)
        if (source->ifaces[i].mode != IFACE_NONE &&
            saved_iface_add(contents, source->ifaces[i].name, source->ifaces[i].mode)) {
            json_decref(contents);
            contents = NULL;
        }
    return contents;
}
