// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Gathers what an instance does. */
#include "status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "clock.h"
#include "iface.h"
#include "instance.h"
#include "observers.h"
#include "parse.h"
#include "settle.h"
#include "sockets.h"
#include "status_health.h"

#define SOCKETS_AGE_MS 500 /* of the figures of live connections */

/* An open instance being described. */
struct gathering {
    struct instance instance;
    struct model *model;
    struct sweep_result flows;
    uint32_t adopted[FS_MAX_SERVICES];
    uint32_t now;
};

static json_int_t integer(uint64_t value)
{
    return (json_int_t)value;
}

static void put_counters(json_t *object, const struct fs_backend_counters *counters)
{
    json_object_set_new(object, "packets", json_integer(integer(counters->packets_in)));
    json_object_set_new(object, "bytes", json_integer(integer(counters->bytes_in)));
    json_object_set_new(object, "packets_out", json_integer(integer(counters->packets_out)));
    json_object_set_new(object, "bytes_out", json_integer(integer(counters->bytes_out)));
    json_object_set_new(object, "new_flows", json_integer(integer(counters->new_flows)));
}

static json_t *gather_backend(const struct gathering *g, uint32_t number,
                              struct fs_backend_counters *sum)
{
    const struct fs_backend *backend = &g->model->backends[number];
    struct fs_backend_counters counters;
    char text[FORMAT_ENDPOINT_MAX];
    json_t *object;

    if (maps_backend_counters(&g->instance.maps, number, &counters))
        memset(&counters, 0, sizeof(counters));
    maps_add_counters(sum, &counters);
    object = json_pack("{s:s, s:b}", "address", format_endpoint(&backend->at, text), "local",
                       backend->flags & FS_BACKEND_LOCAL);
    put_counters(object, &counters);
    return object;
}

/* The pool, as declared. */
static json_t *gather_members(const struct gathering *g, const struct draft_version *version,
                              struct fs_backend_counters *sum)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < version->member_count; i++)
        json_array_append_new(list, gather_backend(g, version->members[i], sum));
    return list;
}

/* Backends that left the pool, whose flows live on. */
static json_t *gather_draining(const struct gathering *g, uint32_t service, uint32_t version,
                               struct fs_backend_counters *sum)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < g->model->backend_count; i++) {
        const struct fs_backend *backend = &g->model->backends[i];

        if ((backend->flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) == FS_BACKEND_USED &&
            backend->service == service && backend->version == version)
            json_array_append_new(list, gather_backend(g, i, sum));
    }
    return list;
}

/* Who serves a bucket: its owner may be withdrawn. */
static uint32_t owner_now(const struct gathering *g, const struct draft *draft, uint32_t bucket)
{
    uint32_t owner = draft->buckets[bucket].owner;

    return model_trip(g->model, &draft->versions[owner])->tick ? draft->baseline : owner;
}

static json_t *gather_version(const struct gathering *g, uint32_t service, uint32_t version)
{
    const struct draft *draft = g->model->services[service].draft;
    const struct draft_version *entry = &draft->versions[version];
    struct fs_backend_counters sum = entry->gone;
    json_t *backends = gather_members(g, entry, &sum), *object;
    json_t *draining = gather_draining(g, service, version, &sum);
    json_int_t buckets = 0, moving_slots = 0;

    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        buckets += owner_now(g, draft, i) == version;
    for (uint32_t i = 0; i < entry->slot_count; i++)
        moving_slots += split_state(&entry->slots[i], g->now) == SPLIT_MOVING;
    object = json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", entry->name, "weight_bp",
                       integer(entry->weight_bp), "buckets", buckets, "slots",
                       integer(entry->slot_count), "moving_slots", moving_slots);
    put_counters(object, &sum);
    json_object_set_new(
        object, "health",
        status_health(draft, entry,
                      entry->health < FS_HEALTH_SLOTS ? &g->instance.health[entry->health] : NULL,
                      &sum));
    json_object_set_new(object, "backends", backends);
    json_object_set_new(object, "draining", draining);
    return object;
}

static json_t *gather_versions(const struct gathering *g, uint32_t service)
{
    const struct draft *draft = g->model->services[service].draft;
    json_t *list = json_array();

    for (uint32_t rank = 0; rank < FS_MAX_VERSIONS; rank++)
        for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
            if (draft->versions[i].state == FS_VERSION_DECLARED && draft->versions[i].rank == rank)
                json_array_append_new(list, gather_version(g, service, i));
    return list;
}

/* Versions that are no longer declared, whose flows live on. */
static json_t *gather_retired(const struct gathering *g, uint32_t service)
{
    const struct draft *draft = g->model->services[service].draft;
    json_t *list = json_array();

    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
        if (draft->versions[i].state == FS_VERSION_RETIRED)
            json_array_append_new(list, gather_version(g, service, i));
    return list;
}

