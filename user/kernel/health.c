// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prepares and reads health slots. */
#include "health.h"

#include <math.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "rule.h"

/* The data path may be at work on the same words. */
static void store64(__u64 *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* To that state, as the table about to be published says. `since` is the tick of the change. */
static void trip_word_set(struct fs_trip_word *word, uint64_t state, uint32_t cut, uint32_t until)
{
    uint32_t since = fs_state_since(state);

    word->former = fs_is_cut(word, since) ? FS_FORMER_BASELINE : FS_FORMER_TABLE;
    word->first = since;
    __atomic_store_n(&word->cut, cut, __ATOMIC_RELAXED);
    __atomic_store_n(&word->until, until, __ATOMIC_RELAXED);
    __atomic_store_n(&word->state, state, __ATOMIC_RELEASE);
}

static void slot_renew(struct fs_health *slot, struct fs_trip_word *word)
{
    uint64_t epoch = slot->epoch;

    trip_word_set(word, 0, 0, 0);
    memset(slot, 0, sizeof(*slot));
    store64(&slot->epoch, epoch + 1);
}

/* The scores go first: one that still stood at its threshold would trip again. */
static void slot_clear(struct fs_health *slot, struct fs_trip_word *word, uint64_t state)
{
    for (int i = 0; i < FS_MAX_RULES; i++) {
        struct fs_score *score = &slot->scores[i];

        for (size_t at = 0; at < offsetof(struct fs_score, edition); at += sizeof(__u64))
            store64((__u64 *)((char *)score + at), 0);
    }
    trip_word_set(word, state, 0, 0);
    __atomic_store_n(&slot->trip.recovered, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->trip.state, FS_TRIP_NONE, __ATOMIC_RELEASE);
}

static void slot_withdraw(struct fs_health *slot, struct fs_trip_word *word,
                          const struct draft_version *version, uint64_t now_ns)
{
    struct fs_trip trip = {.state = FS_TRIP_WITHDRAWN,
                           .rule = version->cause,
                           .trip_ns = now_ns,
                           .last_new_ns = slot->last_new_ns,
                           .recovered = slot->trip.recovered};

    slot->trip = trip;
    trip_word_set(word, version->trip_state, version->cut, 0);
}

/* Live flows from before are gone, so none is to be cut. */
static void slot_restore(struct fs_health *slot, struct fs_trip_word *word,
                         const struct draft_version *version)
{
    slot_renew(slot, word);
    slot->trip = version->trip;
    trip_word_set(word, version->trip_state, 0,
                  version->withdrawn ? (uint32_t)(version->trip.back_ns >> FS_TICK_SHIFT) : 0);
}

static void version_prepare(struct fs_health *health, struct fs_trips *trips,
                            const struct draft_version *version, uint64_t now_ns)
{
    struct fs_health *slot = &health[version->health];
    struct fs_trip_word *word = &trips->words[version->health];

    if (version->act == HEALTH_KEEP || version->health >= FS_HEALTH_SLOTS)
        return;
    if (version->act == HEALTH_NEW)
        slot_renew(slot, word);
    else if (version->act == HEALTH_CLEAR)
        slot_clear(slot, word, version->trip_state);
    else if (version->act == HEALTH_RESTORE)
        slot_restore(slot, word, version);
    else
        slot_withdraw(slot, word, version, now_ns);
}

void health_prepare(struct fs_health *health, struct fs_trips *trips, const struct model *model,
                    uint64_t now_ns)
{
    for (uint32_t i = 0; i < model->service_count; i++) {
        const struct draft *draft = model->services[i].draft;

        if (!draft)
            continue;
        for (int v = 0; v < FS_VERSION_SLOTS; v++)
            version_prepare(health, trips, &draft->versions[v], now_ns);
        if (draft->control_new && draft->control < FS_HEALTH_SLOTS)
            slot_renew(&health[draft->control], &trips->words[draft->control]);
    }
}

const char *health_trip_why(const struct fs_trip *trip, char *buf)
{
    if (trip->rule == FS_RULE_BY_HAND)
        return strcpy(buf, "by hand");
    if (trip->rule == FS_RULE_ROLLOUT)
        return strcpy(buf, "rolled back");
    if (trip->rule == FS_RULE_HEARTBEAT)
        return strcpy(buf, "heartbeat lost");
    return rule_text(&trip->cause, buf);
}

uint64_t health_quantile(const struct fs_histogram *histogram, double q)
{
    uint64_t count = 0, wanted, seen = 0;

    for (uint32_t i = 0; i < FS_BINS; i++)
        count += histogram->bins[i];
    if (!count)
        return 0;
    wanted = (uint64_t)ceil(q * (double)count);
    for (uint32_t i = 0; i < FS_BINS; i++) {
        seen += histogram->bins[i];
        if (seen >= wanted)
            return (fs_bin_low(i) + fs_bin_low(i + 1)) / 2;
    }
    return fs_bin_low(FS_BINS);
}
