/* SPDX-License-Identifier: GPL-2.0-only */
/* The guard: gives outcomes to the rules of a service, and withdraws a version in the program run
 * that completes the evidence against it. */
#ifndef FLOWSPLIT_GUARD_BPF_H
#define FLOWSPLIT_GUARD_BPF_H

#include "count.bpf.h"
#include "lookup.bpf.h"

#define SCORE_ATTEMPTS 4
#define BUCKET_MASK    16383 /* a power of two above FS_BUCKETS, less one */

/* What one packet or socket says of its version: for each signal at most one outcome, and before
 * it any number of good ones. */
struct outcomes {
    __u64 now_ns;
    __u64 time_ns[2]; /* CONNECT_TIME, RESPONSE_TIME */
    fs_ref dir;
    __u32 backend; /* its number */
    __u32 seen;    /* set of signals, 1 << enum fs_signal */
    __u32 bad;     /* of these; for times the rule's limit decides */
    __u32 good_before;
    __u32 control; /* the control's number in the map `health`, plus one, if it is also its; or 0 */
};

static __always_inline struct fs_health *health_of(const struct fs_table *table, __u32 version)
{
    __u32 slot = table->pool[version & FS_OWNER_VERSION].health;

    return bpf_map_lookup_elem(&health, &slot);
}

/* The control's number in the map `health`, plus one, if what a flow in this bucket says of its
 * version is the control's, too; or 0. */
