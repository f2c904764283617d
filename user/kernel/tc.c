// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The whole chain is read each time: what is ours in it, and what packets meet before that. */
#include "tc.h"

#include <errno.h>
#include <stdio.h>

#include "clsact.h"
#include "owner.h"

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

/* The instance's program `program` in tcx, or NULL. */
static const struct chain_item *find_in_tcx(const struct side *side, enum instance_program program)
{
    for (unsigned i = 0; i < side->chain.count && is_tcx(&side->chain.items[i]); i++)
        if (program_of(side, &side->chain.items[i]) == program)
            return &side->chain.items[i];
    return NULL;
}

/* In tcx a program can't be twice: to become the first, it leaves for a moment. */
static int put_first(const struct side *side, enum instance_program program,
                     const struct chain_item **kept)
{
    int fd = side->instance->programs[program], err = 0;

    *kept = NULL;
    if (!side->has_tcx)
        return clsact_put(side->ifindex, parent(side), clsact_free_priority(&side->chain), fd);
    *kept = find_in_tcx(side, program);
    if (*kept)
        err = tcx_remove(side->ifindex, side->way, fd);
    return err ? err : tcx_put_first(side->ifindex, side->way, fd);
}

static int replace(const struct side *side, enum instance_program program)
{
    const int *programs = side->instance->programs;
    enum instance_program old = program_of(side, side->mine);

    if (old == program)
        return 0;
    if (is_tcx(side->mine))
        return tcx_replace(side->ifindex, side->way, programs[old], programs[program]);
    return clsact_replace(side->ifindex, parent(side), side->mine, programs[program]);
}

/* Is the instance's program as far in front as it can be? */
static bool is_first(const struct side *side)
{
    char name[OWNER_NAME];

    if (!side->mine || is_tcx(side->mine) != side->has_tcx)
        return false;
    return !find_ahead(side, name) ||
           (!side->has_tcx && side->mine->priority < clsact_free_priority(&side->chain));
}

int tc_put(const struct instance *instance, unsigned ifindex, enum tcx_way way,
           enum instance_program program)
{
    const struct chain_item *kept;
    struct side side;
    int err = look(&side, instance, ifindex, way);

    if (err || side.displaced)
        return err ? err : -EADDRINUSE;
    kept = side.mine;
    if (is_first(&side) &&
        (!side.has_tcx || program_of(&side, kept) == program || !find_in_tcx(&side, program)))
        err = replace(&side, program);
    else
        err = put_first(&side, program, &kept);
    return err ? err : remove_mine(&side, kept);
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
