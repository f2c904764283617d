// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads what a rollout is judged by. */
#include "rollout_facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "clock.h"
#include "events.h"
#include "health.h"
#include "namespaces.h"
#include "plan_service.h"
#include "rule.h"
#include "sockets.h"

#define SOCKETS_AGE_MS 4000 /* of the figures of live connections */

static const struct fs_service *find_service(const struct instance *instance, const char *name,
                                             const struct fs_table **table)
{
    const struct fs_root *root = instance->arena;
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena, root->directory);

    for (uint32_t i = 0; i < dir->service_count; i++) {
        const struct fs_service *service =
            fs_at(struct fs_service, instance->arena, dir->services) + i;

        *table = fs_at(struct fs_table, instance->arena, service->table);
        if (strcmp((*table)->name, name) == 0)
            return service;
    }
    return NULL;
}

static int find_version(const struct fs_table *table, const char *name)
{
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (table->versions[i].state == FS_VERSION_DECLARED &&
            strcmp(table->versions[i].name, name) == 0)
            return i;
    return -1;
}

static struct fs_health *slot(const struct instance *instance, uint32_t number)
{
    return number < FS_HEALTH_SLOTS ? &instance->health[number] : NULL;
}

static uint64_t connections_of(const struct fs_health *health)
{
    return health ? health->tallies[FS_SIGNAL_CONNECT_FAILURES].total : 0;
}

static void read_weights(const struct instance *instance, const struct fs_table *table,
                         struct facts *facts)
{
    struct weight_set *set = &facts->weights;

    for (uint32_t rank = 0; rank < FS_MAX_VERSIONS; rank++)
        for (int i = 0; i < FS_VERSION_SLOTS; i++) {
            const struct fs_version *version = &table->versions[i];

            if (version->state != FS_VERSION_DECLARED || version->rank != rank)
                continue;
            snprintf(set->of[set->count].version, sizeof(set->of[0].version), "%s", version->name);
            set->of[set->count++].weight_bp = version->weight_bp;
            facts->all_connections += connections_of(slot(instance, table->pool[i].health));
        }
}

static void count_buckets(const struct fs_table *table, uint32_t version, struct facts *facts)
{
    for (int i = 0; i < FS_BUCKETS; i++) {
        facts->version_buckets += (table->owner[i] & FS_OWNER_VERSION) == version;
        facts->control_buckets += (table->owner[i] & FS_OWNER_CONTROL) != 0;
    }
    if (table->control >= FS_HEALTH_SLOTS)
        facts->control_buckets = 0;
}

static unsigned sample_shift(const struct fs_service *service)
{
    return (unsigned)__builtin_clz(service->sample ? service->sample : 1);
}

static void read_version(const struct instance *instance, const struct fs_table *table,
                         uint32_t number, struct facts *facts)
{
    char why[RULE_TEXT_MAX] = "by hand"; /* the kernel withdraws only what has a slot */

    facts->version = slot(instance, table->pool[number].health);
    facts->baseline = slot(instance, table->pool[table->baseline & FS_OWNER_VERSION].health);
    facts->control = slot(instance, table->control);
    count_buckets(table, number, facts);
    if (!fs_trip_of(instance->trips, table, number)->tick)
        return;
    facts->version_buckets = 0;
    if (facts->version)
        health_trip_why(&facts->version->trip, why);
    snprintf(facts->withdrawn, sizeof(facts->withdrawn), "%s", why);
}

/* Is any backend of the service's version on this host, in whatever namespace? */
static bool has_sockets(const struct instance *instance, const struct fs_service *service,
                        uint32_t version)
{
    const struct fs_root *root = instance->arena;
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena, root->directory);
    const struct fs_service *services = fs_at(struct fs_service, instance->arena, dir->services);
    const struct fs_backend *backends = fs_at(struct fs_backend, instance->arena, dir->backends);

    for (uint32_t i = 0; i < dir->backend_count; i++)
        if (&services[backends[i].service] == service && backends[i].version == version &&
            backends[i].flags & FS_BACKEND_IN_POOL && namespaces_have(&backends[i].at))
            return true;
    return false;
}

