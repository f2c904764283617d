// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Gives a service's buckets to its versions by weight. */
#include "weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "parse.h"

void weights_effective(const struct draft *draft, unsigned bp[FS_VERSION_SLOTS])
{
    unsigned lost = 0;

    for (int i = 0; i < FS_VERSION_SLOTS; i++) {
        bp[i] = draft->versions[i].withdrawn ? 0 : draft->versions[i].weight_bp;
        lost += draft->versions[i].weight_bp - bp[i];
    }
    bp[draft->baseline] += lost;
}

static uint32_t served_by(const struct draft *draft, uint32_t version)
{
    return draft->versions[version].withdrawn ? draft->baseline : version;
}

struct serving weights_serving(const struct draft *draft, const struct fs_trips *trips,
                               uint32_t now)
{
    struct serving serving;

    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        const struct fs_trip_word *trip =
            &trips->words[draft->versions[i].health & (FS_TRIP_SLOTS - 1)];

        serving.by[i] = served_by(draft, i);
        serving.cut[i] = fs_is_cut(trip, now);
    }
    return serving;
}

/* Moves the buckets that another version serves now, and no others. Live flows that were cut are
 * nowhere, so a bucket that such flows are moving out of moves anew. Returns how many move. */
static long follow(struct draft *draft, const struct split_item *was, const struct serving *before,
                   struct split_time time)
{
    long moved = 0;

    for (int i = 0; i < FS_BUCKETS; i++) {
        struct split_item *item = &draft->buckets[i];
        uint32_t from = before->by[was[i].owner];

        item->previous = was[i].previous;
        item->unsettled = was[i].unsettled;
        item->moving_until = was[i].moving_until;
        if (from == served_by(draft, item->owner))
            continue;
        if (split_state(&was[i], time.now) != SPLIT_MOVING || before->cut[was[i].previous])
            item->previous = from;
        item->unsettled = true;
        item->moving_until = time.now + time.drain;
        moved++;
    }
    return moved;
}

long weights_divide(struct draft *draft, const struct serving *before, struct split_time time)
{
    struct split_share shares[FS_VERSION_SLOTS];
    struct split_item *was = malloc(sizeof(draft->buckets));
    size_t count = 0;
    long moved;

    if (!was)
        return -ENOMEM;
    memcpy(was, draft->buckets, sizeof(draft->buckets));
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++)
        if (draft->versions[i].weight_bp)
            shares[count++] =
                (struct split_share){.owner = i, .quota = draft->versions[i].weight_bp};
    moved = split_divide(draft->buckets, FS_BUCKETS, shares, count, time);
    if (moved >= 0 && time.drain)
        moved = follow(draft, was, before, time);
    free(was);
    return moved;
}

int weights_unknown_version(const struct draft *draft, const char *name, struct error *err)
{
    char known[600] = "";

    for (uint32_t rank = 0; rank < FS_MAX_VERSIONS; rank++)
        for (int i = 0; i < FS_VERSION_SLOTS; i++)
            if (draft->versions[i].state == FS_VERSION_DECLARED &&
                draft->versions[i].rank == rank &&
                strlen(known) + strlen(draft->versions[i].name) + 3 < sizeof(known)) {
                strcat(known, *known ? ", " : "");
                strcat(known, draft->versions[i].name);
            }
    return error_set(err, -EINVAL, "service %s has no version \"%.64s\"; it has %s", draft->name,
                     name, known);
}

/* Fills `bp` with the weights as they are, then those that are named; sets *baseline_named. */
static int collect(const struct draft *draft, const struct named_weight *weights, size_t count,
                   unsigned bp[FS_VERSION_SLOTS], bool *baseline_named, struct error *err)
{
    bool named[FS_VERSION_SLOTS] = {false};

    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        bp[i] = draft->versions[i].weight_bp;
    for (size_t i = 0; i < count; i++) {
        int number = draft_version_find(draft, weights[i].version);

        if (number < 0 || draft->versions[number].state != FS_VERSION_DECLARED)
            return weights_unknown_version(draft, weights[i].version, err);
        if (named[number])
            return error_set(err, -EINVAL, "version %s is named twice", weights[i].version);
        named[number] = true;
        bp[number] = weights[i].weight_bp;
    }
    *baseline_named = named[draft->baseline];
    return 0;
}

int weights_set(struct draft *draft, const struct named_weight *weights, size_t count,
                struct error *err)
{
    unsigned bp[FS_VERSION_SLOTS], sum = 0;
    bool baseline_named = false;
    char text[16];
    int code = collect(draft, weights, count, bp, &baseline_named, err);

    if (code)
        return code;
    if (!baseline_named)
        bp[draft->baseline] = 0;
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        sum += bp[i];
    if (baseline_named && sum != FS_BUCKETS)
        return error_set(
            err, -EINVAL,
            "the weights of service %s, with those kept, come to %s; with the baseline "
            "%s named they must come to 100%%",
            draft->name, format_weight(sum, text), draft->versions[draft->baseline].name);
    if (sum > FS_BUCKETS)
        return error_set(err, -EINVAL,
                         "the weights of service %s, with those kept, come to %s; at most 100%% "
                         "can be given, and the baseline %s takes the rest",
                         draft->name, format_weight(sum, text),
                         draft->versions[draft->baseline].name);
    bp[draft->baseline] += FS_BUCKETS - sum;
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (bp[i] && !draft->versions[i].member_count)
            return error_set(err, -EINVAL,
                             "version %s of service %s would get %s, but has no backends",
                             draft->versions[i].name, draft->name, format_weight(bp[i], text));
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        draft->versions[i].weight_bp = bp[i];
    return 0;
}
