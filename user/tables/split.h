/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Divides items among owners by quota, moving the fewest. Buckets among versions and slots among
 * backends are both divided by it. Pure. */
#ifndef FLOWSPLIT_SPLIT_H
#define FLOWSPLIT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_NOBODY UINT32_MAX

/* One bucket or slot. */
struct split_item {
    uint32_t owner;        /* SPLIT_NOBODY before the first division */
    uint32_t previous;     /* owner before; SPLIT_NOBODY for none */
    uint32_t order;        /* place in the owner's order of taking, from 0 */
    uint32_t moving_until; /* tick; only for unsettled items */
    bool unsettled;        /* changed owner, and some live flows may still be elsewhere */
    uint8_t swept;         /* number of the sweep that last found one elsewhere; 0: none */
};

/* How many items an owner is to have. Owners may come in any order, each once. */
struct split_share {
    uint32_t owner;
    uint32_t quota;
};

/* The time of a change, in ticks. With drain 0, items change owner without ever being unsettled:
 * for a table that no flow has seen yet. */
struct split_time {
    uint32_t now;
    uint32_t drain;
};

/* Items that belong to nobody, in a fixed pseudo-random order. */
void split_init(struct split_item *items, size_t count);

/* Gives every owner its quota; the quotas must add up to `count`, and owners that aren't named have
 * none. Exactly as many items move as the growing owners gain. Who shrinks gives back what it took
 * last, if possible to whom it came from, so that growing and shrinking again ends with the same
 * items. An item that moves while it is moving keeps its previous owner, since flows that aren't on
 * record are older than its first move; else the owner it leaves is its previous one. Returns the
 * number of items moved, or -ENOMEM. */
long split_divide(struct split_item *items, size_t count, const struct split_share *shares,
                  size_t share_count, struct split_time time);

/* Fills in quotas for equal shares of `count` items, as near to what each owner has as equality
 * allows. */
void split_equal(const struct split_item *items, size_t count, struct split_share *shares,
                 size_t share_count);

/* Spreads `count` items over `count` * `factor`: every item becomes `factor` neighbours with the
 * same owner. `out` has room for them and isn't `items`. */
void split_refine(const struct split_item *items, size_t count, size_t factor,
                  struct split_item *out);

enum split_state { SPLIT_SETTLED, SPLIT_MOVING, SPLIT_TRACKED };

enum split_state split_state(const struct split_item *item, uint32_t now);

#endif
