// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Divides items among owners by quota, moving the fewest. */
#include "split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An owner while items change hands. */
struct party {
    uint32_t owner;
    uint32_t quota;
    uint32_t have;
};

struct division {
    struct split_item *items;
    size_t count;
    struct party *parties; /* sorted by owner */
    size_t party_count;
    uint32_t *queue; /* items given up, in order */
    size_t queued;
};

void split_init(struct split_item *items, size_t count)
{
    uint64_t state = 0x9e3779b97f4a7c15; /* any constant: the order is fixed, not secret */
    size_t i;

    for (i = 0; i < count; i++)
        items[i] = (struct split_item){
            .owner = SPLIT_NOBODY, .previous = SPLIT_NOBODY, .order = (uint32_t)i};
    for (i = count; i > 1; i--) { /* Fisher and Yates */
        size_t j;
        uint32_t order = items[i - 1].order;

        state = state * 6364136223846793005u + 1442695040888963407u;
        j = (size_t)((state >> 33) % i);
        items[i - 1].order = items[j].order;
        items[j].order = order;
    }
}

enum split_state split_state(const struct split_item *item, uint32_t now)
{
    if (!item->unsettled)
        return SPLIT_SETTLED;
    return (int32_t)(item->moving_until - now) > 0 ? SPLIT_MOVING : SPLIT_TRACKED;
}

static int party_compare(const void *left, const void *right)
{
    uint32_t a = ((const struct party *)left)->owner, b = ((const struct party *)right)->owner;

    return a < b ? -1 : a > b;
}

static struct party *party_find(const struct division *div, uint32_t owner)
{
    struct party key = {.owner = owner};

    return bsearch(&key, div->parties, div->party_count, sizeof(key), party_compare);
}

/* All who have items or are to have some, each once. */
static int parties_collect(struct division *div, const struct split_share *shares,
                           size_t share_count)
{
    size_t i, n = 0;

    div->parties = calloc(div->count + share_count, sizeof(*div->parties));
    if (!div->parties)
        return -ENOMEM;
    for (i = 0; i < share_count; i++)
        div->parties[n++] = (struct party){.owner = shares[i].owner, .quota = shares[i].quota};
    qsort(div->parties, n, sizeof(*div->parties), party_compare);
    div->party_count = n;
    for (i = 0; i < div->count; i++)
        if (!party_find(div, div->items[i].owner))
            div->parties[n++] = (struct party){.owner = div->items[i].owner};
    qsort(div->parties, n, sizeof(*div->parties), party_compare);
    div->party_count = 0;
    for (i = 0; i < n; i++)
        if (!i || div->parties[i].owner != div->parties[i - 1].owner)
            div->parties[div->party_count++] = div->parties[i];
    for (i = 0; i < div->count; i++)
        party_find(div, div->items[i].owner)->have++;
    return 0;
}

/* Queues what each owner has too much, the latest taken first. An owner's orders are 0 to have - 1,
 * so what it gives up are the orders from quota on. */
static int queue_surplus(struct division *div)
{
    size_t *first = calloc(div->party_count, sizeof(*first));
    size_t i, total = 0;

    if (!first)
        return -ENOMEM;
    for (i = 0; i < div->party_count; i++) {
        first[i] = total;
        if (div->parties[i].have > div->parties[i].quota)
            total += div->parties[i].have - div->parties[i].quota;
    }
    for (i = 0; i < div->count; i++) {
        struct party *party = party_find(div, div->items[i].owner);

        if (div->items[i].order >= party->quota)
            div->queue[first[party - div->parties] + party->have - 1 - div->items[i].order] =
                (uint32_t)i;
    }
    for (i = 0; i < div->party_count; i++)
        if (div->parties[i].have > div->parties[i].quota)
            div->parties[i].have = div->parties[i].quota;
    div->queued = total;
    free(first);
    return 0;
}

static void item_move(struct split_item *item, struct party *to, struct split_time time)
{
    if (time.drain) {
        if (split_state(item, time.now) != SPLIT_MOVING)
            item->previous = item->owner;
        item->unsettled = item->previous != SPLIT_NOBODY;
        item->moving_until = time.now + time.drain;
    } else {
        item->previous = item->owner;
    }
    item->owner = to->owner;
    item->order = to->have++;
}

static bool party_wants(const struct party *party)
{
    return party && party->have < party->quota;
}

/* Hands the queue out: first back to whom an item came from, then to who still wants. */
static void queue_deal(struct division *div, struct split_time time)
{
    struct party *wants = div->parties, *end = div->parties + div->party_count;
    size_t i;

    for (i = 0; i < div->queued; i++) {
        struct split_item *item = &div->items[div->queue[i]];
        struct party *from = party_find(div, item->previous);

        if (item->previous == SPLIT_NOBODY || !party_wants(from))
            continue;
        item_move(item, from, time);
        div->queue[i] = UINT32_MAX;
    }
    for (i = 0; i < div->queued; i++) {
        if (div->queue[i] == UINT32_MAX)
            continue;
        while (wants < end && !party_wants(wants))
            wants++;
        if (wants < end)
            item_move(&div->items[div->queue[i]], wants, time);
    }
}

long split_divide(struct split_item *items, size_t count, const struct split_share *shares,
                  size_t share_count, struct split_time time)
{
    struct division div = {.items = items, .count = count};
    int err;

    div.queue = malloc(count * sizeof(*div.queue) + 1);
    err = div.queue ? parties_collect(&div, shares, share_count) : -ENOMEM;
    err = err ? err : queue_surplus(&div);
    if (!err)
        queue_deal(&div, time);
    free(div.queue);
    free(div.parties);
    return err ? err : (long)div.queued;
}

static int share_compare(const void *left, const void *right)
{
    uint32_t a = ((const struct split_share *)left)->owner;
    uint32_t b = ((const struct split_share *)right)->owner;

    return a < b ? -1 : a > b;
}

void split_equal(const struct split_item *items, size_t count, struct split_share *shares,
                 size_t share_count)
{
    size_t base = count / share_count, extra = count % share_count, i;
    uint32_t have;

    qsort(shares, share_count, sizeof(*shares), share_compare);
    for (i = 0; i < share_count; i++)
        shares[i].quota = 0;
    for (i = 0; i < count; i++) {
        struct split_share key = {.owner = items[i].owner};
        struct split_share *share = bsearch(&key, shares, share_count, sizeof(key), share_compare);

        if (share)
            share->quota++;
    }
    /* Who has more than the base keeps one more, as far as that goes. */
    for (i = 0; i < share_count; i++) {
        have = shares[i].quota;
        shares[i].quota = (uint32_t)base;
        if (have > base && extra) {
            shares[i].quota++;
            extra--;
        }
    }
    for (i = 0; i < share_count && extra; i++)
        if (shares[i].quota == base) {
            shares[i].quota++;
            extra--;
        }
}

void split_refine(const struct split_item *items, size_t count, size_t factor,
                  struct split_item *out)
{
    size_t i, j;

    for (i = 0; i < count; i++)
        for (j = 0; j < factor; j++) {
            out[i * factor + j] = items[i];
            out[i * factor + j].order = (uint32_t)(items[i].order * factor + j);
        }
}
