// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All that is steered, read from the arena and altered. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint16_t csum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Ones' complement sum of an address's words, or of their complements. */
static uint32_t csum_addr(const struct fs_endpoint *at, uint16_t flip)
{
    const uint16_t *words = (const uint16_t *)at->addr;
    uint32_t sum = 0;

    for (int i = 0; i < (at->family == 4 ? 2 : 8); i++)
        sum += (uint16_t)(words[i] ^ flip);
    return sum;
}

static void backend_set_deltas(struct fs_backend *backend, const struct fs_endpoint *vip)
{
    uint32_t addr = csum_addr(&backend->at, 0) + csum_addr(vip, 0xffff);

    backend->addr_delta = csum_fold(addr);
    backend->l4_delta =
        csum_fold(backend->addr_delta + backend->at.port_be + (uint16_t)~vip->port_be);
}

struct model *model_read(void *arena, const struct fs_trips *trips, struct error *err)
{
    const struct fs_root *root = fs_at(struct fs_root, arena, 0);
    const struct fs_directory *dir = fs_at(struct fs_directory, arena, root->directory);
    const struct fs_service *services = fs_at(struct fs_service, arena, dir->services);
    struct model *model = calloc(1, sizeof(*model));

    if (model) {
        model->backends = calloc(FS_MAX_BACKENDS, sizeof(*model->backends));
        model->left = calloc(FS_MAX_BACKENDS, sizeof(*model->left));
    }
    if (!model || !model->backends || !model->left) {
        model_free(model);
        error_set(err, -ENOMEM, "out of memory");
        return NULL;
    }
    model->arena = arena;
    model->trips = trips;
    model->generation = dir->generation;
    model->next_service = dir->next_service;
    model->learn_until = dir->learn_until;
    model->events_known =
        trips ? (uint32_t)__atomic_load_n(&trips->event_count, __ATOMIC_ACQUIRE) : 0;
    model->key = root->key;
    model->created_ns = root->created_ns;
    model->service_count = dir->service_count;
    for (uint32_t i = 0; i < dir->service_count; i++)
        model->services[i].record = services[i];
    model->backend_count = dir->backend_count;
    memcpy(model->backends, fs_at(struct fs_backend, arena, dir->backends),
           dir->backend_count * sizeof(struct fs_backend));
    memcpy(model->left, fs_at(uint32_t, arena, dir->left), dir->backend_count * sizeof(uint32_t));
    return model;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    for (uint32_t i = 0; i < model->service_count; i++)
        draft_free(model->services[i].draft);
    free(model->backends);
    free(model->left);
    free(model->health_used);
    free(model);
}

struct fs_table *model_table(const struct model *model, uint32_t service)
{
    return fs_at(struct fs_table, model->arena, model->services[service].record.table);
}

const char *model_name(const struct model *model, uint32_t service)
{
    const struct model_service *entry = &model->services[service];

    return entry->draft ? entry->draft->name : model_table(model, service)->name;
}

int model_find(const struct model *model, const char *name)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        if (strcmp(model_name(model, i), name) == 0)
            return (int)i;
    return -1;
}

struct draft *model_draft(struct model *model, uint32_t service)
{
    struct model_service *entry = &model->services[service];

    if (!entry->draft)
        entry->draft = draft_read(model->arena, model_table(model, service));
    return entry->draft;
}

int model_add(struct model *model, const char *name, const struct fs_endpoint *vip,
              enum fs_mode mode, enum fs_affinity affinity, struct error *err)
{
    struct model_service *entry = &model->services[model->service_count];

    if (model->service_count == FS_MAX_SERVICES)
        return error_set(err, -ENOSPC, "more than %u services in one instance", FS_MAX_SERVICES);
    *entry = (struct model_service){.draft = draft_new(name), .changed = true};
    if (!entry->draft)
        return error_set(err, -ENOMEM, "out of memory");
    entry->record.vip = *vip;
    entry->record.mode = (uint8_t)mode;
    entry->record.affinity = (uint8_t)affinity;
    entry->record.id = model->next_service++;
    entry->record.salt = (uint64_t)entry->record.id * 0x9e3779b97f4a7c15u;
    model->changed = true;
    return (int)model->service_count++;
}

