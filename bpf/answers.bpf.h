/* SPDX-License-Identifier: GPL-2.0-only */
/* Which backend has answered a client's handshake in a moving bucket. The client's packet that
 * completes it has the numbers of the answer, its own and the backend's, and nobody else knows
 * both: so a fingerprint of client, service and these finds the backend, and proves that the
 * handshake is the client's. Of one of them alone, a long transfer would come past what a flood has
 * planted.
 *
 * SYNs write nothing. A flood of them leaves as many answers, and what it pushes out of its set is
 * the oldest of eight: of handshakes over which a million answers came before the client's, one in
 * a thousand is lost. Those, and those whose first packets are lost, get a second chance
 * (flow_note_stray). */
#ifndef FLOWSPLIT_ANSWERS_BPF_H
#define FLOWSPLIT_ANSWERS_BPF_H

#include "lookup.bpf.h"

#define ANSWER_NONE FS_NO_BACKEND

/* What a handshake's fingerprint is made of, besides its flow: what its completion has. */
static __always_inline __u64 answer_numbers(__u32 client_seq, __u32 backend_seq)
{
    return (__u64)client_seq << 32 | backend_seq;
}

/* The same where RSTs have told who doesn't know the flow, for as long as nothing changes about who
 * its owners are: neither the table, nor what trips make of it. */
static __always_inline __u64 answer_other(const struct fs_table *table)
{
    return ~(fs_trips.event_count << 32 | table->generation);
}

static __always_inline __u64 answer_print(const struct fs_flow_key *key, __u64 numbers)
{
    return fs_hash_mix(hash_key(), fs_hash_flow(hash_key(), key) ^ numbers);
}

static __always_inline struct fs_answers *answer_set(__u64 print)
{
    __u32 number = print & (FS_ANSWER_SETS - 1);

    return bpf_map_lookup_elem(&answers, &number);
}

/* The number of the backend whose answer has these numbers, or ANSWER_NONE. */
static __always_inline __u32 answer_find(const struct fs_flow_key *key, __u64 numbers)
{
    __u64 print = answer_print(key, numbers);
    struct fs_answers *set = answer_set(print);

    if (!set)
        return ANSWER_NONE;
    for (int i = 0; i < FS_ANSWER_WAYS; i++) {
        __u64 cell = *(volatile __u64 *)&set->cells[i];

        if (cell && cell >> FS_ANSWER_TAG_SHIFT == print >> FS_ANSWER_TAG_SHIFT)
            return cell & FS_ANSWER_BACKEND;
    }
    return ANSWER_NONE;
}

/* How long ago a cell was written, in units of 4 ticks modulo 256; what is empty is older than all.
 */
static __always_inline __u32 answer_age(__u64 cell, __u32 now)
{
    return cell ? ((now >> 2) - (__u32)(cell >> FS_ANSWER_AGE_SHIFT)) & 0xff : 0x100;
}

/* Writes an answer of the backend with this number down. */
static __always_inline void answer_put(const struct fs_flow_key *key, __u64 numbers, __u32 backend,
                                       __u32 now)
{
    __u64 print = answer_print(key, numbers);
    struct fs_answers *set = answer_set(print);
    __u32 oldest = 0, way = 0;

    if (!set)
        return;
    for (__u32 i = 0; i < FS_ANSWER_WAYS; i++) {
        __u64 cell = *(volatile __u64 *)&set->cells[i];
        bool same = cell >> FS_ANSWER_TAG_SHIFT == print >> FS_ANSWER_TAG_SHIFT;
        __u32 age = same ? 0x200 : answer_age(cell, now);

        if (age > oldest) {
            oldest = age;
            way = i;
        }
    }
    *(volatile __u64 *)&set->cells[way & (FS_ANSWER_WAYS - 1)] =
        (print >> FS_ANSWER_TAG_SHIFT) << FS_ANSWER_TAG_SHIFT |
        (__u64)(now >> 2 & 0xff) << FS_ANSWER_AGE_SHIFT | (backend & FS_ANSWER_BACKEND);
}

#endif
