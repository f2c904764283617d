/* SPDX-License-Identifier: GPL-2.0-only */
/* Per-CPU counters: reasons and backends. */
#ifndef FLOWSPLIT_COUNT_BPF_H
#define FLOWSPLIT_COUNT_BPF_H

#include "maps.bpf.h"

static __always_inline void count_reason(__u32 reason)
{
    __u64 *count = bpf_map_lookup_elem(&reason_counters, &reason);

    if (count)
        *count += 1;
}

static __always_inline void count_in(__u32 backend, __u32 bytes, __u32 new_flow)
{
    struct fs_backend_counters *count = bpf_map_lookup_elem(&backend_counters, &backend);

    if (!count)
        return;
    count->packets_in += 1;
    count->bytes_in += bytes;
    if (new_flow)
        count->new_flows += 1;
}

static __always_inline void count_out(__u32 backend, __u32 bytes)
{
    struct fs_backend_counters *count = bpf_map_lookup_elem(&backend_counters, &backend);

    if (!count)
        return;
    count->packets_out += 1;
    count->bytes_out += bytes;
}

#endif
