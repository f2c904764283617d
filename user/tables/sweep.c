// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes moved buckets and slots to rest. */
#include "sweep.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <flowsplit/steer.h>

/* The data path records for FS_MARGIN_TICKS longer than the bucket moves; the rest is for a packet
 * that read the clock just before. */
#define SETTLE_TICKS (FS_MARGIN_TICKS + 4)

/* What the entries say about one service. */
struct marks {
    bool bucket[FS_BUCKETS];      /* has an exception */
    bool *slot[FS_VERSION_SLOTS]; /* likewise */
};

struct sweeper {
    struct model *model;
    const struct maps *maps;
    const struct fs_hash_key *key;
    uint32_t now;
    bool only_count;
    struct sweep_result *result;
    bool *in_use;         /* backends that an entry names */
    struct marks **marks; /* by service */
};

static const struct fs_table *table_of(const struct sweeper *sweeper, uint32_t service)
{
    return fs_at(struct fs_table, sweeper->model->arena,
                 sweeper->model->services[service].record.table);
}

static bool is_past(const struct sweeper *sweeper, uint32_t since, uint32_t ticks)
{
    return !fs_before(sweeper->now, since, ticks);
}

/* Is the entry's flow over, as far as its entry tells? */
static bool flow_is_over(const struct sweeper *sweeper, enum flow_map map,
                         const struct fs_flow *flow)
{
    uint32_t fins = FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN;

    if (map == FLOW_MAP_UDP)
        return is_past(sweeper, flow->seen, FS_ANSWER_UDP_TICKS);
    if (map == FLOW_MAP_UNPROVEN)
        return is_past(sweeper, flow->seen, FS_UNPROVEN_TICKS);
    if ((flow->flags & fins) == fins || flow->flags & (FS_FLOW_CLIENT_RST | FS_FLOW_BACKEND_RST))
        return is_past(sweeper, flow->seen, FS_CLOSED_TICKS);
    if (flow->flags & FS_FLOW_CLIENT_FIN)
        return is_past(sweeper, flow->seen, FS_HALF_CLOSED_TICKS);
    return is_past(sweeper, flow->seen, FS_IDLE_TCP_TICKS);
}

static const struct fs_backend *backend_by_id(const struct model *model, uint32_t id)
{
    uint32_t number = id & FS_SLOT_BACKEND;
    const struct fs_backend *backend = &model->backends[number];

    if (number >= model->backend_count || backend->id != id || !(backend->flags & FS_BACKEND_USED))
        return NULL;
    return backend;
}

/* As the data path has it: the backend is on record, and its version's live flows aren't cut. */
static bool leads_anywhere(const struct sweeper *sweeper, const struct fs_flow *flow)
{
    const struct fs_backend *backend = backend_by_id(sweeper->model, flow->backend);

    return backend && !fs_is_cut(fs_trip_of(sweeper->model->trips,
                                            table_of(sweeper, backend->service), backend->version),
                                 sweeper->now);
}

static int service_by_id(const struct model *model, uint32_t id)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        if (model->services[i].record.id == id)
            return (int)i;
    return -1;
}

/* Notes that a flow is elsewhere than the hash says. */
static void mark(struct sweeper *sweeper, uint32_t service, const struct fs_place *place)
{
    struct marks *marks = sweeper->marks[service];

    if (!marks)
        return;
    marks->bucket[place->bucket] = true;
    if (marks->slot[place->version])
        marks->slot[place->version][place->slot] = true;
}

/* An entry of a service's flow. Returns true if it is to be dropped. */
static bool visit_flow(struct sweeper *sweeper, uint32_t service, const struct fs_flow_key *key,
                       const struct fs_flow *flow)
{
    const struct fs_service *record = &sweeper->model->services[service].record;
    const struct fs_table *table = table_of(sweeper, service);
    uint64_t hash = fs_hash_client(sweeper->key, record->salt, key->addr, key->port_be,
                                   record->vip.family, record->affinity);
    struct fs_place place =
        fs_place_current(sweeper->model->arena, sweeper->model->trips, table, hash);
    struct fs_former former;
    bool agrees = place.backend == (flow->backend & FS_SLOT_BACKEND);

    if (record->vip.proto != IPPROTO_UDP) {
        fs_place_former(sweeper->model->arena, sweeper->model->trips, table, hash, sweeper->now,
                        SETTLE_TICKS, &former);
        if (!former.recording && (agrees || !place.unsettled))
            return true;
    }
    if (!agrees)
        mark(sweeper, service, &place);
    return false;
}

