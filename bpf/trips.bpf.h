/* SPDX-License-Identifier: GPL-2.0-only */
/* Trips: a version is withdrawn, and comes back, in the program run that decides it; and the events
 * that tell of it. */
#ifndef FLOWSPLIT_TRIPS_BPF_H
#define FLOWSPLIT_TRIPS_BPF_H

#include "lookup.bpf.h"
#include "scores.bpf.h"

static __always_inline struct fs_health *health_of(const struct fs_table *table, __u32 version)
{
    __u32 slot = table->pool[version & FS_OWNER_VERSION].health;

    return bpf_map_lookup_elem(&health, &slot);
}

/* --- events --- */

/* A place in the ring, marked as being written. Sets *number to the event's. */
static __always_inline struct fs_event *event_begin(__u64 *number)
{
    __u32 at;
    struct fs_event *event;

    *number = __sync_fetch_and_add(&fs_trips.event_count, 1);
    at = *number & (FS_EVENTS - 1);
    event = bpf_map_lookup_elem(&events, &at);
    if (event)
        __sync_lock_test_and_set(&event->number, 0);
    return event;
}

/* It can be read from now on. */
static __always_inline void event_end(struct fs_event *event, __u64 number)
{
    __sync_lock_test_and_set(&event->number, number + 1);
}

/* Whom it is about. */
static __always_inline void event_name(struct fs_event *event, const struct fs_table *table,
                                       __u32 version)
{
    event->health = table->pool[version & FS_OWNER_VERSION].health;
    __builtin_memcpy(event->service, table->name, sizeof(event->service));
    __builtin_memcpy(event->version, table->versions[version & FS_OWNER_VERSION].name,
                     sizeof(event->version));
}

/* Of a trip, or of its end. */
static __always_inline void event_trip(const struct fs_table *table, __u32 version,
                                       struct fs_trip *trip, enum fs_event_kind kind, __u64 time_ns)
{
    __u64 number;
    struct fs_event *event = event_begin(&number);

    if (!event)
        return;
    trip->event = number;
    event->time_ns = time_ns;
    event->kind = kind;
    event_name(event, table, version);
    event->trip = *trip;
    event_end(event, number);
}

/* A heartbeat was lost, and nothing more is to be done. */
static __always_inline void event_heart(const struct fs_table *table, __u32 version,
                                        const struct fs_heart *heart, __u64 now_ns)
{
    __u64 number;
    struct fs_event *event = event_begin(&number);

    if (!event)
        return;
    event_name(event, table, version);
    event->time_ns = now_ns;
    event->kind = FS_EVENT_HEARTBEAT;
    __builtin_memset(&event->trip, 0, sizeof(event->trip));
    event->trip.first_bad_ns = heart->beat_ns;
    event->trip.trip_ns = now_ns;
    event_end(event, number);
}

/* --- trips --- */

/* Whoever has taken the version's trip, changes its word. */
static __always_inline struct fs_trip_word *trip_word(const struct fs_table *table, __u32 version)
{
    __u32 slot = table->pool[version & FS_OWNER_VERSION].health & (FS_TRIP_SLOTS - 1);

    return &fs_trips.words[slot];
}

static __always_inline void trip_word_set(const struct fs_table *table, __u32 version,
                                          struct fs_trip_word *word, __u32 now, __u64 state)
{
    fs_trip_change(word, &table->pool[version & FS_OWNER_VERSION], fs_ticks(table->drain_ms), now);
    barrier();
    *(volatile __u64 *)&word->state = state;
}

/* Whether live flows are cut by now is asked of the coarse clock, which may be behind. */
static __always_inline void trip_withdraw(const struct fs_table *table, __u32 version, __u32 now,
                                          __u32 live, __u32 live_ticks, __u32 until)
{
    struct fs_trip_word *word = trip_word(table, version);

    now = now > 1 ? now : 2; /* 0 is "never" */
    word->cut = live == FS_LIVE_KEEP ? 0 : live == FS_LIVE_DRAIN ? now + live_ticks : now - 1;
    word->until = until;
    trip_word_set(table, version, word, now, now);
}

/* Whoever gets this is the one to trip the version. What was only reported may yet be withdrawn. */
static __always_inline bool trip_take(struct fs_trip *trip, bool withdraw)
{
    __u32 to = withdraw ? FS_TRIP_WITHDRAWN : FS_TRIP_REPORTED;

    if (__sync_val_compare_and_swap(&trip->state, FS_TRIP_NONE, to) == FS_TRIP_NONE)
        return true;
    return withdraw && __sync_val_compare_and_swap(&trip->state, FS_TRIP_REPORTED,
                                                   FS_TRIP_WITHDRAWN) == FS_TRIP_REPORTED;
}

/* Can the version be withdrawn in favour of the baseline? */
static __always_inline bool is_withdrawable(const struct fs_table *table, __u32 version)
{
    return version != table->baseline &&
           table->versions[table->baseline & FS_OWNER_VERSION].member_count;
}

/* Compares with the baseline, and notes what the rule has seen of it. Returns whether it breaks the
 * rule at present: more than half of the evidence is enough, for what ails all versions reaches
 * them one after the other. */