void facts_read(const struct instance *instance, const struct plan *plan, struct facts *facts)
{
    const struct fs_table *table;
    const struct fs_service *service = find_service(instance, plan->service, &table);
    int number;

    *facts = (struct facts){0};
    if (!service) {
        snprintf(facts->gone, sizeof(facts->gone), "there is no service %s any more",
                 plan->service);
        return;
    }
    sockets_refresh(instance, SOCKETS_AGE_MS);
    read_weights(instance, table, facts);
    facts->sample_shift = sample_shift(service);
    facts->drain_ms = table->drain_ms;
    snprintf(facts->baseline_name, sizeof(facts->baseline_name), "%s",
             table->versions[table->baseline & FS_OWNER_VERSION].name);
    number = find_version(table, plan->version);
    if (number >= 0)
        read_version(instance, table, (uint32_t)number, facts);
    else
        snprintf(facts->gone, sizeof(facts->gone), "service %s has no version %s any more",
                 plan->service, plan->version);
}

int facts_check(const struct instance *instance, const struct plan *plan, struct error *err)
{
    const struct fs_table *table;
    const struct fs_service *service = find_service(instance, plan->service, &table);
    struct plan_service facts;
    int number;

    if (!service)
        return error_set(err, -ENOENT,
                         "no service \"%.64s\"; `flowsplit status` lists those there are",
                         plan->service);
    number = find_version(table, plan->version);
    facts = (struct plan_service){.name = table->name,
                                  .version_count = FS_VERSION_SLOTS,
                                  .baseline = table->baseline,
                                  .proto = service->vip.proto,
                                  .http = service->http,
                                  .local = number >= 0 &&
                                           has_sockets(instance, service, (uint32_t)number) &&
                                           has_sockets(instance, service, table->baseline)};
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        facts.versions[i] =
            (struct plan_version){.name = table->versions[i].name,
                                  .declared = table->versions[i].state == FS_VERSION_DECLARED,
                                  .has_backends = table->versions[i].member_count,
                                  .weight_bp = table->versions[i].weight_bp};
    return plan_check(plan, &facts, err);
}

uint64_t facts_connections(const struct facts *facts)
{
    return connections_of(facts->version);
}

/* --- people --- */

struct search {
    const char *service;
    char *buf;
    size_t size;
};

static void look_at(void *context, const struct fs_event *event)
{
    struct search *search = context;

    if (event->kind != FS_EVENT_COMMAND || strcmp(event->service, search->service) != 0)
        return;
    if (strcmp(event->verb, "rollout") == 0)
        *search->buf = '\0';
    else
        snprintf(search->buf, search->size, "%.48s: %s %.80s", event->who, event->verb,
                 event->text);
}

const char *facts_meddler(const struct instance *instance, const char *service, uint64_t *from,
                          char *buf, size_t size)
{
    struct search search = {service, buf, size};

    *buf = '\0';
    events_each(instance, from, look_at, &search);
    return buf;
}

/* --- the heart --- */

void facts_beat(const struct facts *facts, const struct rollout *rollout, uint64_t held_ms)
{
    const struct plan *plan = &rollout->plan;
    struct fs_heart *heart;

    if (!facts->version)
        return;
    heart = &facts->version->heart;
    heart->then = plan->on_lost == PLAN_ROLLBACK ? FS_HEART_ROLLBACK : FS_HEART_HOLD;
    heart->live_flows = plan->live_flows;
    heart->live_ticks = fs_ticks(plan->live_ms);
    heart->held_ns = held_ms * 1000000;
    heart->stage = rollout->seed;
    __atomic_store_n(&heart->beat_ns, clock_now_ns(), __ATOMIC_RELEASE);
    __atomic_store_n(&heart->told, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&heart->lost_after_ns, plan->heartbeat_ms * 1000000ULL, __ATOMIC_RELEASE);
}

void facts_beat_end(const struct facts *facts)
{
    if (facts->version)
        __atomic_store_n(&facts->version->heart.lost_after_ns, 0, __ATOMIC_RELEASE);
}

uint64_t facts_held_ms(const struct facts *facts, const struct rollout *rollout)
{
    return facts->version && rollout->stage_id && facts->version->heart.stage == rollout->seed
               ? facts->version->heart.held_ns / 1000000
               : 0;
}
