// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A change to one service. */
#include "service_change.h"

#include <errno.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "parse.h"

int change_find(const struct change *change, const char *service, struct error *err)
{
    int number = model_find(change->model, service);

    return number >= 0 ? number
                       : error_set(err, -ENOENT,
                                   "no service \"%.64s\"; `flowsplit status` lists those there are",
                                   service);
}

static int out_of_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "out of memory");
}

int service_open(struct service_change *sc, struct change *change, int number, bool is_new,
                 struct error *err)
{
    *sc = (struct service_change){.change = change, .number = (uint32_t)number, .is_new = is_new};
    sc->draft = model_draft(change->model, sc->number);
    if (!sc->draft)
        return out_of_memory(err);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        sc->wished[i] = sc->draft->versions[i].weight_bp;
    sc->serving = weights_serving(sc->draft, change->model->trips, change->now);
    return 0;
}

struct split_time service_time(const struct service_change *sc)
{
    return (struct split_time){
        .now = sc->change->now,
        .drain = sc->is_new ? 0 : fs_ticks(sc->draft->drain_ms) + sc->change->slack};
}

static bool note_weights(const struct service_change *sc)
{
    char from[16], to[16];
    bool any = false;

    for (int i = 0; i < FS_VERSION_SLOTS; i++) {
        const struct draft_version *version = &sc->draft->versions[i];

        if (version->weight_bp == sc->wished[i])
            continue;
        if (any)
            fputs(", ", sc->change->notes);
        else
            fprintf(sc->change->notes, "%s: ", sc->draft->name);
        fprintf(sc->change->notes, "%s %s -> %s%s", version->name,
                format_weight(sc->wished[i], from), format_weight(version->weight_bp, to),
                version->withdrawn ? " (withdrawn: when it is cleared)" : "");
        any = true;
    }
    return any;
}

/* Has any version another weight than before, or anybody else to serve its buckets? */
static bool differs(const struct service_change *sc)
{
    struct serving now = weights_serving(sc->draft, sc->change->model->trips, sc->change->now);

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (sc->draft->versions[i].weight_bp != sc->wished[i] || now.by[i] != sc->serving.by[i])
            return true;
    return false;
}

int service_divide(struct service_change *sc, struct error *err)
{
    unsigned effective[FS_VERSION_SLOTS];
    bool noted = !sc->is_new && note_weights(sc);
    char weight[16];
    long moved = 0;

    weights_effective(sc->draft, effective);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (effective[i] && !sc->draft->versions[i].member_count)
            return error_set(
                err, -EINVAL, "version %s of service %s would get %s, but has no backends",
                sc->draft->versions[i].name, sc->draft->name, format_weight(effective[i], weight));
    if (differs(sc)) {
        moved = weights_divide(sc->draft, &sc->serving, service_time(sc));
        sc->changed = true;
    }
    if (moved < 0)
        return out_of_memory(err);
    if (noted)
        fprintf(sc->change->notes, "; %ld buckets move\n", moved);
    return 0;
}

void service_close(struct service_change *sc)
{
    struct model *model = sc->change->model;

    if (!sc->changed)
        return;
    model->services[sc->number].changed = true;
    model->changed = true;
}
