// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A version's slot table. */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_PER_BACKEND      128
#define SLOTS_PER_BACKEND_MANY 16
#define MANY_SLOTS             16384

uint32_t pool_slots(uint32_t backends)
{
    uint32_t want = backends * SLOTS_PER_BACKEND, slots = SLOTS_PER_BACKEND;

    if (want > MANY_SLOTS) {
        want = backends * SLOTS_PER_BACKEND_MANY;
        want = want > MANY_SLOTS ? want : MANY_SLOTS;
    }
    while (slots < want)
        slots *= 2;
    return slots;
}

static int pool_grow(struct draft_version *version, uint32_t count)
{
    struct split_item *slots = calloc(count, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    if (version->slot_count)
        split_refine(version->slots, version->slot_count, count / version->slot_count, slots);
    else
        split_init(slots, count);
    free(version->slots);
    version->slots = slots;
    version->slot_count = count;
    return 0;
}

long pool_spread(struct draft_version *version, struct split_time time)
{
    uint32_t count = pool_slots(version->member_count);
    struct split_share *shares;
    long moved;

    if (!version->member_count)
        return 0;
    if (!version->slot_count)
        time.drain = 0;
    if (count > version->slot_count && pool_grow(version, count))
        return -ENOMEM;
    shares = calloc(version->member_count, sizeof(*shares));
    if (!shares)
        return -ENOMEM;
    for (uint32_t i = 0; i < version->member_count; i++)
        shares[i].owner = version->members[i];
    split_equal(version->slots, version->slot_count, shares, version->member_count);
    moved = split_divide(version->slots, version->slot_count, shares, version->member_count, time);
    free(shares);
    return moved;
}
