// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buckets and slots of an owner, as text. */
#include "saved_items.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers are far below, and ten times as much still fits. */
#define TOO_MUCH 100000000u

/* --- writing --- */

/* The owner's items by order; the rest of the list is UINT32_MAX. */
static uint32_t *in_order(const struct split_item *items, size_t count, uint32_t owner)
{
    uint32_t *list = malloc(count * sizeof(*list) + 1);

    for (size_t i = 0; list && i < count; i++)
        list[i] = UINT32_MAX;
    for (size_t i = 0; list && i < count; i++)
        if (items[i].owner == owner && items[i].order < count)
            list[items[i].order] = (uint32_t)i;
    return list;
}

/* How many that stand together in the list make a range. */
static size_t run_length(const struct split_item *items, const uint32_t *list, size_t count)
{
    size_t length = 1;

    while (length < count && list[length] != UINT32_MAX && list[length] == list[0] + length &&
           items[list[length]].previous == items[list[0]].previous)
        length++;
    return length;
}

static void write_run(FILE *stream, const struct split_item *items, uint32_t first, size_t length)
{
    fprintf(stream, "%u", first);
    if (length > 1)
        fprintf(stream, "-%zu", first + length - 1);
    if (items[first].previous != SPLIT_NOBODY)
        fprintf(stream, "/%u", items[first].previous);
}

char *saved_items_text(const struct split_item *items, size_t count, uint32_t owner)
{
    uint32_t *list = in_order(items, count, owner);
    char *text = NULL;
    size_t bytes, length;
    FILE *stream = list ? open_memstream(&text, &bytes) : NULL;

    for (size_t i = 0; stream && i < count && list[i] != UINT32_MAX; i += length) {
        length = run_length(items, list + i, count - i);
        if (i)
            fputc(' ', stream);
        write_run(stream, items, list[i], length);
    }
    if (stream && fclose(stream)) {
        free(text);
        text = NULL;
    }
    free(list);
    return text;
}

/* --- reading --- */

struct run {
    uint32_t first, last, previous;
};

static bool read_number(const char **at, uint32_t *number)
{
    const char *begin = *at;

    for (*number = 0; **at >= '0' && **at <= '9' && *number < TOO_MUCH; (*at)++)
        *number = *number * 10 + (uint32_t)(**at - '0');
    return *at > begin && *number < TOO_MUCH;
}

static bool read_run(const char **at, struct run *run)
{
    run->previous = SPLIT_NOBODY;
    if (!read_number(at, &run->first))
        return false;
    run->last = run->first;
    if (**at == '-' && ((*at)++, !read_number(at, &run->last)))
        return false;
    if (**at == '/' && ((*at)++, !read_number(at, &run->previous)))
        return false;
    return run->last >= run->first && (**at == ' ' || **at == '\0');
}

static int give(struct split_item *item, uint32_t number, uint32_t owner, uint32_t order,
                uint32_t previous, struct error *err)
{
    if (item->owner != SPLIT_NOBODY)
        return error_set(err, -EINVAL, "%u is given away twice", number);
    *item = (struct split_item){.owner = owner, .order = order, .previous = previous};
    return 0;
}

int saved_items_read(const char *text, struct split_item *items, size_t count, uint32_t owner,
                     struct error *err)
{
    uint32_t order = 0;
    struct run run;

    for (const char *at = text; *at;) {
        if (!read_run(&at, &run))
            return error_set(err, -EINVAL, "\"%.24s\" is no number or range of numbers", at);
        if (run.last >= count)
            return error_set(err, -EINVAL, "%u is too high: there are %zu", run.last, count);
        for (uint32_t i = run.first; i <= run.last; i++)
            if (give(&items[i], i, owner, order++, run.previous, err))
                return -EINVAL;
        at += *at == ' ';
    }
    return 0;
}
