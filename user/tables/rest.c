// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What comes to rest when a sweep has seen all entries. */
#include "rest.h"

#include <errno.h>

/* Is there anything in the service's table that could come to rest? */
static bool is_restless(const struct model *model, uint32_t service)
{
    const struct fs_table *table = model_table(model, service);

    for (uint32_t i = 0; i < FS_BUCKETS; i++)
        if (table->owner[i] & FS_OWNER_UNSETTLED)
            return true;
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        const uint32_t *cells = fs_at(uint32_t, model->arena, table->pool[i].slots);

        if (table->versions[i].state == FS_VERSION_RETIRED)
            return true;
        for (uint32_t j = 0; j < table->pool[i].slot_count; j++)
            if (cells[j] & FS_SLOT_UNSETTLED)
                return true;
    }
    for (uint32_t i = 0; i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];

        if (backend->service == service &&
            (backend->flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) == FS_BACKEND_USED)
            return true;
    }
    return false;
}

static bool is_past(const struct fs_sweep *sweep, uint32_t since, uint32_t ticks)
{
    return !fs_before(sweep->began, since, ticks);
}

/* What has moved since the sweep began may have got exceptions behind its back. */
static bool settle_items(const struct fs_sweep *sweep, struct split_item *items, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!items[i].unsettled || !is_past(sweep, items[i].moving_until, SETTLE_TICKS) ||
            items[i].swept == sweep->number)
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
static bool drop_backends(struct model *model, const struct maps *maps,
                          const struct fs_sweep *sweep, uint32_t service, struct draft *draft)
{
    struct fs_backend_counters counters;
    bool any = false;

    for (uint32_t i = 0; i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];
        struct draft_version *version = &draft->versions[backend->version];

        if (backend->service != service || sweep->backends[i] == sweep->number ||
            (backend->flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) != FS_BACKEND_USED ||
            slots_need(version, i) ||
            !is_past(sweep, model->left[i], fs_ticks(draft->drain_ms) + SETTLE_TICKS))
            continue;
        forget_previous(version->slots, version->slot_count, i);
        if (maps_backend_counters(maps, i, &counters) == 0)
            maps_add_counters(&version->gone, &counters);
        model_backend_drop(model, i);
        any = true;
    }
    return any;
}

/* A retired version goes when no bucket leads to it, and then none of its backends is needed. */
static bool drop_versions(const struct model *model, uint32_t service, struct draft *draft)
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
        if (model_version_has_backends(model, service, i))
            continue;
        forget_previous(draft->buckets, FS_BUCKETS, i);
        draft_version_clear(version);
        any = true;
    }
    return any;
}

/* Returns whether anything has changed. */
static bool settle_service(struct model *model, const struct maps *maps,
                           const struct fs_sweep *sweep, uint32_t service)
{
    struct model_service *entry = &model->services[service];
    struct draft *draft = entry->draft;
    bool changed = settle_items(sweep, draft->buckets, FS_BUCKETS);

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        changed |= settle_items(sweep, draft->versions[i].slots, draft->versions[i].slot_count);
    changed |= drop_versions(model, service, draft);
    changed |= drop_backends(model, maps, sweep, service, draft);
    changed |= drop_versions(model, service, draft);
    entry->changed |= changed;
    model->changed |= changed;
    return changed;
}

int rest(struct model *model, const struct maps *maps, const struct fs_sweep *sweep)
{
    for (uint32_t i = 0; i < model->service_count; i++) {
        if (!is_restless(model, i))
            continue;
        if (!model_draft(model, i))
            return -ENOMEM;
        if (settle_service(model, maps, sweep, i))
            continue;
        draft_free(model->services[i].draft);
        model->services[i].draft = NULL;
    }
    return 0;
}