static bool visit(void *context, enum flow_map map, const struct fs_flow_key *key,
                  const struct fs_flow *flow)
{
    struct sweeper *sweeper = context;
    bool direct = key->scope & FS_SCOPE_DIRECT;
    int service = direct ? -1 : service_by_id(sweeper->model, key->scope);

    if (sweeper->only_count) {
        if (service >= 0)
            sweeper->result->entries[service]++;
        return false;
    }
    if (!leads_anywhere(sweeper, flow) || flow_is_over(sweeper, map, flow))
        return true;
    if (direct)
        return false;
    if (service < 0)
        return true;
    if (sweeper->model->services[service].record.vip.proto == IPPROTO_UDP &&
        is_past(sweeper, flow->seen, FS_IDLE_UDP_TICKS))
        return false; /* what comes next begins a new flow; the backend may still answer */
    if (visit_flow(sweeper, (uint32_t)service, key, flow))
        return true;
    sweeper->result->entries[service]++;
    sweeper->in_use[flow->backend & FS_SLOT_BACKEND] = true;
    return false;
}

/* Is there anything in the service's table that could come to rest? */
static bool is_restless(const struct sweeper *sweeper, uint32_t service)
{
    const struct fs_table *table = table_of(sweeper, service);

    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        if (table->owner[i] & FS_OWNER_UNSETTLED)
            return true;
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        const uint32_t *cells = fs_at(uint32_t, sweeper->model->arena, table->pool[i].slots);

        if (table->versions[i].state == FS_VERSION_RETIRED)
            return true;
        for (uint32_t j = 0; j < table->pool[i].slot_count; j++)
            if (cells[j] & FS_SLOT_UNSETTLED)
                return true;
    }
    for (uint32_t i = 0; i < sweeper->model->backend_count; i++) {
        const struct fs_backend *backend = &sweeper->model->backends[i];

        if (backend->service == service &&
            (backend->flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) == FS_BACKEND_USED)
            return true;
    }
    return false;
}

static struct marks *marks_new(const struct draft *draft)
{
    struct marks *marks = calloc(1, sizeof(*marks));

    for (int i = 0; marks && i < FS_VERSION_SLOTS; i++)
        if (draft->versions[i].slot_count)
            marks->slot[i] = calloc(draft->versions[i].slot_count, sizeof(bool));
    return marks;
}

static void marks_free(struct marks *marks)
{
    for (int i = 0; marks && i < FS_VERSION_SLOTS; i++)
        free(marks->slot[i]);
    free(marks);
}

static bool settle_items(const struct sweeper *sweeper, struct split_item *items, size_t count,
                         const bool *marked)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!items[i].unsettled || !is_past(sweeper, items[i].moving_until, SETTLE_TICKS) ||
            (marked && marked[i]))
            continue;
        items[i].unsettled = false;
        any = true;
    }
    return any;
}

/* Does any bucket lead to this version, or may a packet still be sent to it? */
static bool version_is_needed(const struct draft *draft, uint32_t version)
{
    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        if (draft->buckets[i].owner == version ||
            (draft->buckets[i].unsettled && draft->buckets[i].previous == version))
            return true;
    return false;
}

static bool slots_need(const struct draft_version *version, uint32_t backend)
{
    for (uint32_t i = 0; i < version->slot_count; i++)
        if (version->slots[i].owner == backend ||
            (version->slots[i].unsettled && version->slots[i].previous == backend))
            return true;
    return false;
}

static void forget_previous(struct split_item *items, size_t count, uint32_t owner)
{
    for (size_t i = 0; i < count; i++)
        if (!items[i].unsettled && items[i].previous == owner)
            items[i].previous = SPLIT_NOBODY;
}

/* Drops backends that left their pool and that nothing refers to any more. A handshake that one has
 * answered, and its client not yet acknowledged, is in no table that could be looked through. */
