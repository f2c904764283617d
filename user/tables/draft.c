// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A service's table taken apart and put together. */
#include "draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_VERSION 0xff /* in fs_bucket_move.previous */

static uint32_t *copy_words(const uint32_t *from, size_t count)
{
    uint32_t *words = calloc(count + 1, sizeof(*words));

    if (words && count)
        memcpy(words, from, count * sizeof(*words));
    return words;
}

struct draft *draft_new(const char *name)
{
    struct draft *draft = calloc(1, sizeof(*draft));

    if (!draft)
        return NULL;
    snprintf(draft->name, sizeof(draft->name), "%s", name);
    draft->control = FS_NO_HEALTH;
    split_init(draft->buckets, FS_BUCKETS);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        draft->versions[i].health = FS_NO_HEALTH;
    return draft;
}

void draft_version_clear(struct draft_version *version)
{
    free(version->members);
    free(version->slots);
    memset(version, 0, sizeof(*version));
    version->health = FS_NO_HEALTH;
}

void draft_free(struct draft *draft)
{
    if (!draft)
        return;
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        draft_version_clear(&draft->versions[i]);
    free(draft);
}

int draft_version_find(const struct draft *draft, const char *name)
{
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (draft->versions[i].state != FS_VERSION_NONE &&
            strcmp(draft->versions[i].name, name) == 0)
            return i;
    return -1;
}

static void read_buckets(struct draft *draft, const struct fs_table *table)
{
    for (uint32_t i = 0; i < FS_BUCKETS; i++) {
        const struct fs_bucket_move *move = &table->moves[i];

        draft->buckets[i] = (struct split_item){
            .owner = table->owner[i] & FS_OWNER_VERSION,
            .previous = move->previous == NO_VERSION ? SPLIT_NOBODY : move->previous,
            .order = move->order,
            .moving_until = move->moving_until,
            .unsettled = table->owner[i] & FS_OWNER_UNSETTLED,
            .swept = move->swept,
        };
        draft->in_control[i] = table->owner[i] & FS_OWNER_CONTROL;
    }
}

static bool read_slots(void *arena, const struct fs_table *table, int number,
                       struct draft_version *version)
{
    const struct fs_pool *pool = &table->pool[number];
    const uint32_t *cells = fs_at(uint32_t, arena, pool->slots);
    const struct fs_slot_move *moves =
        fs_at(struct fs_slot_move, arena, table->versions[number].slot_moves);

    version->slot_count = pool->slot_count;
    version->slots = calloc((size_t)pool->slot_count + 1, sizeof(*version->slots));
    if (!version->slots)
        return false;
    for (uint32_t i = 0; i < pool->slot_count; i++)
        version->slots[i] = (struct split_item){
            .owner = cells[i] & FS_SLOT_BACKEND,
            .previous = moves[i].previous,
            .order = moves[i].order,
            .moving_until = moves[i].moving_until,
            .unsettled = cells[i] & FS_SLOT_UNSETTLED,
            .swept = moves[i].swept,
        };
    return true;
}

static bool read_version(void *arena, const struct fs_table *table, int number,
                         struct draft_version *version)
{
    const struct fs_version *from = &table->versions[number];

    if (from->state == FS_VERSION_NONE)
        return true;
    memcpy(version->name, from->name, sizeof(version->name));
    version->state = from->state;
    version->weight_bp = from->weight_bp;
    version->rank = from->rank;
    version->health = table->pool[number].health;
    version->withdrawn = from->withdrawn;
    version->trip_state = table->pool[number].trip_state;
    version->gone = from->gone;
    version->member_count = from->member_count;
    version->members = copy_words(fs_at(uint32_t, arena, from->members), from->member_count);
    return version->members && read_slots(arena, table, number, version);
}

struct draft *draft_read(void *arena, const struct fs_table *table)
{
    struct draft *draft = draft_new(table->name);

    if (!draft)
        return NULL;
    draft->drain_ms = table->drain_ms;
    draft->baseline = table->baseline;
    draft->generation = table->generation;
    draft->guard = table->guard;
    draft->control = table->control;
    read_buckets(draft, table);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (!read_version(arena, table, i, &draft->versions[i])) {
            draft_free(draft);
            return NULL;
        }
    return draft;
}

