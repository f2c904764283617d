// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Declares, deletes and reweighs services in a model. */
#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_pool.h"
#include "parse.h"

uint32_t change_ticks(unsigned ms)
{
    return (uint32_t)((ms * 1000000ULL + FS_TICK_NS - 1) / FS_TICK_NS) + 1;
}

static int out_of_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "out of memory");
}

/* What is to happen to one service. */
struct service_change {
    struct change *change;
    uint32_t number;
    struct draft *draft;
    bool is_new;
    unsigned before[FS_VERSION_SLOTS]; /* weights */
    bool changed;
};

static int service_open(struct service_change *sc, struct change *change, int number, bool is_new,
                        struct error *err)
{
    *sc = (struct service_change){.change = change, .number = (uint32_t)number, .is_new = is_new};
    sc->draft = model_draft(change->model, sc->number);
    if (!sc->draft)
        return out_of_memory(err);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        sc->before[i] = sc->draft->versions[i].weight_bp;
    return 0;
}

static struct split_time service_time(const struct service_change *sc)
{
    return (struct split_time){
        .now = sc->change->now,
        .drain = sc->is_new ? 0 : change_ticks(sc->draft->drain_ms) + sc->change->slack};
}

static void note_weights(const struct service_change *sc, long moved)
{
    char from[16], to[16];
    const char *comma = "";

    fprintf(sc->change->notes, "%s: ", sc->draft->name);
    for (int i = 0; i < FS_VERSION_SLOTS; i++) {
        const struct draft_version *version = &sc->draft->versions[i];

        if (version->weight_bp == sc->before[i])
            continue;
        fprintf(sc->change->notes, "%s%s %s -> %s", comma, version->name,
                format_weight(sc->before[i], from), format_weight(version->weight_bp, to));
        comma = ", ";
    }
    fprintf(sc->change->notes, "; %ld buckets move\n", moved);
}

/* Deals the buckets out if any weight differs from before. */
static int service_divide(struct service_change *sc, struct error *err)
{
    bool differs = false;
    long moved;

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        differs = differs || sc->draft->versions[i].weight_bp != sc->before[i];
    if (!differs)
        return 0;
    moved = weights_divide(sc->draft, service_time(sc));
    if (moved < 0)
        return out_of_memory(err);
    if (!sc->is_new)
        note_weights(sc, moved);
    sc->changed = true;
    return 0;
}

static void service_close(struct service_change *sc)
{
    struct model *model = sc->change->model;

    if (!sc->changed)
        return;
    model->services[sc->number].changed = true;
    model->changed = true;
}

/* The place of a version that is declared: the one it has, or a free one. */
static int version_place(struct service_change *sc, const struct version_spec *spec,
                         struct error *err)
{
    int number = draft_version_find(sc->draft, spec->name);

    for (int i = 0; number < 0 && i < FS_VERSION_SLOTS; i++)
        if (sc->draft->versions[i].state == FS_VERSION_NONE)
            number = i;
    if (number < 0)
        error_set(
            err, -ENOSPC,
            "service %s: no room for version %s: of its %u versions, those no longer declared "
            "still have live flows; try again when they have drained",
            sc->draft->name, spec->name, FS_VERSION_SLOTS);
    return number;
}

static int version_declare(struct service_change *sc, const struct version_spec *spec,
                           uint32_t rank, bool declared[FS_VERSION_SLOTS], struct error *err)
{
    int number = version_place(sc, spec, err);
    struct draft_version *version;

    if (number < 0)
        return -ENOSPC;
    version = &sc->draft->versions[number];
    if (version->state != FS_VERSION_DECLARED || version->rank != rank) {
        if (!sc->is_new && version->state != FS_VERSION_DECLARED)
            fprintf(sc->change->notes, "%s: version %s added\n", sc->draft->name, spec->name);
        snprintf(version->name, sizeof(version->name), "%s", spec->name);
        version->state = FS_VERSION_DECLARED;
        version->rank = rank;
        sc->changed = true;
    }
    version->weight_bp = spec->weight_bp;
    declared[number] = true;
    return number;
}

/* Versions that are no longer declared get no new flows; their live ones go on. */
static void versions_retire(struct service_change *sc, const bool declared[FS_VERSION_SLOTS])
{
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        struct draft_version *version = &sc->draft->versions[i];

        if (declared[i] || version->state != FS_VERSION_DECLARED)
            continue;
        fprintf(sc->change->notes, "%s: version %s removed\n", sc->draft->name, version->name);
        version->state = FS_VERSION_RETIRED;
        version->weight_bp = 0;
        change_pool_empty(sc->change, sc->number, i);
        sc->changed = true;
    }
}

