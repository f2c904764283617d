/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds free space in the arena. There is no free list to keep or to lose: what can't be reached
 * from the root is free. Pure. */
#ifndef FLOWSPLIT_ARENA_ALLOC_H
#define FLOWSPLIT_ARENA_ALLOC_H

#include <stddef.h>

#include <flowsplit/arena.h>

/* A piece of the arena in use. */
struct extent {
    fs_ref begin, end;
};

/* Sorted pieces in use: the root, one directory, a table for each service, and what has been
 * allocated since, which may be as much again. */
struct extents {
    struct extent list[2 * FS_MAX_SERVICES + 4];
    size_t count;
};

/* What is reachable now. */
void extents_read(void *arena, struct extents *used);

/* A free piece of `bytes`, aligned to FS_ARENA_ALIGN, which is added to *used; 0 if there is none.
 */
fs_ref extents_alloc(struct extents *used, size_t bytes);

/* Bytes in use. */
size_t extents_bytes(const struct extents *used);

#endif