static __always_inline __u32 control_of(const struct fs_table *table, __u32 version, __u32 bucket)
{
    if (table->control >= FS_HEALTH_SLOTS || version != table->baseline)
        return 0;
    asm volatile("%0 &= %1" : "+r"(bucket) : "i"(BUCKET_MASK)); /* a bound that 6.1 keeps in mind */
    return table->owner[bucket] & FS_OWNER_CONTROL ? table->control + 1 : 0;
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

static __always_inline void event_trip(const struct fs_table *table, __u32 version,
                                       struct fs_trip *trip)
{
    __u64 number;
    struct fs_event *event = event_begin(&number);

    if (!event)
        return;
    trip->event = number;
    event->time_ns = trip->trip_ns;
    event->kind = FS_EVENT_TRIP;
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

/* Whether live flows are cut by now is asked of the coarse clock, which may be behind. */
static __always_inline void trip_withdraw(const struct fs_table *table, __u32 version, __u32 now,
                                          __u32 live, __u32 live_ticks)
{
    __u32 slot = table->pool[version & FS_OWNER_VERSION].health & (FS_TRIP_SLOTS - 1);
    struct fs_trip_word *word = &fs_trips.words[slot];

    now = now > 1 ? now : 2; /* 0 is "never" */
    word->cut = live == FS_LIVE_KEEP ? 0 : live == FS_LIVE_DRAIN ? now + live_ticks : now - 1;
    barrier();
    *(volatile __u32 *)&word->tick = now;
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

/* The first score to reach its threshold trips the version. Later ones, until it is cleared, find
 * that done. */
static __always_inline void trip(const struct fs_table *table, __u32 version, __u32 number,
                                 struct fs_health *state, __u64 now_ns)
{
    const struct fs_rule *rule = &table->guard.rules[number & (FS_MAX_RULES - 1)];
    const struct fs_score *score = &state->scores[number & (FS_MAX_RULES - 1)];
    struct fs_trip *trip = &state->trip;
    bool withdraw = table->guard.on_trip == FS_TRIP_WITHDRAW && is_withdrawable(table, version);

    if (!trip_take(trip, withdraw))
        return;
    trip->rule = number;
    trip->cause = *rule;
    trip->total = score->total;
    trip->bad = score->bad;
    trip->score = rule->threshold;
    for (int i = 0; i < FS_BANKS; i++)
        if (score->score[i] > trip->score)
            trip->score = score->score[i];
    trip->first_bad_ns = score->first_bad_ns;
    trip->trip_ns = now_ns;
    trip->diverted_ns = 0;
    if (withdraw)
        trip_withdraw(table, version, now_ns >> FS_TICK_SHIFT, table->guard.live_flows,
                      table->guard.live_ticks);
    trip->last_new_ns = state->last_new_ns;
    event_trip(table, version, trip);
}

/* A new flow went to the baseline in the place of a withdrawn version. The first is noted. */
__noinline int guard_diverted(fs_ref dir, __u32 service, __u32 version)
{
    struct fs_health *state = health_of(table_of(service_at(dir, service)), version);

    if (state && state->trip.state == FS_TRIP_WITHDRAWN && !state->trip.diverted_ns)
        __sync_val_compare_and_swap(&state->trip.diverted_ns, 0, bpf_ktime_get_ns());
    return 0;
}

/* A new flow has come, and the controller of the version's rollout has been silent for too long.
 * Verified by itself. */
__noinline int guard_heart_lost(struct outcomes *o)
{
    struct fs_backend *backend;
    struct fs_table *table;
    struct fs_health *state;
    struct fs_heart *heart;
    struct fs_trip *trip;
    __u32 version;
    __u64 now_ns;

    if (!o)
        return 0;
    backend = backend_at(o->dir, o->backend);
    table = table_of(service_at(o->dir, backend->service));
    version = backend->version;
    now_ns = o->now_ns;
    state = health_of(table, version);
    if (!state || __sync_val_compare_and_swap(&state->heart.told, 0, 1))
        return 0;
    heart = &state->heart;
    trip = &state->trip;
    if (heart->then == FS_HEART_ROLLBACK && is_withdrawable(table, version) &&
        trip_take(trip, true)) {
        trip->rule = FS_RULE_HEARTBEAT;
        trip->total = trip->bad = trip->score = trip->diverted_ns = 0;
        trip->first_bad_ns = heart->beat_ns;
        trip->trip_ns = now_ns;
        trip_withdraw(table, version, now_ns >> FS_TICK_SHIFT, heart->live_flows,
                      heart->live_ticks);
        trip->last_new_ns = state->last_new_ns;
        event_trip(table, version, trip);
    } else {
        event_heart(table, version, heart, now_ns);
    }
    return 0;
}

/* --- scores --- */

static __always_inline __s64 score_add(const struct fs_steps *steps, __s64 *score, __u32 good,
                                       bool any, bool bad)
{
    for (int i = 0; i < SCORE_ATTEMPTS; i++) {
        __s64 old = *(volatile __s64 *)score, next = old;

        if (good)
            next = fs_score_good(steps, next, good);
        if (any)
            next = fs_score_next(steps, next, bad);
        if (next == old || __sync_val_compare_and_swap(score, old, next) == old)
            return next;
    }
    count_reason(FS_REASON_GUARD_CONTENDED);
    return 0;
}

/* The rules have changed since this score was last looked at: it begins anew. Two CPUs may do so at
 * once, and lose an outcome. */
static __always_inline void score_begin(struct fs_score *state, __u32 edition)
{
    state->total = state->bad = state->first_bad_ns = 0;
    for (int i = 0; i < FS_BANKS; i++)
        *(volatile __s64 *)&state->score[i] = 0;
    barrier();
    state->edition = edition;
}

/* Gives an outcome to a rule. Returns whether it completes the evidence. */
static __always_inline bool score_outcome(const struct fs_rule *rule, struct fs_score *state,
                                          __u32 good, bool any, bool bad, __u64 now_ns)
{
    bool tripped = false, calm = true;

    __sync_fetch_and_add(&state->total, good + any);
    if (bad) {
        __sync_fetch_and_add(&state->bad, 1);
        if (!state->first_bad_ns)
            state->first_bad_ns = now_ns;
    }
    for (int i = 0; i < FS_BANKS; i++) {
        __s64 score = score_add(&rule->steps[i], &state->score[i], good, any, bad);

        tripped |= score >= rule->threshold;
        calm &= score == 0;
    }
    if (calm)
        state->first_bad_ns = 0;
    return tripped;
}

static __always_inline bool outcome_is_bad(const struct outcomes *o, const struct fs_rule *rule)
{
    if (rule->signal == FS_SIGNAL_CONNECT_TIME)
        return o->time_ns[0] > rule->limit_ns;
    if (rule->signal == FS_SIGNAL_RESPONSE_TIME)
        return o->time_ns[1] > rule->limit_ns;
    return o->bad >> (rule->signal & 31) & 1;
}

/* Gives outcomes to one rule. Verified by itself. */
__noinline int guard_rule(struct outcomes *o, __u32 number)
{
    const struct fs_rule *rule;
    struct fs_backend *backend;
    struct fs_table *table;
    struct fs_health *state;
    bool any, goods;

    if (!o || number >= FS_MAX_RULES)
        return 0;
    backend = backend_at(o->dir, o->backend);
    table = table_of(service_at(o->dir, backend->service));
    rule = &table->guard.rules[number];
    any = o->seen >> (rule->signal & 31) & 1;
    goods = o->good_before && rule->signal == FS_SIGNAL_RETRANSMITS;
    if (!any && !goods)
        return 0;
    state = health_of(table, backend->version);
    if (state && state->scores[number].edition != table->guard.edition)
        score_begin(&state->scores[number], table->guard.edition);
    if (state && score_outcome(rule, &state->scores[number], goods ? o->good_before : 0, any,
                               any && outcome_is_bad(o, rule), o->now_ns))
        trip(table, backend->version, number, state, o->now_ns);
    return 0;
}

/* Counts outcomes as those of a version or of the control. Verified by itself. */
__noinline int guard_tally(struct outcomes *o, __u32 slot)
{
    struct fs_health *state = bpf_map_lookup_elem(&health, &slot);

    if (!o || !state)
        return 0;
    for (__u32 i = 0; i < FS_SIGNAL_COUNT; i++) {
        if (o->seen >> i & 1)
            __sync_fetch_and_add(&state->tallies[i].total, 1);
        if (o->seen & o->bad & 1u << i)
            __sync_fetch_and_add(&state->tallies[i].bad, 1);
    }
    if (o->good_before)
        __sync_fetch_and_add(&state->tallies[FS_SIGNAL_RETRANSMITS].total, o->good_before);
    return 0;
}

/* Counts and judges. */
static __always_inline void guard_judge(struct outcomes *o)
{
    struct fs_backend *backend = backend_at(o->dir, o->backend);
    struct fs_table *table = table_of(service_at(o->dir, backend->service));
    __u32 count = table->guard.rule_count;

    guard_tally(o, table->pool[backend->version & FS_OWNER_VERSION].health);
    if (o->control)
        guard_tally(o, o->control - 1);
    for (__u32 i = 0; i < FS_MAX_RULES && i < count; i++)
        guard_rule(o, i);
}

#endif
