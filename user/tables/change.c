// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Declares, deletes and reweighs services in a model. */
#include "change.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "change_pool.h"
#include "guard.h"
#include "parse.h"
#include "service_change.h"
#include "spec_guard.h"

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
        if (version->withdrawn)
            fprintf(sc->change->notes,
                    "%s: version %s is still withdrawn; `flowsplit clear %s %s` ends that\n",
                    sc->draft->name, spec->name, sc->draft->name, spec->name);
        if (version->state == FS_VERSION_NONE) {
            version->health = model_health_take(sc->change->model);
            version->act = HEALTH_NEW;
        }
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
        change_pool_empty(sc->change, sc->number, i, service_time(sc).now);
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

/* The rules' edition differs whenever they do, so that no score of other rules is taken for theirs.
 * Returns 1 if they do, 0 if not. */
static int apply_guard(struct service_change *sc, const struct service_spec *spec,
                       struct error *err)
{
    struct fs_guard guard;
    int code = guard_check_kernel(spec, sc->change->missing, err);

    if (code)
        return code;
    guard_build(&spec->guard, &guard);
    guard.edition = sc->draft->guard.edition;
    if (memcmp(&guard, &sc->draft->guard, sizeof(guard)) == 0)
        return 0;
    guard.edition++;
    sc->draft->guard = guard;
    sc->changed = true;
    if (!sc->is_new)
        fprintf(sc->change->notes, "%s: guard changed\n", spec->name);
    return 1;
}

static void apply_observation(struct service_change *sc, const struct service_spec *spec)
{
    struct fs_service *record = &sc->change->model->services[sc->number].record;
    uint32_t sample = UINT32_MAX >> spec->sample_shift;

    if (record->sample == sample && record->http == spec->http)
        return;
    record->sample = sample;
    record->http = spec->http;
    sc->changed = true;
    if (!sc->is_new)
        fprintf(sc->change->notes, "%s: sample or http changed\n", spec->name);
}

static void apply_adoption(struct service_change *sc, const struct service_spec *spec)
{
    struct fs_service *record = &sc->change->model->services[sc->number].record;
    bool wanted = !spec->reset && spec->vip.proto == IPPROTO_TCP;

    if (!!(record->adopt & FS_ADOPT_WANTED) == wanted)
        return;
    record->adopt = wanted ? FS_ADOPT_WANTED | FS_ADOPT_UNDER_WAY : 0;
    sc->changed = true;
    if (!sc->is_new)
        fprintf(sc->change->notes, "%s: adopt %s\n", spec->name, wanted ? "true" : "false");
}

/* Sets the backends. What rules and backends were accepted once is accepted again: while it is
 * restarted, a container has no address. */
static int apply_pools(struct service_change *sc, const struct service_spec *spec,
                       const int numbers[FS_MAX_VERSIONS], bool guard_changed, struct error *err)
{
    for (uint32_t i = 0; i < spec->version_count; i++) {
        const struct version_spec *version = &spec->versions[i];
        int code = change_pool(sc->change, sc->number, (uint32_t)numbers[i], version,
                               service_time(sc), sc->is_new, err);

        if (code < 0)
            return code;
        sc->changed = sc->changed || code > 0;
        if (code > 0 || guard_changed)
            code = guard_check_sockets(spec, version, sc->change->is_here, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static int apply_versions(struct service_change *sc, const struct service_spec *spec,
                          struct error *err)
{
    bool declared[FS_VERSION_SLOTS] = {false};
    int numbers[FS_MAX_VERSIONS], guard, code;

    for (uint32_t i = 0; i < spec->version_count; i++) {
        numbers[i] = version_declare(sc, &spec->versions[i], i, declared, err);
        if (numbers[i] < 0)
            return numbers[i];
    }
    apply_scalars(sc, spec, (uint32_t)numbers[spec->baseline]);
    guard = apply_guard(sc, spec, err);
    if (guard < 0)
        return guard;
    apply_observation(sc, spec);
    apply_adoption(sc, spec);
    if (sc->draft->versions[sc->draft->baseline].withdrawn)
        return error_set(err, -EINVAL,
                         "service %s: version %s is withdrawn, and can't be the baseline before "
                         "`flowsplit clear %s %s`",
                         spec->name, spec->versions[spec->baseline].name, spec->name,
                         spec->versions[spec->baseline].name);
    versions_retire(sc, declared);
    code = apply_pools(sc, spec, numbers, guard, err);
    return code ? code : service_divide(sc, err);
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

/* With its trips: they were for its versions. */
static void note_replaced(const struct change *change, uint32_t number)
{
    const struct model *model = change->model;
    const struct fs_table *table =
        fs_at(struct fs_table, model->arena, model->services[number].record.table);

    fprintf(change->notes, "%s: VIP, mode or affinity differs: replaced, its live flows end",
            table->name);
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
        if (table->versions[i].withdrawn)
            fprintf(change->notes, "; %s is no longer withdrawn", table->versions[i].name);
    fputc('\n', change->notes);
}

static void remove_undeclared(struct change *change, const struct spec *spec)
{
    struct model *model = change->model;

    for (uint32_t i = model->service_count; i-- > 0;) {
        const char *name = model_name(model, i);
        const struct service_spec *wanted = spec_find(spec, name);

        if (wanted && is_same_service(&model->services[i].record, wanted))
            continue;
        if (wanted)
            note_replaced(change, i);
        else
            fprintf(change->notes, "%s: removed\n", name);
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

int change_delete(struct change *change, const char *service, struct error *err)
{
    int number = change_find(change, service, err);

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
    int number = change_find(change, service, err), code;

    if (number < 0)
        return number;
    code = service_open(&sc, change, number, false, err);
    code = code ? code : weights_set(sc.draft, weights, weight_count, err);
    code = code ? code : service_divide(&sc, err);
    if (!code)
        service_close(&sc);
    return code;
}
