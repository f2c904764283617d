/* SPDX-License-Identifier: GPL-2.0-only */
/* The guard: gives outcomes to the rules of a service, and withdraws a version in the program run
 * that completes the evidence against it. */
#ifndef FLOWSPLIT_GUARD_BPF_H
#define FLOWSPLIT_GUARD_BPF_H

#include "trips.bpf.h"

#define BUCKET_MASK 16383 /* a power of two above FS_BUCKETS, less one */

/* What one packet or socket says of its version: for each signal at most one outcome, and before
 * it any number of good ones. */
struct outcomes {
    __u64 now_ns;
    __u64 time_ns[2]; /* CONNECT_TIME, RESPONSE_TIME */
    fs_ref dir;
    __u32 backend; /* its number */
    __u32 client;  /* fs_hash_source() */
    __u8 seen;     /* set of signals, 1 << enum fs_signal */
    __u8 bad;      /* of these; for times the rule's limit decides */
    __u8 sure;     /* of these: no client can have provoked that */
    __u8 zero;
    __u32 good_before;
    __u32 control; /* the control's number in the map `health`, plus one, if it is also its; or 0 */
};

/* The control's number in the map `health`, plus one, if what a flow in this bucket says of its
 * version is the control's, too; or 0. */
static __always_inline __u32 control_of(const struct fs_table *table, __u32 version, __u32 bucket)
{
    if (table->control >= FS_HEALTH_SLOTS || version != table->baseline)
        return 0;
    asm volatile("%0 &= %1" : "+r"(bucket) : "i"(BUCKET_MASK)); /* a bound that 6.1 keeps in mind */
    return table->owner[bucket] & FS_OWNER_CONTROL ? table->control + 1 : 0;
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
        trip->total = trip->bad = trip->score = trip->diverted_ns = trip->back_ns = 0;
        trip->baseline_total = trip->baseline_bad = 0;
        trip->baseline_breaks = trip->clients = 0;
        trip->first_bad_ns = heart->beat_ns;
        trip->trip_ns = now_ns;
        trip_withdraw(table, version, now_ns >> FS_TICK_SHIFT, heart->live_flows, heart->live_ticks,
                      0);
        trip->last_new_ns = state->last_new_ns;
        event_trip(table, version, trip, FS_EVENT_TRIP, now_ns);
    } else {
        event_heart(table, version, heart, now_ns);
    }
    return 0;
}

static __always_inline bool outcome_is_bad(const struct outcomes *o, const struct fs_rule *rule)
{
    if (rule->signal == FS_SIGNAL_CONNECT_TIME)
        return o->time_ns[0] > rule->limit_ns;
    if (rule->signal == FS_SIGNAL_RESPONSE_TIME)
        return o->time_ns[1] > rule->limit_ns;
    return o->bad >> (rule->signal & 31) & 1;
}

/* The table of the service that the outcomes are about. */
static __always_inline struct fs_table *table_judged(const struct outcomes *o,
                                                     const struct fs_backend *backend)
{
    return table_of(service_at(o->dir, backend->service));
}

/* The evidence is complete. Verified by itself. */
__noinline int guard_trip(struct outcomes *o, __u32 number)
{
    struct fs_backend *backend;
    struct fs_health *state;
    struct fs_table *table;

    if (!o)
        return 0;
    backend = backend_at(o->dir, o->backend);
    table = table_judged(o, backend);
    state = health_of(table, backend->version);
    if (state)
        trip(table, backend->version, number, state, o->now_ns);
    return 0;
}

/* Gives outcomes to score number `index` of a rule, the last one only if it `counts`. As a set of
 * enum scored. Verified by itself. */
__noinline int guard_score(struct outcomes *o, __u32 number, __u32 index, __u32 counts)
{
    const struct fs_rule *rule;
    struct fs_backend *backend;
    struct fs_table *table;
    struct fs_health *state;
    __u32 good;

    if (!o || number >= FS_MAX_RULES || index >= 2 * FS_BANKS)
        return 0;
    asm volatile("%0 &= %1" : "+r"(number) : "i"(FS_MAX_RULES - 1)); /* clang 19 forgets it */
    backend = backend_at(o->dir, o->backend);
    table = table_judged(o, backend);
    rule = &table->guard.rules[number];
    state = health_of(table, backend->version);
    if (!state)
        return 0;
    good = rule->signal == FS_SIGNAL_RETRANSMITS ? o->good_before : 0;
    return score_add(rule, index < FS_BANKS ? index : index - FS_BANKS,
                     &state->scores[number].score[index], good, counts, outcome_is_bad(o, rule));
}

/* Gives outcomes to each score of a rule. Returns whether the evidence is complete: some score is
 * at its threshold, and either clients can't have provoked what it took, or several have, each by
 * no more than a part of it. */
static __always_inline bool guard_scores(struct outcomes *o, __u32 number,
                                         const struct fs_rule *rule, struct fs_score *state,
                                         bool any, bool bad)
{
    bool counts = any && (!bad || o->sure >> (rule->signal & 31) & 1);
    __u32 given = bad ? score_note_client(state, o->client) : 0;
    int all = 0;

    for (__u32 i = 0; i < FS_BANKS; i++) {
        all |= guard_score(o, number, i,
                           counts || (any && (rule->clients <= 1 || given < rule->most[i])));
        if (rule->clients > 1)
            all |= guard_score(o, number, FS_BANKS + i, counts) & SCORED_FULL ? SCORED_SURE : 0;
    }
    if (!(all & SCORED_HALF) && state->reached_ns)
        state->reached_ns = 0;
    if (!(all & SCORED_ABOVE_0))
        score_calm(state);
    return all & SCORED_SURE ||
           (all & SCORED_FULL && (rule->clients <= 1 || fs_score_clients(state) >= rule->clients));
}

/* Gives outcomes to one rule. Returns whether it trips. Verified by itself. */
__noinline int guard_rule(struct outcomes *o, __u32 number)
{
    const struct fs_rule *rule;
    struct fs_backend *backend;
    struct fs_table *table;
    struct fs_health *state;
    struct fs_score *score;
    bool any, bad;
    __u32 good;

    if (!o || number >= FS_MAX_RULES)
        return 0;
    asm volatile("%0 &= %1" : "+r"(number) : "i"(FS_MAX_RULES - 1)); /* clang 19 forgets it */
    backend = backend_at(o->dir, o->backend);
    table = table_judged(o, backend);
    rule = &table->guard.rules[number];
    any = o->seen >> (rule->signal & 31) & 1;
    bad = any && outcome_is_bad(o, rule);
    good = rule->signal == FS_SIGNAL_RETRANSMITS ? o->good_before : 0;
    if (!any && !good)
        return 0;
    state = health_of(table, backend->version);
    if (!state)
        return 0;
    score = &state->scores[number];
    if (score->edition != table->guard.edition)
        score_begin(score, table->guard.edition);
    __sync_fetch_and_add(&score->total, good + any);
    if (bad) {
        __sync_fetch_and_add(&score->bad, 1);
        if (!score->first_bad_ns)
            score->first_bad_ns = o->now_ns;
    }
    return guard_scores(o, number, rule, score, any, bad) && score_holds(rule, score, o->now_ns);
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
        if (guard_rule(o, i))
            guard_trip(o, i);
}

#endif