static void apply_scalars(struct service_change *sc, const struct service_spec *spec,
                          uint32_t baseline)
{
    char text[32];

    if (sc->draft->drain_ms != spec->drain_ms) {
        if (!sc->is_new)
            fprintf(sc->change->notes, "%s: drain %s\n", spec->name,
                    format_duration(spec->drain_ms, text));
        sc->draft->drain_ms = spec->drain_ms;
        sc->changed = true;
    }
    if (sc->draft->baseline != baseline) {
        if (!sc->is_new)
            fprintf(sc->change->notes, "%s: baseline %s\n", spec->name,
                    spec->versions[spec->baseline].name);
        sc->draft->baseline = baseline;
        sc->changed = true;
    }
}

static int apply_versions(struct service_change *sc, const struct service_spec *spec,
                          struct error *err)
{
    bool declared[FS_VERSION_SLOTS] = {false};
    int numbers[FS_MAX_VERSIONS], code;

    for (uint32_t i = 0; i < spec->version_count; i++) {
        numbers[i] = version_declare(sc, &spec->versions[i], i, declared, err);
        if (numbers[i] < 0)
            return numbers[i];
    }
    apply_scalars(sc, spec, (uint32_t)numbers[spec->baseline]);
    versions_retire(sc, declared);
    for (uint32_t i = 0; i < spec->version_count; i++) {
        code = change_pool(sc->change, sc->number, (uint32_t)numbers[i], &spec->versions[i],
                           service_time(sc), sc->is_new, err);
        if (code < 0)
            return code;
        sc->changed = sc->changed || code > 0;
    }
    return service_divide(sc, err);
}

/* A service with another VIP, mode or affinity is another service: its hash or its address is. */
static bool is_same_service(const struct fs_service *record, const struct service_spec *spec)
{
    return memcmp(&record->vip, &spec->vip, sizeof(record->vip)) == 0 &&
           record->mode == spec->mode && record->affinity == spec->affinity;
}

static int apply_service(struct change *change, const struct service_spec *spec, struct error *err)
{
    struct model *model = change->model;
    struct service_change sc;
    int number = model_find(model, spec->name), code;
    bool is_new = number < 0;

    if (is_new) {
        number = model_add(model, spec->name, &spec->vip, spec->mode, spec->affinity, err);
        if (number < 0)
            return number;
        fprintf(change->notes, "%s: added\n", spec->name);
    }
    code = service_open(&sc, change, number, is_new, err);
    code = code ? code : apply_versions(&sc, spec, err);
    if (!code)
        service_close(&sc);
    return code;
}

static const struct service_spec *spec_find(const struct spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->service_count; i++)
        if (strcmp(spec->services[i].name, name) == 0)
            return &spec->services[i];
    return NULL;
}

static void remove_undeclared(struct change *change, const struct spec *spec)
{
    struct model *model = change->model;

    for (uint32_t i = model->service_count; i-- > 0;) {
        const char *name = model_name(model, i);
        const struct service_spec *wanted = spec_find(spec, name);

        if (wanted && is_same_service(&model->services[i].record, wanted))
            continue;
        fprintf(change->notes,
                wanted ? "%s: VIP, mode or affinity differs: replaced, its live flows end\n"
                       : "%s: removed\n",
                name);
        model_remove(model, i);
    }
}

int change_apply(struct change *change, const struct spec *spec, struct error *err)
{
    remove_undeclared(change, spec);
    for (size_t i = 0; i < spec->service_count; i++) {
        int code = apply_service(change, &spec->services[i], err);

        if (code)
            return code;
    }
    change_locality(change);
    return change_check_pools(change->model, err);
}

static int find_service(struct change *change, const char *service, struct error *err)
{
    int number = model_find(change->model, service);

    return number >= 0 ? number
                       : error_set(err, -ENOENT,
                                   "no service \"%.64s\"; `flowsplit status` lists those there are",
                                   service);
}

int change_delete(struct change *change, const char *service, struct error *err)
{
    int number = find_service(change, service, err);

    if (number < 0)
        return number;
    fprintf(change->notes, "%s: removed\n", service);
    model_remove(change->model, (uint32_t)number);
    return 0;
}

int change_set(struct change *change, const char *service, const struct named_weight *weights,
               size_t weight_count, struct error *err)
{
    struct service_change sc;
    int number = find_service(change, service, err), code;

    if (number < 0)
        return number;
    code = service_open(&sc, change, number, false, err);
    code = code ? code : weights_set(sc.draft, weights, weight_count, err);
    code = code ? code : service_divide(&sc, err);
    if (!code)
        service_close(&sc);
    return code;
}