static bool drop_backends(struct sweeper *sweeper, uint32_t service, struct draft *draft)
{
    struct fs_backend_counters counters;
    bool any = false;

    for (uint32_t i = 0; i < sweeper->model->backend_count; i++) {
        const struct fs_backend *backend = &sweeper->model->backends[i];
        struct draft_version *version = &draft->versions[backend->version];

        if (backend->service != service || sweeper->in_use[i] ||
            (backend->flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) != FS_BACKEND_USED ||
            slots_need(version, i) ||
            !is_past(sweeper, sweeper->model->left[i], fs_ticks(draft->drain_ms) + SETTLE_TICKS))
            continue;
        forget_previous(version->slots, version->slot_count, i);
        if (maps_backend_counters(sweeper->maps, i, &counters) == 0)
            maps_add_counters(&version->gone, &counters);
        model_backend_drop(sweeper->model, i);
        any = true;
    }
    return any;
}

/* A retired version goes when no bucket leads to it, and then none of its backends is needed. */
static bool drop_versions(struct sweeper *sweeper, uint32_t service, struct draft *draft)
{
    bool any = false;

    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        struct draft_version *version = &draft->versions[i];

        if (version->state != FS_VERSION_RETIRED || version_is_needed(draft, i))
            continue;
        if (version->slot_count) {
            version->slot_count = 0;
            any = true;
        }
        if (model_version_has_backends(sweeper->model, service, i))
            continue;
        forget_previous(draft->buckets, FS_BUCKETS, i);
        draft_version_clear(version);
        any = true;
    }
    return any;
}

static void settle(struct sweeper *sweeper, uint32_t service)
{
    struct model_service *entry = &sweeper->model->services[service];
    const struct marks *marks = sweeper->marks[service];
    struct draft *draft = entry->draft;
    bool changed = settle_items(sweeper, draft->buckets, FS_BUCKETS, marks->bucket);

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        changed |= settle_items(sweeper, draft->versions[i].slots, draft->versions[i].slot_count,
                                marks->slot[i]);
    changed |= drop_versions(sweeper, service, draft);
    changed |= drop_backends(sweeper, service, draft);
    changed |= drop_versions(sweeper, service, draft);
    entry->changed |= changed;
    sweeper->model->changed |= changed;
}

static int prepare(struct sweeper *sweeper)
{
    struct model *model = sweeper->model;

    sweeper->in_use = calloc(FS_MAX_BACKENDS, sizeof(bool));
    sweeper->marks = calloc(FS_MAX_SERVICES, sizeof(*sweeper->marks));
    if (!sweeper->in_use || !sweeper->marks)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->service_count; i++) {
        if (!is_restless(sweeper, i))
            continue;
        if (!model_draft(model, i) || !(sweeper->marks[i] = marks_new(model->services[i].draft)))
            return -ENOMEM;
    }
    return 0;
}

int sweep(struct model *model, const struct maps *maps, uint32_t now, struct sweep_result *result,
          struct error *err)
{
    struct sweeper sweeper = {
        .model = model,
        .maps = maps,
        .key = &fs_at(struct fs_root, model->arena, 0)->key,
        .now = now,
        .result = result,
    };
    int code = prepare(&sweeper);

    memset(result, 0, sizeof(*result));
    code = code ? code : maps_each_flow(maps, visit, &sweeper);
    for (uint32_t i = 0; i < model->service_count && !code; i++)
        if (sweeper.marks[i])
            settle(&sweeper, i);
    for (uint32_t i = 0; sweeper.marks && i < model->service_count; i++)
        marks_free(sweeper.marks[i]);
    free(sweeper.marks);
    free(sweeper.in_use);
    return code ? error_set(err, code, "can't read the flow tables: %s", strerror(-code)) : 0;
}

int sweep_count(struct model *model, const struct maps *maps, struct sweep_result *result,
                struct error *err)
{
    struct sweeper sweeper = {.model = model, .only_count = true, .result = result};
    int code;

    memset(result, 0, sizeof(*result));
    code = maps_each_flow(maps, visit, &sweeper);
    return code ? error_set(err, code, "can't read the flow tables: %s", strerror(-code)) : 0;
}
