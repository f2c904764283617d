// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A connection at the VIP itself, not at a backend, is one that flowsplit didn't steer. */
#include "adopt.h"

#include <errno.h>
#include <string.h>

#include "namespaces.h"
#include "sockets_diag.h"

struct counting {
    const struct model *model;
    uint32_t *counts;
    int err; /* the first, -errno */
};

static void count(void *context, const struct fs_endpoint *local)
{
    const struct counting *counting = context;

    for (uint32_t i = 0; i < counting->model->service_count; i++) {
        const struct fs_service *record = &counting->model->services[i].record;

        if (record->adopt & FS_ADOPT_UNDER_WAY && memcmp(local, &record->vip, sizeof(*local)) == 0)
            counting->counts[i]++;
    }
}

static bool count_namespace(void *context, ino_t inode)
{
    struct counting *counting = context;
    int code = sockets_diagnose_local(count, counting);

    (void)inode;
    counting->err = counting->err ? counting->err : code;
    return false;
}

static bool is_under_way(const struct model *model)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        if (model->services[i].record.adopt & FS_ADOPT_UNDER_WAY)
            return true;
    return false;
}

int adopt_count(const struct model *model, uint32_t counts[FS_MAX_SERVICES])
{
    struct counting counting = {.model = model, .counts = counts};

    memset(counts, 0, FS_MAX_SERVICES * sizeof(*counts));
    if (is_under_way(model))
        namespaces_each(count_namespace, &counting);
    return counting.err;
}

void adopt_begin(struct model *model)
{
    for (uint32_t i = 0; i < model->service_count; i++) {
        struct fs_service *record = &model->services[i].record;

        if (record->adopt & FS_ADOPT_WANTED)
            record->adopt |= FS_ADOPT_UNDER_WAY;
    }
}

/* If they can't be seen, they may be there. */
static void forget_ended(struct model *model)
{
    uint32_t counts[FS_MAX_SERVICES];

    if (adopt_count(model, counts))
        return;
    for (uint32_t i = 0; i < model->service_count; i++) {
        struct fs_service *record = &model->services[i].record;

        if (!(record->adopt & FS_ADOPT_UNDER_WAY) || counts[i])
            continue;
        record->adopt &= (uint8_t)~FS_ADOPT_UNDER_WAY;
        model->changed = true;
    }
}

/* Before a model of all is read: is there anything to do? */
static bool any_under_way(const struct instance *instance)
{
    const struct fs_root *root = instance->arena;
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena, root->directory);
    const struct fs_service *services = fs_at(struct fs_service, instance->arena, dir->services);

    for (uint32_t i = 0; i < dir->service_count; i++)
        if (services[i].adopt & FS_ADOPT_UNDER_WAY)
            return true;
    return false;
}

int adopt_end(struct instance *instance, struct error *err)
{
    struct model *model;
    int code = 0;

    if (!any_under_way(instance))
        return 0;
    model = model_read(instance->arena, instance->trips, err);
    if (!model)
        return -ENOMEM;
    forget_ended(model);
    code = instance_publish(instance, model, err);
    model_free(model);
    return code;
}