static size_t version_bytes(const struct draft_version *version)
{
    return (size_t)version->slot_count * (sizeof(uint32_t) + sizeof(struct fs_slot_move)) +
           (size_t)version->member_count * sizeof(uint32_t);
}

size_t draft_bytes(const struct draft *draft)
{
    size_t bytes = sizeof(struct fs_table);

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        bytes += version_bytes(&draft->versions[i]);
    return bytes;
}

static void write_buckets(const struct draft *draft, struct fs_table *table)
{
    for (uint32_t i = 0; i < FS_BUCKETS; i++) {
        const struct split_item *item = &draft->buckets[i];

        table->owner[i] = (uint8_t)(item->owner | (item->unsettled ? FS_OWNER_UNSETTLED : 0));
        table->unsettled |= item->unsettled;
        if (draft->in_control[i] && item->owner == draft->baseline)
            table->owner[i] |= FS_OWNER_CONTROL;
        table->moves[i] = (struct fs_bucket_move){
            .moving_until = item->moving_until,
            .order = (uint16_t)item->order,
            .previous = item->previous == SPLIT_NOBODY ? NO_VERSION : (uint8_t)item->previous,
            .swept = item->swept,
        };
    }
}

/* Returns whether any is unsettled. */
static bool write_slots(const struct draft_version *version, void *arena, fs_ref slots,
                        fs_ref moves)
{
    bool unsettled = false;

    uint32_t *cells = fs_at(uint32_t, arena, slots);
    struct fs_slot_move *to = fs_at(struct fs_slot_move, arena, moves);

    for (uint32_t i = 0; i < version->slot_count; i++) {
        const struct split_item *item = &version->slots[i];

        cells[i] = item->owner | (item->unsettled ? FS_SLOT_UNSETTLED : 0);
        to[i] = (struct fs_slot_move){
            .moving_until = item->moving_until,
            .order = (uint16_t)item->order,
            .swept = item->swept,
            .previous = item->previous,
        };
        unsettled |= item->unsettled;
    }
    return unsettled;
}

static fs_ref write_version(const struct draft_version *version, void *arena, fs_ref free_at,
                            struct fs_table *table, int number)
{
    struct fs_version *to = &table->versions[number];
    struct fs_pool *pool = &table->pool[number];

    memcpy(to->name, version->name, sizeof(to->name));
    to->weight_bp = version->weight_bp;
    to->state = version->state;
    to->rank = version->rank;
    to->withdrawn = version->withdrawn;
    to->gone = version->gone;
    to->member_count = version->member_count;
    pool->slot_count = version->slot_count;
    pool->health = version->health;
    pool->trip_state = version->trip_state;
    pool->slots = free_at;
    to->slot_moves = pool->slots + version->slot_count * (uint32_t)sizeof(uint32_t);
    to->members = to->slot_moves + version->slot_count * (uint32_t)sizeof(struct fs_slot_move);
    table->unsettled |= write_slots(version, arena, pool->slots, to->slot_moves);
    if (version->member_count)
        memcpy(fs_at(uint32_t, arena, to->members), version->members,
               version->member_count * sizeof(uint32_t));
    return to->members + version->member_count * (uint32_t)sizeof(uint32_t);
}

void draft_write(const struct draft *draft, void *arena, fs_ref at)
{
    struct fs_table *table = fs_at(struct fs_table, arena, at);
    fs_ref free_at = at + (uint32_t)sizeof(*table);

    memset(table, 0, sizeof(*table));
    table->bytes = (uint32_t)draft_bytes(draft);
    table->generation = draft->generation;
    table->drain_ms = draft->drain_ms;
    table->baseline = draft->baseline;
    table->control = draft->control;
    memcpy(table->name, draft->name, sizeof(table->name));
    table->guard = draft->guard;
    write_buckets(draft, table);
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        free_at = write_version(&draft->versions[i], arena, free_at, table, i);
}