void model_remove(struct model *model, uint32_t service)
{
    draft_free(model->services[service].draft);
    memmove(&model->services[service], &model->services[service + 1],
            (model->service_count - service - 1) * sizeof(model->services[0]));
    model->service_count--;
    for (uint32_t i = 0; i < model->backend_count; i++) {
        struct fs_backend *backend = &model->backends[i];

        if (!(backend->flags & FS_BACKEND_USED))
            continue;
        if (backend->service == service)
            model_backend_drop(model, i);
        else if (backend->service > service)
            backend->service--;
    }
    model->changed = true;
}

/* Slots of versions that this change removes stay in use until it is published. */
static bool *health_in_use(const struct model *model)
{
    const struct fs_directory *dir =
        fs_at(struct fs_directory, model->arena, fs_at(struct fs_root, model->arena, 0)->directory);
    const struct fs_service *services = fs_at(struct fs_service, model->arena, dir->services);
    bool *used = calloc(FS_TRIP_SLOTS, sizeof(*used));

    for (uint32_t i = 0; used && i < dir->service_count; i++) {
        const struct fs_table *table = fs_at(struct fs_table, model->arena, services[i].table);

        for (int v = 0; v < FS_VERSION_SLOTS; v++)
            if (table->versions[v].state != FS_VERSION_NONE)
                used[table->pool[v].health & (FS_TRIP_SLOTS - 1)] = true;
        used[table->control & (FS_TRIP_SLOTS - 1)] = true;
    }
    return used;
}

bool model_health_reserve(struct model *model, uint32_t slot)
{
    if (!model->health_used)
        model->health_used = health_in_use(model);
    if (!model->health_used || slot >= FS_HEALTH_SLOTS || model->health_used[slot])
        return false;
    model->health_used[slot] = true;
    return true;
}

uint32_t model_health_take(struct model *model)
{
    for (uint32_t i = 0; i < FS_HEALTH_SLOTS; i++)
        if (model_health_reserve(model, i))
            return i;
    return FS_NO_HEALTH;
}

const struct fs_trip_word *model_trip(const struct model *model,
                                      const struct draft_version *version)
{
    return &model->trips->words[version->health & (FS_TRIP_SLOTS - 1)];
}

bool model_version_has_backends(const struct model *model, uint32_t service, uint32_t version)
{
    for (uint32_t i = 0; i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];

        if (backend->flags & FS_BACKEND_USED && backend->service == service &&
            backend->version == version)
            return true;
    }
    return false;
}

static int backend_fill(struct model *model, uint32_t number, uint32_t service, uint32_t version,
                        const struct fs_endpoint *at)
{
    struct fs_backend *backend = &model->backends[number];

    if (number >= model->backend_count)
        model->backend_count = number + 1;
    *backend = (struct fs_backend){
        .at = *at,
        .id = ((backend->id >> 16) + 1) << 16 | number,
        .service = (uint16_t)service,
        .version = (uint8_t)version,
        .flags = FS_BACKEND_USED,
    };
    backend_set_deltas(backend, &model->services[service].record.vip);
    model->changed = true;
    return (int)number;
}

int model_backend_add(struct model *model, uint32_t service, uint32_t version,
                      const struct fs_endpoint *at, struct error *err)
{
    uint32_t i = model->free_from;

    while (i < model->backend_count && model->backends[i].flags & FS_BACKEND_USED)
        i++;
    if (i == FS_MAX_BACKENDS)
        return error_set(err, -ENOSPC,
                         "more than %u backends in one instance, draining ones included",
                         FS_MAX_BACKENDS);
    model->free_from = i + 1;
    return backend_fill(model, i, service, version, at);
}

int model_backend_put(struct model *model, uint32_t number, uint32_t service, uint32_t version,
                      const struct fs_endpoint *at, struct error *err)
{
    if (number >= FS_MAX_BACKENDS || model->backends[number].flags & FS_BACKEND_USED)
        return error_set(err, -EEXIST, "backend number %u is in use, or too high", number);
    return backend_fill(model, number, service, version, at);
}

void model_backend_drop(struct model *model, uint32_t number)
{
    model->backends[number].flags = 0; /* the id stays: its generation counts on */
    if (number < model->free_from)
        model->free_from = number;
    model->changed = true;
}
