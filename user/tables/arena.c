// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds free space in the arena. */
#include "arena.h"

#include <stdint.h>
#include <string.h>

static fs_ref align_up(fs_ref at)
{
    return (at + FS_ARENA_ALIGN - 1) & ~(FS_ARENA_ALIGN - 1);
}

static void insert(struct extents *used, fs_ref begin, size_t bytes)
{
    size_t i = used->count;

    while (i && used->list[i - 1].begin > begin)
        i--;
    memmove(&used->list[i + 1], &used->list[i], (used->count - i) * sizeof(used->list[0]));
    used->list[i] = (struct extent){begin, align_up(begin + (fs_ref)bytes)};
    used->count++;
}

void extents_read(void *arena, struct extents *used)
{
    const struct fs_root *root = fs_at(struct fs_root, arena, 0);
    const struct fs_directory *dir = fs_at(struct fs_directory, arena, root->directory);
    const struct fs_service *services = fs_at(struct fs_service, arena, dir->services);

    used->count = 0;
    insert(used, 0, FS_ROOT_BYTES);
    insert(used, root->directory, dir->bytes);
    for (uint32_t i = 0; i < dir->service_count; i++)
        insert(used, services[i].table, fs_at(struct fs_table, arena, services[i].table)->bytes);
}

fs_ref extents_alloc(struct extents *used, size_t bytes)
{
    if (!bytes || bytes > FS_ARENA_SIZE ||
        used->count == sizeof(used->list) / sizeof(used->list[0]))
        return 0;
    for (size_t i = 0; i < used->count; i++) {
        fs_ref begin = used->list[i].end;
        fs_ref end = i + 1 < used->count ? used->list[i + 1].begin : FS_ARENA_SIZE;

        if (end >= begin && end - begin >= bytes) {
            insert(used, begin, bytes);
            return begin;
        }
    }
    return 0;
}

size_t extents_bytes(const struct extents *used)
{
    size_t bytes = 0;

    for (size_t i = 0; i < used->count; i++)
        bytes += used->list[i].end - used->list[i].begin;
    return bytes;
}