static __always_inline bool trip_compare(const struct fs_table *table, __u32 number, __u64 *total,
                                         __u64 *bad)
{
    const struct fs_rule *rule = &table->guard.rules[number & (FS_MAX_RULES - 1)];
    const struct fs_health *baseline = health_of(table, table->baseline);
    const struct fs_score *score;
    bool breaks = false;

    *total = *bad = 0;
    if (!baseline)
        return false;
    asm volatile("" : "+r"(baseline)); /* nothing is added to it before that was asked */
    score = &baseline->scores[number & (FS_MAX_RULES - 1)];
    if (score->edition != table->guard.edition)
        return false;
    *total = score->total;
    *bad = score->bad;
    for (int i = 0; i < FS_BANKS; i++)
        breaks |= score->score[i] > rule->threshold >> 1;
    return breaks;
}

/* For how many ticks a version that trips now is withdrawn, or 0: until it is cleared. */
static __always_inline __u32 trip_ticks(const struct fs_guard *guard, const struct fs_trip *trip)
{
    if (trip->recovered >= guard->recover_at_most)
        return 0;
    return guard->recover_ticks << (trip->recovered & 15);
}

static __always_inline void trip_note(struct fs_trip *trip, const struct fs_rule *rule,
                                      const struct fs_score *score)
{
    trip->cause = *rule;
    trip->total = score->total;
    trip->bad = score->bad;
    trip->score = 0;
    for (int i = 0; i < FS_BANKS; i++)
        if (score->score[i] > trip->score)
            trip->score = score->score[i];
    trip->clients = fs_score_clients(score);
    trip->first_bad_ns = score->first_bad_ns;
}

/* The first score to complete its evidence trips the version. Later ones, until it is cleared, find
 * that done. */
static __always_inline void trip(const struct fs_table *table, __u32 version, __u32 number,
                                 struct fs_health *state, __u64 now_ns)
{
    const struct fs_guard *guard = &table->guard;
    const struct fs_rule *rule = &guard->rules[number & (FS_MAX_RULES - 1)];
    struct fs_trip *trip = &state->trip;
    bool withdraw = guard->on_trip == FS_TRIP_WITHDRAW && is_withdrawable(table, version);
    __u64 others_total, others_bad;
    bool breaks = trip_compare(table, number, &others_total, &others_bad) && withdraw &&
                  guard->worse_than_baseline;
    __u32 ticks;

    withdraw = withdraw && !breaks;
    if (!trip_take(trip, withdraw))
        return;
    ticks = withdraw ? trip_ticks(guard, trip) : 0;
    trip->rule = number;
    trip_note(trip, rule, &state->scores[number & (FS_MAX_RULES - 1)]);
    trip->trip_ns = now_ns;
    trip->diverted_ns = 0;
    trip->back_ns = ticks ? now_ns + ((__u64)ticks << FS_TICK_SHIFT) : 0;
    trip->baseline_total = others_total;
    trip->baseline_bad = others_bad;
    trip->baseline_breaks = breaks;
    if (withdraw)
        trip_withdraw(table, version, now_ns >> FS_TICK_SHIFT, guard->live_flows, guard->live_ticks,
                      ticks ? (now_ns >> FS_TICK_SHIFT) + ticks : 0);
    trip->last_new_ns = state->last_new_ns;
    event_trip(table, version, trip, FS_EVENT_TRIP, now_ns);
}

/* A withdrawn version's time may be over: then its buckets are its own again, and its scores begin
 * anew. Returns whether that is so. */
static __always_inline bool recover(const struct fs_table *table, __u32 version,
                                    struct fs_health *state)
{
    struct fs_trip_word *word = trip_word(table, version);
    __u32 now = tick_now(), until = *(volatile __u32 *)&word->until;
    struct fs_trip *trip = &state->trip;

    if (!until || fs_before(now, until, 0) ||
        __sync_val_compare_and_swap(&trip->state, FS_TRIP_WITHDRAWN, FS_TRIP_ENDING) !=
            FS_TRIP_WITHDRAWN)
        return false;
    for (int i = 0; i < FS_MAX_RULES; i++)
        score_begin(&state->scores[i], table->guard.edition);
    word->until = 0;
    trip_word_set(table, version, word, now, (__u64)now << 32);
    trip->recovered += 1;
    trip->back_ns = bpf_ktime_get_ns();
    event_trip(table, version, trip, FS_EVENT_RECOVERY, trip->back_ns);
    __sync_lock_test_and_set(&trip->state, FS_TRIP_NONE);
    return true;
}

/* A new flow is about to go to the baseline in the place of a withdrawn version. The first is
 * noted; one that comes when the version's time is over brings the version back. Returns whether it
 * did, so that the flow is to be placed anew. */
__noinline int guard_diverted(fs_ref dir, __u32 service, __u32 version)
{
    const struct fs_table *table = table_of(service_at(dir, service));
    struct fs_health *state = health_of(table, version);

    if (!state || state->trip.state != FS_TRIP_WITHDRAWN)
        return 0;
    if (!state->trip.diverted_ns)
        __sync_val_compare_and_swap(&state->trip.diverted_ns, 0, bpf_ktime_get_ns());
    return recover(table, version, state);
}

#endif
