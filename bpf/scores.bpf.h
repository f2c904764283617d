/* SPDX-License-Identifier: GPL-2.0-only */
/* The scores of a rule, and whether what they have seen is enough to trip. */
#ifndef FLOWSPLIT_SCORES_BPF_H
#define FLOWSPLIT_SCORES_BPF_H

#include "count.bpf.h"
#include "maps.bpf.h"

#define SCORE_ATTEMPTS 4

/* The scores of a rule begin anew. Two CPUs may do so at once, and lose an outcome. */
static __always_inline void score_begin(struct fs_score *state, __u32 edition)
{
    __builtin_memset(state, 0, offsetof(struct fs_score, edition));
    barrier();
    *(volatile __u32 *)&state->edition = edition;
}

/* What became of a score. */
enum scored {
    SCORED_FULL = 1,    /* it is at its threshold */
    SCORED_HALF = 2,    /* it is above half of it */
    SCORED_ABOVE_0 = 4, /* it isn't zero */
    SCORED_SURE = 8,    /* one that clients can't have provoked is full */
};

/* Adds `good` good outcomes to a score, and then one more if it `counts`. As a set of enum scored.
 */
static __always_inline int score_add(const struct fs_rule *rule, __u32 bank, __s64 *score,
                                     __u32 good, bool counts, bool bad)
{
    for (int i = 0; i < SCORE_ATTEMPTS; i++) {
        __s64 old = *(volatile __s64 *)score, next = old;

        if (good)
            next = fs_score_good(&rule->steps[bank], next, good);
        if (counts)
            next = fs_score_next(rule, bank, next, bad);
        if (next == old || __sync_val_compare_and_swap(score, old, next) == old)
            return (next >= rule->threshold ? SCORED_FULL : 0) |
                   (next > rule->threshold >> 1 ? SCORED_HALF : 0) | (next ? SCORED_ABOVE_0 : 0);
    }
    count_reason(FS_REASON_GUARD_CONTENDED);
    return SCORED_HALF | SCORED_ABOVE_0;
}

/* Notes a bad outcome of a client. Returns how many of its cell had been noted before. */
static __always_inline __u32 score_note_client(struct fs_score *state, __u32 client)
{
    __u32 *word = (__u32 *)&state->cells[client & (FS_CELLS - 4)], shift = (client & 3) * 8;

    for (int i = 0; i < SCORE_ATTEMPTS; i++) {
        __u32 old = *(volatile __u32 *)word, given = old >> shift & 0xff;

        if (given >= FS_CELL_MAX ||
            __sync_val_compare_and_swap(word, old, old + (1u << shift)) == old)
            return given;
    }
    count_reason(FS_REASON_GUARD_CONTENDED);
    return FS_CELL_MAX;
}

/* All scores are zero: so is the evidence. */
static __always_inline void score_calm(struct fs_score *state)
{
    if (!state->first_bad_ns)
        return;
    state->first_bad_ns = 0;
    __builtin_memset(state->cells, 0, sizeof(state->cells));
}

/* Has the evidence stood for as long as the rule asks? */
static __always_inline bool score_holds(const struct fs_rule *rule, struct fs_score *state,
                                        __u64 now_ns)
{
    if (!rule->hold_ns)
        return true;
    if (!__sync_val_compare_and_swap(&state->reached_ns, 0, now_ns))
        return false;
    return (__s64)(now_ns - state->reached_ns) >= (__s64)rule->hold_ns;
}

#endif
