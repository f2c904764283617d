// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Gathers what an instance does, for metrics: straight from its tables, for a scrape is frequent
 * and only reads. */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "iface.h"
#include "instance.h"
#include "observers.h"
#include "parse.h"
#include "sockets.h"
#include "sweep.h"

#define LOCK_WAIT_MS   5000
#define SOCKETS_AGE_MS 900 /* of the figures of live connections */

/* An open instance being read. */
struct reading {
    struct instance instance;
    struct model *model;
    struct sweep_result flows;
    struct metrics metrics;
    uint32_t now;
    /* places in metrics->versions, less one, by service and number */
    uint32_t place[FS_MAX_SERVICES][FS_VERSION_SLOTS];
};

static const struct fs_table *table_of(const struct reading *r, uint32_t service)
{
    return fs_at(struct fs_table, r->instance.arena, r->model->services[service].record.table);
}

/* --- services and versions --- */

static void read_labels(const struct reading *r, uint32_t number, struct metrics_service *service)
{
    const struct fs_service *record = &r->model->services[number].record;
    const struct fs_table *table = table_of(r, number);
    char vip[FORMAT_ENDPOINT_MAX];

    metrics_label(&service->labels, "service", table->name);
    service->info = service->labels;
    metrics_label(&service->info, "vip", format_vip(&record->vip, vip));
    metrics_label(&service->info, "mode", format_mode((enum fs_mode)record->mode));
    metrics_label(&service->info, "affinity", format_affinity((enum fs_affinity)record->affinity));
    metrics_label(&service->info, "baseline", table->versions[table->baseline].name);
}

static bool is_moving(const struct reading *r, uint32_t until)
{
    return (int32_t)(until - r->now) > 0;
}

static const struct fs_trip_word *trip_of(const struct reading *r, const struct fs_table *table,
                                          uint32_t version)
{
    return &r->instance.trips->words[table->pool[version].health & (FS_TRIP_SLOTS - 1)];
}

/* Who serves each bucket: its owner may be withdrawn. */
static void read_buckets(const struct reading *r, const struct fs_table *table,
                         struct metrics_service *service, uint64_t buckets[FS_VERSION_SLOTS])
{
    for (uint32_t i = 0; i < FS_BUCKETS; i++) {
        buckets[table->owner[i] & FS_OWNER_VERSION]++;
        if (table->owner[i] & FS_OWNER_UNSETTLED)
            ++*(is_moving(r, table->moves[i].moving_until) ? &service->moving_buckets
                                                           : &service->tracked_buckets);
    }
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
        if (i != table->baseline && buckets[i] && trip_of(r, table, i)->tick) {
            buckets[table->baseline] += buckets[i];
            buckets[i] = 0;
        }
}

static uint64_t moving_slots(const struct reading *r, const struct fs_table *table, uint32_t number)
{
    const uint32_t *cells = fs_at(uint32_t, r->instance.arena, table->pool[number].slots);
    const struct fs_slot_move *moves =
        fs_at(struct fs_slot_move, r->instance.arena, table->versions[number].slot_moves);
    uint64_t count = 0;

    for (uint32_t i = 0; i < table->pool[number].slot_count; i++)
        count += cells[i] & FS_SLOT_UNSETTLED && is_moving(r, moves[i].moving_until);
    return count;
}

static void read_version(struct reading *r, uint32_t service, uint32_t number, uint64_t buckets)
{
    const struct fs_table *table = table_of(r, service);
    const struct fs_version *from = &table->versions[number];
    struct metrics_version *version = &r->metrics.versions[r->metrics.version_count++];
    uint32_t health = table->pool[number].health;

    r->place[service][number] = (uint32_t)r->metrics.version_count;
    *version = (struct metrics_version){
        .labels = r->metrics.services[service].labels,
        .weight = from->weight_bp / 1e4,
        .buckets = buckets,
        .slots = table->pool[number].slot_count,
        .moving_slots = moving_slots(r, table, number),
        .baseline = number == table->baseline,
        .retired = from->state == FS_VERSION_RETIRED,
        .withdrawn = trip_of(r, table, number)->tick != 0,
        .counters = from->gone,
        .guard = &table->guard,
        .health = health < FS_HEALTH_SLOTS ? &r->instance.health[health] : NULL,
    };
    metrics_label(&version->labels, "version", from->name);
}

static void read_service(struct reading *r, uint32_t number)
{
    const struct fs_table *table = table_of(r, number);
    struct metrics_service *service = &r->metrics.services[r->metrics.service_count++];
    uint64_t buckets[FS_OWNER_VERSION + 1] = {0};

    service->drain_ms = table->drain_ms;
    service->generation = table->generation;
    service->flow_entries = r->flows.entries[number];
    read_labels(r, number, service);
    read_buckets(r, table, service, buckets);
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
        if (table->versions[i].state != FS_VERSION_NONE)
            read_version(r, number, i, buckets[i]);
}

static int read_services(struct reading *r)
{
    struct metrics *metrics = &r->metrics;
    uint32_t count = r->model->service_count;
    size_t versions = 1;

    for (uint32_t i = 0; i < count; i++)
        for (uint32_t v = 0; v < FS_VERSION_SLOTS; v++)
            versions += table_of(r, i)->versions[v].state != FS_VERSION_NONE;
    metrics->services = calloc(count + 1, sizeof(*metrics->services));
    metrics->versions = calloc(versions, sizeof(*metrics->versions));
    if (!metrics->services || !metrics->versions)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        read_service(r, i);
    return 0;
}

