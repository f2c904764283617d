// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Builds the indexes of endpoints that the data path searches. */
#include "index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MIN        16
#define CELLS_PER_RECORD 4

static const struct fs_endpoint *endpoint_of(const void *records, size_t stride, uint32_t number)
{
    return (const struct fs_endpoint *)((const char *)records + number * stride);
}

static uint32_t start_of(const struct index_draft *index, const struct fs_hash_key *key,
                         const struct fs_endpoint *at)
{
    return fs_hash_endpoint(key, at->addr, at->port_be, at->proto, at->family, index->count);
}

/* Enters one record. Returns false if its place would be too far from where the search begins. */
static bool enter(struct index_draft *index, const struct fs_hash_key *key, const void *records,
                  size_t stride, uint32_t number)
{
    const struct fs_endpoint *at = endpoint_of(records, stride, number);
    uint32_t start = start_of(index, key, at);

    for (uint32_t i = 0; i < FS_INDEX_PROBES; i++) {
        uint32_t *cell = &index->cells[(start + i) & (index->count - 1)];

        if (!*cell) {
            *cell = number + 1;
            return true;
        }
        if (memcmp(endpoint_of(records, stride, *cell - 1), at, sizeof(*at)) == 0)
            return true;
    }
    return false;
}

static bool enter_all(struct index_draft *index, const struct fs_hash_key *key, const void *records,
                      size_t stride, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!enter(index, key, records, stride, numbers[i]))
            return false;
    return true;
}

int index_build(struct index_draft *index, const struct fs_hash_key *key, const void *records,
                size_t stride, const uint32_t *numbers, size_t number_count)
{
    uint32_t count = CELLS_MIN;

    while (count < number_count * CELLS_PER_RECORD)
        count *= 2;
    for (; count <= FS_ARENA_SIZE / sizeof(uint32_t); count *= 2) {
        index->count = count;
        index->cells = calloc(count, sizeof(*index->cells));
        if (!index->cells)
            return -ENOMEM;
        if (enter_all(index, key, records, stride, numbers, number_count))
            return 0;
        free(index->cells);
    }
    index->cells = NULL;
    return -ENOMEM;
}

long index_find(const struct index_draft *index, const struct fs_hash_key *key, const void *records,
                size_t stride, const struct fs_endpoint *at)
{
    uint32_t start = start_of(index, key, at);

    for (uint32_t i = 0; i < FS_INDEX_PROBES; i++) {
        uint32_t cell = index->cells[(start + i) & (index->count - 1)];

        if (!cell)
            return -1;
        if (memcmp(endpoint_of(records, stride, cell - 1), at, sizeof(*at)) == 0)
            return cell - 1;
    }
    return -1;
}
