// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The whole chain is read each time: what is ours in it, and what packets meet before that. */
#include "tc.h"

#include <errno.h>
#include <stdio.h>

#include "clsact.h"
#include "owner.h"
#include "tcx_pins.h"

/* One direction of an interface. */
struct side {
    const struct instance *instance;
    unsigned ifindex;
    enum tcx_way way;
    bool has_tcx;
    bool displaced; /* what was read as the way back is an `ingress` qdisc's way in */
    struct chain chain;
    struct chain_item *mine; /* the first of the instance's, or NULL */
};

static uint32_t parent(const struct side *side)
{
    return side->way == TCX_WAY_IN ? CLSACT_IN : CLSACT_BACK;
}

static enum instance_program program_of(const struct side *side, const struct chain_item *item)
{
    return owner_program(side->instance, item->program);
}

static bool is_tcx(const struct chain_item *item)
{
    return !item->priority;
}

static int look(struct side *side, const struct instance *instance, unsigned ifindex,
                enum tcx_way way)
{
    int err;

    *side = (struct side){.instance = instance, .ifindex = ifindex, .way = way};
    err = tcx_read(ifindex, way, &side->chain);
    side->has_tcx = !err;
    if (err && err != -EOPNOTSUPP)
        return err;
    err = clsact_read(ifindex, parent(side), &side->chain);
    for (unsigned i = 0; i < side->chain.count && !side->mine; i++)
        if (program_of(side, &side->chain.items[i]) != PROGRAM_COUNT)
            side->mine = &side->chain.items[i];
    side->displaced =
        way == TCX_WAY_BACK && side->mine && !side->has_tcx && clsact_is_displaced(ifindex);
    return err;
}

/* Another's in front of the instance's program, or NULL. */
static const struct chain_item *find_ahead(const struct side *side, char *name)
{
    for (const struct chain_item *item = side->chain.items; item < side->mine; item++)
        if (owner_is_stranger(side->instance, item->program, name))
            return item;
    return NULL;
}

/* --- changes --- */

static int remove_item(const struct side *side, const struct chain_item *item)
{
    if (item->link)
        return tcx_pins_remove(side->instance, side->way, item->link);
    if (is_tcx(item))
        return tcx_remove(side->ifindex, side->way,
                          side->instance->programs[program_of(side, item)]);
    return clsact_remove(side->ifindex, parent(side), item);
}

/* Takes away what the instance has: all but `kept`, which may be NULL. */
static int remove_mine(const struct side *side, const struct chain_item *kept)
{
    int err = 0;

    for (unsigned i = 0; i < side->chain.count; i++) {
        const struct chain_item *item = &side->chain.items[i];
        int code = 0;

        if (item != kept && program_of(side, item) != PROGRAM_COUNT)
            code = remove_item(side, item);
        err = err ? err : code;
    }
    return err;
}

/* Puts a program where another of the instance's is. */
static int replace(const struct side *side, const struct chain_item *item,
                   enum instance_program program)
{
    const int *programs = side->instance->programs;
    enum instance_program old = program_of(side, item);

    if (item->link)
        return tcx_pins_keep(side->instance, side->way, item->link, programs[program]);
    if (old == program)
        return 0;
    if (is_tcx(item))
        return tcx_replace(side->ifindex, side->way, programs[old], programs[program]);
    return clsact_replace(side->ifindex, parent(side), item, programs[program]);
}

/* The instance's program `program` in tcx, or NULL. */
static const struct chain_item *find_in_tcx(const struct side *side, enum instance_program program)
{
    for (unsigned i = 0; i < side->chain.count && is_tcx(&side->chain.items[i]); i++)
        if (program_of(side, &side->chain.items[i]) == program)
            return &side->chain.items[i];
    return NULL;
}

/* What does the same behind a program as that would itself, and nothing to what that has steered;
 * PROGRAM_COUNT: none. */
static enum instance_program stand_in(const struct side *side, enum instance_program program)
{
    enum instance_program other = program == PROGRAM_TC_INGRESS  ? PROGRAM_TC_STAND_IN
                                  : program == PROGRAM_TC_EGRESS ? PROGRAM_TC_EGRESS_STAND_IN
                                                                 : PROGRAM_COUNT;

