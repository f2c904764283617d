// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which reasons are shown, and in which order. */
#include "reason_rows.h"

#include <stdlib.h>
#include <string.h>

const struct reason_text reason_texts[FS_REASON_COUNT] = {
#define REASON_TEXT(id, name, fate, normal, text, setting) {name, fate, text, setting, normal},
    FS_REASONS(REASON_TEXT)
#undef REASON_TEXT
};

bool reason_is_normal(const struct reason_text *reason)
{
    return strcmp(reason->normal, "normal") == 0;
}

static int descending(double a, double b)
{
    return (a < b) - (a > b);
}

static int by_news(const void *a, const void *b)
{
    const struct reason_row *one = a, *other = b;
    int order = descending(one->fresh, other->fresh);

    order = order ? order : descending(one->rate, other->rate);
    order = order ? order : descending((double)one->packets, (double)other->packets);
    return order ? order : descending(other->reason, one->reason);
}

int reason_rows(struct reason_row rows[FS_REASON_COUNT], const uint64_t first[FS_REASON_COUNT],
                const uint64_t before[FS_REASON_COUNT], const uint64_t now[FS_REASON_COUNT],
                double seconds)
{
    int count = 0;

    for (int i = 0; i < FS_REASON_COUNT; i++) {
        uint64_t added = now[i] > before[i] ? now[i] - before[i] : 0;

        if (now[i])
            rows[count++] = (struct reason_row){.reason = (enum fs_reason)i,
                                                .packets = now[i],
                                                .rate = (double)added / seconds,
                                                .fresh = !first[i]};
    }
    qsort(rows, (size_t)count, sizeof(rows[0]), by_news);
    return count;
}
