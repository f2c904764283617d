// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The part of a change that is about backends. */
#include "change_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "pool.h"

static bool same_members(const struct draft_version *version, const uint32_t *members,
                         uint32_t count)
{
    return version->member_count == count &&
           (!count || memcmp(version->members, members, count * sizeof(*members)) == 0);
}

static bool is_of(const struct fs_backend *backend, uint32_t service, uint32_t version)
{
    return backend->flags & FS_BACKEND_USED && backend->service == service &&
           backend->version == version;
}

static int endpoint_compare(const void *left, const void *right)
{
    const struct fs_backend *a = *(const struct fs_backend *const *)left;
    const struct fs_backend *b = *(const struct fs_backend *const *)right;

    return memcmp(&a->at, &b->at, sizeof(a->at));
}

/* A version's backends on record, sorted by address. Owns `list`. */
struct roster {
    const struct fs_backend **list;
    size_t count;
};

static int roster_read(struct roster *roster, const struct model *model, uint32_t service,
                       uint32_t version)
{
    roster->count = 0;
    roster->list = calloc(model->backend_count + 1, sizeof(*roster->list));
    if (!roster->list)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->backend_count; i++)
        if (is_of(&model->backends[i], service, version))
            roster->list[roster->count++] = &model->backends[i];
    qsort(roster->list, roster->count, sizeof(*roster->list), endpoint_compare);
    return 0;
}

/* The number of the backend with this address, or -1. */
static int roster_find(const struct roster *roster, const struct fs_endpoint *at)
{
    struct fs_backend wanted = {.at = *at};
    const struct fs_backend *key = &wanted, **found;

    found = bsearch(&key, roster->list, roster->count, sizeof(key), endpoint_compare);
    return found ? (int)((*found)->id & FS_SLOT_BACKEND) : -1;
}

/* The numbers of the backends that the spec names, taken on record where they are new. */
static int members_find(struct change *change, uint32_t service, uint32_t version,
                        const struct version_spec *spec, uint32_t *members, uint32_t *added,
                        struct error *err)
{
    struct model *model = change->model;
    struct roster roster;
    int number = roster_read(&roster, model, service, version);

    if (number)
        return error_set(err, number, "out of memory");
    for (size_t i = 0; i < spec->backend_count && number >= 0; i++) {
        struct fs_endpoint at = spec->backends[i].at;

        at.proto = model->services[service].record.vip.proto;
        number = roster_find(&roster, &at);
        if (number < 0 || !(model->backends[number].flags & FS_BACKEND_IN_POOL))
            (*added)++;
        if (number < 0)
            number = model_backend_add(model, service, version, &at, err);
        members[i] = (uint32_t)number;
    }
    free(roster.list);
    return number < 0 ? number : 0;
}

void change_pool_empty(struct change *change, uint32_t service, uint32_t version, uint32_t now)
{
    struct model *model = change->model;
    struct draft_version *entry = &model->services[service].draft->versions[version];

    entry->member_count = 0;
    for (uint32_t i = 0; i < model->backend_count; i++)
        if (is_of(&model->backends[i], service, version) &&
            model->backends[i].flags & FS_BACKEND_IN_POOL) {
            model->backends[i].flags &= (uint8_t)~FS_BACKEND_IN_POOL;
            model->left[i] = now;
        }
}

static int pool_replace(struct change *change, uint32_t service, uint32_t version,
                        uint32_t *members, uint32_t count, struct split_time time,
                        struct error *err)
{
    struct model *model = change->model;
    struct draft_version *entry = &model->services[service].draft->versions[version];

    change_pool_empty(change, service, version, time.now);
    free(entry->members);
    entry->members = members;
    entry->member_count = count;
    for (uint32_t i = 0; i < count; i++)
        model->backends[members[i]].flags |= FS_BACKEND_IN_POOL;
    return pool_spread(entry, time) < 0 ? error_set(err, -ENOMEM, "out of memory") : 1;
}

int change_pool(struct change *change, uint32_t service, uint32_t version,
                const struct version_spec *spec, struct split_time time, bool quiet,
                struct error *err)
{
    struct draft *draft = change->model->services[service].draft;
    struct draft_version *entry = &draft->versions[version];
    uint32_t count = (uint32_t)spec->backend_count, added = 0, before = entry->member_count;
    uint32_t *members = calloc(count + 1, sizeof(*members));
    int code;

    if (!members)
        return error_set(err, -ENOMEM, "out of memory");
    code = members_find(change, service, version, spec, members, &added, err);
    if (code || (same_members(entry, members, count) && !added)) {
        free(members);
        return code;
    }
    if (!quiet)
        fprintf(change->notes, "%s: version %s: %u backends added, %u removed\n", draft->name,
                entry->name, added, before + added - count);
    return pool_replace(change, service, version, members, count, time, err);
}

static int two_services(const struct model *model, const struct fs_backend *a,
                        const struct fs_backend *b, struct error *err)
{
    const struct fs_backend *kept = a->flags & FS_BACKEND_IN_POOL ? b : a;
    const struct fs_backend *wanted = kept == a ? b : a;
    char text[FORMAT_ENDPOINT_MAX];

    return error_set(err, -EBUSY,
                     "backend %s of service %s still has flows of service %s; "
                     "try again when they have drained, or give it another port",
                     format_endpoint(&a->at, text), model_name(model, wanted->service),
                     model_name(model, kept->service));
}

int change_check_pools(const struct model *model, struct error *err)
{
    const struct fs_backend **sorted = calloc(model->backend_count + 1, sizeof(*sorted));
    size_t count = 0;
    int code = 0;

    if (!sorted)
        return error_set(err, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < model->backend_count; i++)
        if (model->backends[i].flags & FS_BACKEND_USED)
            sorted[count++] = &model->backends[i];
    qsort(sorted, count, sizeof(*sorted), endpoint_compare);
    for (size_t i = 1; i < count && !code; i++)
        if (endpoint_compare(&sorted[i - 1], &sorted[i]) == 0 &&
            sorted[i - 1]->service != sorted[i]->service)
            code = two_services(model, sorted[i - 1], sorted[i], err);
    free(sorted);
    return code;
}

void change_locality(struct change *change)
{
    struct model *model = change->model;

    for (uint32_t i = 0; i < model->backend_count; i++) {
        struct fs_backend *backend = &model->backends[i];
        uint8_t local;

        if (!(backend->flags & FS_BACKEND_USED))
            continue;
        local = change->is_local(&backend->at) ? FS_BACKEND_LOCAL : 0;
        if ((backend->flags & FS_BACKEND_LOCAL) == local)
            continue;
        backend->flags ^= FS_BACKEND_LOCAL;
        model->changed = true;
    }
}