    return other != PROGRAM_COUNT && side->instance->programs[other] >= 0 ? other : PROGRAM_COUNT;
}

/* Makes way for a program in a chain that can't hold it twice. Where nothing can stand in for it,
 * it is missing until it is put in front. */
static int step_aside(const struct side *side, enum instance_program program)
{
    const struct chain_item *there = find_in_tcx(side, program);
    enum instance_program other = stand_in(side, program);

    if (!there)
        return 0;
    if (other == PROGRAM_COUNT || find_in_tcx(side, other))
        return remove_item(side, there);
    return replace(side, there, other);
}

/* A link can't change its place: a new one is put in front, and then the old one goes. */
static int put_first(struct side *side, enum instance_program program)
{
    int fd = side->instance->programs[program], err;

    if (side->has_tcx) {
        err = step_aside(side, program);
        err = err ? err : tcx_pins_put_first(side->instance, side->ifindex, side->way, fd);
    } else {
        err = clsact_put(side->ifindex, parent(side), clsact_free_priority(&side->chain), fd);
    }
    err = err ? err : look(side, side->instance, side->ifindex, side->way);
    return err ? err : remove_mine(side, side->mine);
}

/* Is the instance's program as far in front as it can be, and held as it should be? */
static bool is_first(const struct side *side)
{
    char name[OWNER_NAME];

    if (!side->mine || !side->mine->link == side->has_tcx)
        return false;
    return !find_ahead(side, name) ||
           (!side->has_tcx && side->mine->priority < clsact_free_priority(&side->chain));
}

int tc_put(const struct instance *instance, unsigned ifindex, enum tcx_way way,
           enum instance_program program)
{
    struct side side;
    int err = look(&side, instance, ifindex, way);

    if (err || side.displaced)
        return err ? err : -EADDRINUSE;
    if (!is_first(&side))
        return put_first(&side, program);
    err = remove_mine(&side, side.mine);
    return err ? err : replace(&side, side.mine, program);
}

int tc_clear(const struct instance *instance, unsigned ifindex, enum tcx_way way)
{
    struct side side;
    int err = look(&side, instance, ifindex, way);

    return err ? err : remove_mine(&side, NULL);
}

/* --- looking --- */

enum instance_program tc_get(const struct instance *instance, unsigned ifindex, enum tcx_way way)
{
    struct side side;

    if (look(&side, instance, ifindex, way) || !side.mine || side.displaced)
        return PROGRAM_COUNT;
    return program_of(&side, side.mine);
}

static void describe(const struct chain_item *item, const char *name, char *why)
{
    if (is_tcx(item))
        snprintf(why, TC_WHY, "%s (tcx, program %u) is ahead of it and may end the chain", name,
                 item->program);
    else if (item->program)
        snprintf(why, TC_WHY, "%s (pref %u, program %u) is ahead of it and may end the chain", name,
                 item->priority, item->program);
    else
        snprintf(why, TC_WHY, "a %s filter (pref %u) is ahead of it and may end the chain",
                 item->kind, item->priority);
}

static void describe_missing(const struct side *side, char *why)
{
    bool displaced =
        side->way == TCX_WAY_BACK && !side->has_tcx && clsact_is_displaced(side->ifindex);

    snprintf(why, TC_WHY, "missing%s",
             displaced ? ": an `ingress` qdisc holds the place of clsact" : "");
}

void tc_look(const struct instance *instance, unsigned ifindex, enum tcx_way way, char *why)
{
    const struct chain_item *ahead = NULL;
    char name[OWNER_NAME];
    struct side side;
    int err = look(&side, instance, ifindex, way);

    *why = '\0';
    if (err)
        snprintf(why, TC_WHY, "can't be looked at: error %d", -err);
    else if (!side.mine || side.displaced)
        describe_missing(&side, why);
    else
        ahead = find_ahead(&side, name);
    if (ahead)
        describe(ahead, name, why);
}
