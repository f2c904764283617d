/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds the indexes of endpoints that the data path searches. Pure. */
#ifndef FLOWSPLIT_INDEX_H
#define FLOWSPLIT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include <flowsplit/arena.h>

/* Cells of an index, to be copied into the arena. Owns `cells`. */
struct index_draft {
    uint32_t *cells;
    uint32_t count; /* a power of two */
};

/* An index over records of `stride` bytes, each beginning with its endpoint. Only the records
 * listed in `numbers` are entered; of several with one endpoint, the first. Returns 0 or -ENOMEM.
 */
int index_build(struct index_draft *index, const struct fs_hash_key *key, const void *records,
                size_t stride, const uint32_t *numbers, size_t number_count);

/* The number of the record found, or -1: what the data path does. */
long index_find(const struct index_draft *index, const struct fs_hash_key *key, const void *records,
                size_t stride, const struct fs_endpoint *at);

#endif
