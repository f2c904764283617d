// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lays a model out in the arena: the tables that changed, and a new directory over all of them. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "index.h"

/* A directory in the making. */
struct layout {
    struct model *model;
    const struct fs_hash_key *key;
    struct fs_service services[FS_MAX_SERVICES];
    struct index_draft vips, pool;
};

static void port_add(struct fs_port_set *set, uint16_t port_be)
{
    set->words[port_be >> 6] |= 1ULL << (port_be & 63);
}

void model_format(void *arena, const struct fs_hash_key *key, uint64_t created_ns)
{
    struct fs_root *root = fs_at(struct fs_root, arena, 0);
    struct fs_directory *dir = fs_at(struct fs_directory, arena, FS_ROOT_BYTES);

    memset(dir, 0, sizeof(*dir));
    dir->bytes = sizeof(*dir) + sizeof(uint32_t);
    dir->next_service = 1;
    dir->vips.cells = dir->pool.cells = FS_ROOT_BYTES + (uint32_t)sizeof(*dir); /* one, empty */
    root->abi = FS_ABI;
    root->key = *key;
    root->created_ns = created_ns;
    root->directory = FS_ROOT_BYTES;
    root->magic = FS_ARENA_MAGIC;
}

/* Backends that take new flows come first, so that they win where another on record has the same
 * address. */
static size_t backends_in_order(const struct model *model, uint32_t *numbers)
{
    size_t n = 0;

    for (uint32_t i = 0; i < model->backend_count; i++)
        if (model->backends[i].flags & FS_BACKEND_IN_POOL)
            numbers[n++] = i;
    for (uint32_t i = 0; i < model->backend_count; i++)
        if ((model->backends[i].flags & (FS_BACKEND_USED | FS_BACKEND_IN_POOL)) == FS_BACKEND_USED)
            numbers[n++] = i;
    return n;
}

static int layout_indexes(struct layout *layout)
{
    const struct model *model = layout->model;
    uint32_t *numbers = calloc(FS_MAX_BACKENDS, sizeof(*numbers));
    size_t n;
    int err;

    if (!numbers)
        return -ENOMEM;
    for (n = 0; n < model->service_count; n++)
        numbers[n] = (uint32_t)n;
    err = index_build(&layout->vips, layout->key, layout->services, sizeof(struct fs_service),
                      numbers, n);
    if (!err) {
        n = backends_in_order(model, numbers);
        err = index_build(&layout->pool, layout->key, model->backends, sizeof(struct fs_backend),
                          numbers, n);
    }
    free(numbers);
    return err;
}

static int arena_full(struct error *err)
{
    return error_set(err, -ENOSPC,
                     "the instance's %u MiB are full: fewer services, versions or backends",
                     FS_ARENA_SIZE >> 20);
}

static int write_tables(struct layout *layout, struct extents *used, struct error *err)
{
    struct model *model = layout->model;

    for (uint32_t i = 0; i < model->service_count; i++) {
        struct model_service *entry = &model->services[i];

        if (entry->changed) {
            entry->record.table = extents_alloc(used, draft_bytes(entry->draft));
            if (!entry->record.table)
                return arena_full(err);
            entry->draft->generation++;
            draft_write(entry->draft, model->arena, entry->record.table);
        }
        layout->services[i] = entry->record;
        layout->services[i].unsettled =
            fs_at(struct fs_table, model->arena, entry->record.table)->unsettled != 0;
    }
    return 0;
}

/* Copies `bytes` to *at, which then stands behind them; returns where they are. */
static fs_ref append(void *arena, fs_ref *at, const void *from, size_t bytes)
{
    fs_ref begin = *at;

    if (bytes)
        memcpy(fs_at(void, arena, begin), from, bytes);
    *at = (begin + (uint32_t)bytes + 7) & ~7u;
    return begin;
}

static void fill_ports(const struct model *model, struct fs_directory *dir)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        port_add(&dir->vip_ports, model->services[i].record.vip.port_be);
    for (uint32_t i = 0; i < model->backend_count; i++)
        if (model->backends[i].flags & FS_BACKEND_USED)
            port_add(&dir->backend_ports, model->backends[i].at.port_be);
}

static fs_ref write_directory(const struct layout *layout, struct extents *used)
{
    const struct model *model = layout->model;
    size_t service_bytes = model->service_count * sizeof(struct fs_service);
    size_t backend_bytes = model->backend_count * sizeof(struct fs_backend);
    size_t left_bytes = model->backend_count * sizeof(uint32_t);
    size_t vip_bytes = layout->vips.count * sizeof(uint32_t);
    size_t pool_bytes = layout->pool.count * sizeof(uint32_t);
    size_t bytes = sizeof(struct fs_directory) + service_bytes + backend_bytes + vip_bytes +
                   pool_bytes + left_bytes + 5 * 8;
    fs_ref ref = extents_alloc(used, bytes), at = ref + (uint32_t)sizeof(struct fs_directory);
    struct fs_directory *dir = fs_at(struct fs_directory, model->arena, ref);

    if (!ref)
        return 0;
    memset(dir, 0, sizeof(*dir));
    dir->bytes = (uint32_t)bytes;
    dir->generation = model->generation + 1;
    dir->next_service = model->next_service;
    dir->learn_until = model->learn_until;
    dir->events_known = model->events_known;
    dir->service_count = model->service_count;
    dir->backend_count = model->backend_count;
    dir->services = append(model->arena, &at, layout->services, service_bytes);
    dir->backends = append(model->arena, &at, model->backends, backend_bytes);
    dir->left = append(model->arena, &at, model->left, left_bytes);
    dir->vips.cells = append(model->arena, &at, layout->vips.cells, vip_bytes);
    dir->vips.mask = layout->vips.count - 1;
    dir->pool.cells = append(model->arena, &at, layout->pool.cells, pool_bytes);
    dir->pool.mask = layout->pool.count - 1;
    fill_ports(model, dir);
    return ref;
}

fs_ref model_write(struct model *model, struct error *err)
{
    struct layout *layout = calloc(1, sizeof(*layout));
    struct extents used;
    fs_ref ref = 0;

    if (!layout) {
        error_set(err, -ENOMEM, "out of memory");
        return 0;
    }
    layout->model = model;
    layout->key = &model->key;
    extents_read(model->arena, &used);
    if (write_tables(layout, &used, err) == 0) {
        if (layout_indexes(layout))
            error_set(err, -ENOMEM, "out of memory");
        else if (!(ref = write_directory(layout, &used)))
            arena_full(err);
    }
    free(layout->vips.cells);
    free(layout->pool.cells);
    free(layout);
    return ref;
}

void model_commit(const struct model *model, fs_ref directory)
{
    struct fs_root *root = fs_at(struct fs_root, model->arena, 0);

    if (memcmp(&root->key, &model->key, sizeof(root->key)) != 0)
        root->key = model->key;
    root->created_ns = model->created_ns;
    __atomic_store_n(&root->directory, directory, __ATOMIC_RELEASE);
}
