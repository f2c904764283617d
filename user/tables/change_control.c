// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Chooses the buckets of the control. */
#include "change_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service_change.h"

/* Numbers that look random (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014). */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static unsigned count_owned(const struct draft *draft, uint32_t version)
{
    unsigned count = 0;

    for (int i = 0; i < FS_BUCKETS; i++)
        count += draft->buckets[i].owner == version;
    return count;
}

/* Takes each of the baseline's buckets with the chance that leaves the rest as good a one. */
static void choose(struct draft *draft, unsigned wanted, uint64_t seed)
{
    unsigned left = count_owned(draft, draft->baseline);

    for (int i = 0; i < FS_BUCKETS; i++) {
        draft->in_control[i] = false;
        if (draft->buckets[i].owner != draft->baseline)
            continue;
        draft->in_control[i] = (next_random(&seed) >> 32) * left >> 32 < wanted;
        wanted -= draft->in_control[i];
        left--;
    }
}

static int take_slot(struct service_change *sc, struct error *err)
{
    struct draft *draft = sc->draft;

    if (draft->control != FS_NO_HEALTH)
        return 0;
    draft->control = model_health_take(sc->change->model);
    draft->control_new = true;
    if (draft->control == FS_NO_HEALTH)
        return error_set(err, -ENOSPC,
                         "the control of service %s is one too many to be observed (%d versions "
                         "and controls in an instance)",
                         draft->name, FS_HEALTH_SLOTS);
    return 0;
}

int change_control(struct change *change, const char *service, const char *version, uint64_t seed,
                   struct error *err)
{
    int number = change_find(change, service, err), code, found;
    struct service_change sc;

    if (number < 0)
        return number;
    code = service_open(&sc, change, number, false, err);
    if (code)
        return code;
    found = draft_version_find(sc.draft, version);
    if (found < 0)
        return weights_unknown_version(sc.draft, version, err);
    code = take_slot(&sc, err);
    if (code)
        return code;
    choose(sc.draft, count_owned(sc.draft, (uint32_t)found), seed);
    sc.changed = true;
    service_close(&sc);
    return 0;
}

int change_control_end(struct change *change, const char *service, struct error *err)
{
    int number = change_find(change, service, err), code;
    struct service_change sc;

    if (number < 0)
        return number;
    code = service_open(&sc, change, number, false, err);
    if (code || sc.draft->control == FS_NO_HEALTH)
        return code;
    sc.draft->control = FS_NO_HEALTH;
    memset(sc.draft->in_control, 0, sizeof(sc.draft->in_control));
    sc.changed = true;
    service_close(&sc);
    return 0;
}

unsigned control_buckets(const struct draft *draft)
{
    unsigned count = 0;

    for (int i = 0; i < FS_BUCKETS && draft->control != FS_NO_HEALTH; i++)
        count += draft->in_control[i] && draft->buckets[i].owner == draft->baseline;
    return count;
}