static int read_backends(struct reading *r)
{
    struct metrics *metrics = &r->metrics;

    metrics->backends = calloc(r->model->backend_count + 1, sizeof(*metrics->backends));
    for (uint32_t i = 0; metrics->backends && i < r->model->backend_count; i++) {
        const struct fs_backend *from = &r->model->backends[i];
        struct metrics_backend *backend = &metrics->backends[metrics->backend_count];
        struct metrics_version *version;
        char address[FORMAT_ENDPOINT_MAX];

        if (!(from->flags & FS_BACKEND_USED) || !r->place[from->service][from->version])
            continue;
        version = &metrics->versions[r->place[from->service][from->version] - 1];
        metrics->backend_count++;
        backend->labels = version->labels;
        metrics_label(&backend->labels, "backend", format_endpoint(&from->at, address));
        backend->local = from->flags & FS_BACKEND_LOCAL;
        backend->draining = !(from->flags & FS_BACKEND_IN_POOL);
        if (maps_backend_counters(&r->instance.maps, i, &backend->counters) == 0)
            maps_add_counters(&version->counters, &backend->counters);
    }
    return metrics->backends ? 0 : -ENOMEM;
}

/* --- the instance --- */

static void add_way(struct metrics *metrics, const struct iface *iface, const char *way, bool works)
{
    struct metrics_thing *thing = &metrics->ways[metrics->way_count++];

    metrics_label(&thing->labels, "interface", iface->name);
    metrics_label(&thing->labels, "way", way);
    thing->works = works;
}

static void add_interface(struct metrics *metrics, const struct iface *iface)
{
    struct metrics_thing *thing = &metrics->interfaces[metrics->interface_count++];

    metrics_label(&thing->labels, "interface", iface->name);
    metrics_label(&thing->labels, "mode", iface_mode_name(iface->mode));
    thing->works = true;
    add_way(metrics, iface, "in", !*iface->way_in);
    add_way(metrics, iface, "back", !*iface->way_back);
}

static int read_interfaces(struct reading *r, struct error *err)
{
    struct iface *ifaces;
    int count = iface_list(&r->instance, &ifaces, err);
    struct metrics *metrics = &r->metrics;
    size_t room = (size_t)(count > 0 ? count : 0) + 1;

    metrics->interfaces = calloc(room, sizeof(*metrics->interfaces));
    metrics->ways = calloc(2 * room, sizeof(*metrics->ways));
    for (int i = 0; metrics->interfaces && metrics->ways && i < count; i++)
        if (!ifaces[i].idle)
            add_interface(metrics, &ifaces[i]);
    free(ifaces);
    return count < 0 ? count : metrics->interfaces && metrics->ways ? 0 : -ENOMEM;
}

static int read_observers(struct reading *r)
{
    struct metrics *metrics = &r->metrics;

    metrics->observers = calloc(FS_OBSERVER_COUNT, sizeof(*metrics->observers));
    for (int which = 0; metrics->observers && which < FS_OBSERVER_COUNT; which++) {
        struct observer observer = observers_get(&r->instance, (enum fs_observer)which);
        struct metrics_observer *thing = &metrics->observers[metrics->observer_count++];

        metrics_label(&thing->tracepoint, "tracepoint", observer.on);
        metrics_label(&thing->program, "program", observer.program);
        thing->error = observer.error;
    }
    return metrics->observers ? 0 : -ENOMEM;
}

static int read_all(struct reading *r, struct error *err)
{
    struct metrics *metrics = &r->metrics;
    int code;

    sockets_refresh(&r->instance, SOCKETS_AGE_MS);
    r->now = clock_tick_now();
    r->model = model_read(r->instance.arena, r->instance.trips, err);
    if (!r->model)
        return -ENOMEM;
    code = sweep_count(r->model, &r->instance.maps, &r->flows, err);
    if (code)
        return code;
    if (read_services(r) || read_backends(r))
        return error_set(err, -ENOMEM, "out of memory");
    code = instance_reasons(&r->instance, metrics->reasons);
    if (code)
        return error_set(err, code, "can't read the counters: %s", strerror(-code));
    metrics->events = __atomic_load_n(&r->instance.trips->event_count, __ATOMIC_ACQUIRE);
    if (read_observers(r))
        return error_set(err, -ENOMEM, "out of memory");
    return read_interfaces(r, err);
}

/* As long as the instance is open: metrics point into it. */
static int write_open(struct metrics_text *text, struct reading *r, const char *state_dir,
                      uint64_t began_ns, struct error *err)
{
    int code = read_all(r, err);

    code = code ? code : metrics_gather_rollouts(&r->metrics, &r->instance, state_dir, err);
    if (!code) {
        r->metrics.up = true;
        r->metrics.monotonic_0 = clock_realtime_0();
        r->metrics.seconds = (double)(clock_now_ns() - began_ns) / 1e9;
        metrics_write(text, &r->metrics);
    }
    model_free(r->model);
    metrics_free(&r->metrics);
    return code;
}

int metrics_exposition(struct metrics_text *text, const char *pin_dir, const char *state_dir,
                       struct error *err)
{
    struct reading *r = calloc(1, sizeof(*r));
    uint64_t began_ns = clock_now_ns();
    int code = r ? instance_open_within(&r->instance, pin_dir, LOCK_WAIT_MS, err)
                 : error_set(err, -ENOMEM, "out of memory");

    if (!code) {
        code = write_open(text, r, state_dir, began_ns, err);
        instance_close(&r->instance);
    }
    free(r);
    if (code) {
        metrics_comment(text, err->text);
        metrics_write(text, &(struct metrics){0});
    }
    return text->failed ? error_set(err, -ENOMEM, "out of memory") : code;
}
