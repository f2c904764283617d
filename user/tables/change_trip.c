// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Withdraws versions and takes them back. */
#include "change_trip.h"

#include <errno.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "parse.h"
#include "service_change.h"

/* A trip word as it is at one moment: the kernel may be changing it. */
static struct fs_trip_word word_now(const struct fs_trip_word *trip)
{
    struct fs_trip_word word;

    do {
        word.state = fs_trip_state(trip);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        word = *(const volatile struct fs_trip_word *)trip;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (word.state != fs_trip_state(trip));
    return word;
}

/* As of the kernel's own moments: the data path has steered so since then. */
static int settle_version(struct model *model, uint32_t service, uint32_t version,
                          const struct fs_table *table, struct error *err)
{
    struct draft *draft = model_draft(model, service);
    struct fs_trip_word word;

    if (!draft)
        return error_set(err, -ENOMEM, "out of memory");
    word = word_now(fs_trip_of(model->trips, table, version));
    for (uint32_t i = 0; i < FS_BUCKETS; i++) {
        struct split_item *bucket = &draft->buckets[i];

        if (bucket->owner != version)
            continue;
        bucket->previous = fs_bucket_former(table, &word, i);
        bucket->moving_until = fs_state_since(word.state) + fs_ticks(draft->drain_ms);
        bucket->unsettled = true;
    }
    draft->versions[version].withdrawn = fs_state_tick(word.state) != 0;
    draft->versions[version].trip_state = word.state;
    model->services[service].changed = model->changed = true;
    return 0;
}

int change_settle_trips(struct model *model, struct error *err)
{
    for (uint32_t i = 0; i < model->service_count; i++) {
        const struct fs_table *table =
            fs_at(struct fs_table, model->arena, model->services[i].record.table);

        for (uint32_t v = 0; v < FS_VERSION_SLOTS; v++) {
            if (table->versions[v].state == FS_VERSION_NONE ||
                fs_trip_state(fs_trip_of(model->trips, table, v)) == table->pool[v].trip_state)
                continue;
            if (settle_version(model, i, v, table, err))
                return -ENOMEM;
        }
    }
    return 0;
}

static int find_version(struct service_change *sc, const char *name, struct error *err)
{
    int number = draft_version_find(sc->draft, name);

    if (number < 0 || sc->draft->versions[number].state != FS_VERSION_DECLARED)
        return weights_unknown_version(sc->draft, name, err);
    return number;
}

static int open_version(struct service_change *sc, struct change *change, const char *service,
                        const char *version, struct error *err)
{
    int number = change_find(change, service, err), code;

    if (number < 0)
        return number;
    code = service_open(sc, change, number, false, err);
    return code ? code : find_version(sc, version, err);
}

static int check_withdraw(const struct draft *draft, uint32_t number, struct error *err)
{
    const struct draft_version *version = &draft->versions[number];
    const struct draft_version *baseline = &draft->versions[draft->baseline];

    if (number == draft->baseline)
        return error_set(err, -EINVAL,
                         "version %s is the baseline of service %s, which gets what others lose: "
                         "it can't be withdrawn",
                         version->name, draft->name);
    if (version->withdrawn)
        return error_set(err, -EALREADY, "version %s of service %s is withdrawn already",
                         version->name, draft->name);
    if (!baseline->member_count)
        return error_set(err, -EINVAL,
                         "the baseline %s of service %s has no backends, so nothing can be "
                         "withdrawn in its favour",
                         baseline->name, draft->name);
    if (version->health == FS_NO_HEALTH)
        return error_set(err, -ENOSPC,
                         "version %s of service %s is one too many to be observed (%d in an "
                         "instance); set its weight to 0%% instead",
                         version->name, draft->name, FS_HEALTH_SLOTS);
    return 0;
}

/* 0 is "never". */
static uint32_t trip_tick(const struct change *change)
{
    return change->now ? change->now : 1;
}

static uint32_t cut_tick(const struct service_change *sc, const struct live_choice *choice)
{
    const struct fs_guard *guard = &sc->draft->guard;
    enum fs_live_flows live =
        choice->as_guarded ? (enum fs_live_flows)guard->live_flows : choice->live;
    uint32_t drain = choice->as_guarded ? guard->live_ticks : fs_ticks(choice->ms);
    uint32_t cut = sc->change->now + (live == FS_LIVE_DRAIN ? drain : 0);

    if (live == FS_LIVE_KEEP)
        return 0;
    return cut ? cut : 1;
}

int change_withdraw(struct change *change, const char *service, const char *version,
                    const struct live_choice *live, uint32_t cause, struct error *err)
{
    struct service_change sc;
    int number = open_version(&sc, change, service, version, err), code;

    code = number < 0 ? number : check_withdraw(sc.draft, (uint32_t)number, err);
    if (code)
        return code;
    sc.draft->versions[number].withdrawn = true;
    sc.draft->versions[number].trip_state = trip_tick(change);
    sc.draft->versions[number].act = HEALTH_WITHDRAW;
    sc.draft->versions[number].cause = cause;
    sc.draft->versions[number].cut = cut_tick(&sc, live);
    fprintf(change->notes, "%s: %s withdrawn\n", service, version);
    code = service_divide(&sc, err);
    sc.changed = true;
    service_close(&sc);
    return code;
}

int change_clear(struct change *change, const char *service, const char *version,
                 bool (*is_tripped)(void *context, uint32_t health), void *context,
                 struct error *err)
{
    struct service_change sc;
    int number = open_version(&sc, change, service, version, err), code;
    struct draft_version *entry;

    if (number < 0)
        return number;
    entry = &sc.draft->versions[number];
    if (!entry->withdrawn && !is_tripped(context, entry->health))
        return error_set(err, -EINVAL, "version %s of service %s has not tripped: nothing to clear",
                         version, service);
    if (entry->withdrawn)
        entry->trip_state = (uint64_t)trip_tick(change) << 32;
    entry->withdrawn = false;
    entry->act = HEALTH_CLEAR;
    fprintf(change->notes, "%s: %s cleared\n", service, version);
    code = service_divide(&sc, err);
    sc.changed = true;
    service_close(&sc);
    return code;
}
