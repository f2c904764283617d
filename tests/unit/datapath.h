/* SPDX-License-Identifier: GPL-2.0-only */
/* The data path's own text for finding and steering, compiled for user space: bpf/lookup.bpf.h and
 * bpf/flows.bpf.h over an arena, maps and a clock that the test owns. Not together with
 * user/tables/index.h, which has an index_find of its own. */
#ifndef FLOWSPLIT_UNIT_DATAPATH_H
#define FLOWSPLIT_UNIT_DATAPATH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <flowsplit/arena.h>
#include <flowsplit/health.h>
#include <flowsplit/reasons.h>

/* What stands in for the headers that need a kernel. */
#define FLOWSPLIT_MAPS_BPF_H
#define FLOWSPLIT_PACKET_BPF_H
#define FLOWSPLIT_COUNT_BPF_H
#define __noinline  __attribute__((noinline, unused))
#define BPF_ANY     0
#define unlikely(x) __builtin_expect(!!(x), 0)

enum tcp_flag { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };

static char *fs_arena;
static struct fs_trips fs_trips;
static __u64 clock_tick; /* more than 32 bits, as the kernel's is */

/* A flow table. */
#define FLOW_TABLE_MAX 1024

struct flow_table {
    struct fs_flow_key keys[FLOW_TABLE_MAX];
    struct fs_flow flows[FLOW_TABLE_MAX];
    size_t count;
};

static struct flow_table flows, unproven, udp_flows;

/* Stands for the map of that name; whoever includes this owns the sets. */
struct answers_table {
    struct fs_answers *sets;
    __u32 touched[1 << 16]; /* numbers of those that anyone has looked at since they were cleared */
    size_t count;
};

static struct answers_table answers;

static inline __u64 bpf_ktime_get_coarse_ns(void)
{
    return clock_tick << FS_TICK_SHIFT;
}

static inline void *flow_table_find(struct flow_table *table, const struct fs_flow_key *key)
{
    for (size_t i = 0; i < table->count; i++)
        if (memcmp(&table->keys[i], key, sizeof(*key)) == 0)
            return &table->flows[i];
    return NULL;
}

static inline struct fs_answers *answers_find(__u32 number)
{
    if (answers.count < sizeof(answers.touched) / sizeof(*answers.touched))
        answers.touched[answers.count] = number;
    answers.count++;
    return &answers.sets[number];
}

static inline void answers_clear(void)
{
    if (answers.count > sizeof(answers.touched) / sizeof(*answers.touched))
        memset(answers.sets, 0, FS_ANSWER_SETS * sizeof(*answers.sets));
    else
        for (size_t i = 0; i < answers.count; i++)
            memset(&answers.sets[answers.touched[i]], 0, sizeof(*answers.sets));
    answers.count = 0;
}

/* Of either kind of map. */
static inline void *bpf_map_lookup_elem(void *map, const void *key)
{
    return map == &answers ? (void *)answers_find(*(const __u32 *)key) : flow_table_find(map, key);
}

static inline int bpf_map_update_elem(struct flow_table *table, const struct fs_flow_key *key,
                                      const struct fs_flow *flow, int flags)
{
    struct fs_flow *found = flow_table_find(table, key);

    (void)flags;
    if (!found) {
        if (table->count == FLOW_TABLE_MAX)
            return -1;
        table->keys[table->count] = *key;
        found = &table->flows[table->count++];
    }
    *found = *flow;
    return 0;
}

static inline void flow_table_remove(struct flow_table *table, size_t i)
{
    table->count--;
    table->keys[i] = table->keys[table->count];
    table->flows[i] = table->flows[table->count];
}

static inline int bpf_map_delete_elem(struct flow_table *table, const struct fs_flow_key *key)
{
    struct fs_flow *found = flow_table_find(table, key);

    if (found)
        flow_table_remove(table, (size_t)(found - table->flows));
    return found ? 0 : -1;
}

static __u64 reason_counts[FS_REASON_COUNT];

static inline void count_reason(__u32 reason)
{
    reason_counts[reason]++;
}

#include "../../bpf/replies.bpf.h"
#include "../../bpf/lookup.bpf.h"

#endif