static json_t *gather_service(const struct gathering *g, uint32_t service)
{
    const struct fs_service *record = &g->model->services[service].record;
    const struct draft *draft = g->model->services[service].draft;
    json_int_t count[3] = {0};
    char vip[FORMAT_ENDPOINT_MAX], drain[32];

    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        count[split_state(&draft->buckets[i], g->now)]++;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "name", draft->name,
        "vip", format_vip(&record->vip, vip), "mode", format_mode((enum fs_mode)record->mode),
        "affinity", format_affinity((enum fs_affinity)record->affinity), "baseline",
        draft->versions[draft->baseline].name, "drain", format_duration(draft->drain_ms, drain),
        "moving_buckets", count[SPLIT_MOVING], "tracked_buckets", count[SPLIT_TRACKED],
        "flow_entries", integer(g->flows.entries[service]), "adopted", integer(g->adopted[service]),
        "generation", integer(draft->generation), "versions", gather_versions(g, service),
        "retired", gather_retired(g, service));
}

static json_t *gather_services(struct gathering *g, const char *only, struct error *err)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < g->model->service_count; i++) {
        if (only && strcmp(model_name(g->model, i), only) != 0)
            continue;
        if (!model_draft(g->model, i)) {
            error_set(err, -ENOMEM, "out of memory");
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, gather_service(g, i));
    }
    if (only && !json_array_size(list)) {
        error_set(err, -ENOENT, "no service \"%.64s\"; `flowsplit status` lists those there are",
                  only);
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *gather_interface(const struct iface *iface)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", iface->name, "mode",
                     iface_mode_name(iface->mode), "up", iface->up, "way_in",
                     *iface->way_in ? iface->way_in : "ok", "way_back",
                     *iface->way_back ? iface->way_back : "ok");
}

static json_t *gather_interfaces(const struct gathering *g, struct error *err)
{
    json_t *list = json_array();
    struct iface *ifaces;
    int count = iface_list(&g->instance, &ifaces, err);

    for (int i = 0; i < count; i++)
        if (!ifaces[i].idle)
            json_array_append_new(list, gather_interface(&ifaces[i]));
    free(ifaces);
    return list;
}

/* What the programs that this kernel doesn't take are on. */
static json_t *gather_unavailable(const struct gathering *g)
{
    json_t *list = json_array();

    for (int which = 0; which < FS_OBSERVER_COUNT; which++) {
        struct observer observer = observers_get(&g->instance, (enum fs_observer)which);

        if (!observer.works)
            json_array_append_new(list, json_string(observer.on));
    }
    return list;
}

/* The same with the reason and what is lost. */
static json_t *gather_not_observed(const struct gathering *g)
{
    json_t *list = json_array();

    for (int which = 0; which < FS_OBSERVER_COUNT; which++) {
        struct observer observer = observers_get(&g->instance, (enum fs_observer)which);

        if (!observer.works)
            json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:s}", "program",
                                                  observer.program, "on", observer.on, "errno",
                                                  observer.error, "error", strerror(observer.error),
                                                  "unseen", observer.unseen));
    }
    return list;
}

/* Settles if possible, and counts the entries that stay. */
static int settle_or_count(struct gathering *g, bool writable, struct error *err)
{
    if (writable) {
        int code = settle(&g->instance, SETTLE_QUICKLY, &g->model, &g->flows, err);

        if (code || g->flows.end == SWEEP_ALL)
            return code;
    } else {
        g->model = model_read(g->instance.arena, g->instance.trips, err);
    }
    return g->model ? sweep_count(g->model, &g->instance.maps, &g->flows, err) : -ENOMEM;
}

static json_t *describe(struct gathering *g, bool writable, const char *service, struct error *err)
{
    json_t *services, *status;

    sockets_refresh(&g->instance, SOCKETS_AGE_MS);
    g->now = clock_tick_now();
    if (settle_or_count(g, writable, err))
        return NULL;
    adopt_count(g->model, g->adopted);
    services = gather_services(g, service, err);
    if (!services)
        return NULL;
    status = json_object();
    json_object_set_new(status, "interfaces", gather_interfaces(g, err));
    json_object_set_new(status, "services", services);
    json_object_set_new(status, "unavailable", gather_unavailable(g));
    json_object_set_new(status, "not_observed", gather_not_observed(g));
    return status;
}

const char *status_fault(const json_t *interface, enum status_way way, char *buf)
{
    static const struct {
        const char *key, *words;
    } ways[STATUS_WAYS] = {{"way_in", "way in"}, {"way_back", "way back"}};
    const char *state = json_string_value(json_object_get(interface, ways[way].key));

    if (strcmp(state, "ok") == 0)
        return NULL;
    snprintf(buf, STATUS_FAULT_MAX, "%s: the %s: %s",
             json_string_value(json_object_get(interface, "name")), ways[way].words, state);
    return buf;
}

bool status_trusted(const json_t *status)
{
    const json_t *interface;
    char fault[STATUS_FAULT_MAX];
    size_t i = 0;

    json_array_foreach(json_object_get(status, "interfaces"), i, interface)
    {
        for (enum status_way way = 0; way < STATUS_WAYS; way++)
            if (status_fault(interface, way, fault))
                return false;
    }
    return true;
}

json_t *status_gather(const char *pin_dir, const char *service, struct error *err)
{
    struct gathering g = {0};
    bool writable;
    json_t *status;
    int code = instance_open_opportune(&g.instance, pin_dir, &writable, err);

    if (code == -ENOENT && !service)
        return json_pack("{s:[], s:[], s:[], s:[]}", "interfaces", "services", "unavailable",
                         "not_observed");
    if (code)
        return NULL;
    status = describe(&g, writable, service, err);
    model_free(g.model);
    instance_close(&g.instance);
    return status;
}
