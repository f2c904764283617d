/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who owns which buckets or slots, as text: an owner's items in the order in which it took them,
 * "17 40-99 3/2": 17 first, then 40 to 99, and 3 last, which was owner 2's before. Pure. */
#ifndef FLOWSPLIT_SAVED_ITEMS_H
#define FLOWSPLIT_SAVED_ITEMS_H

#include "error.h"
#include "split.h"

/* The items of one owner; malloc'ed, NULL when out of memory. */
char *saved_items_text(const struct split_item *items, size_t count, uint32_t owner);

/* Gives the owner what the text says, of items that so far belong to nobody. Returns 0, or -EINVAL
 * with *err saying which item it has not or has twice. */
int saved_items_read(const char *text, struct split_item *items, size_t count, uint32_t owner,
                     struct error *err);

#endif
