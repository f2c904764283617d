// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The only user of bpf_map_*. */
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 1024 /* more than any chain of a hash bucket */

/* One batch of entries, and those of it that are to go. */
struct batch {
    struct fs_flow_key keys[BATCH];
    struct fs_flow flows[BATCH];
};

static void visit_batch(int fd, enum flow_map map, const struct batch *batch, uint32_t count,
                        maps_visit *visit, void *context)
{
    for (uint32_t i = 0; i < count; i++)
        if (visit(context, map, &batch->keys[i], &batch->flows[i]))
            bpf_map_delete_elem(fd, &batch->keys[i]);
}

int maps_visit_flows(const struct maps *maps, enum flow_map map, uint32_t *position,
                     uint64_t *budget, maps_visit *visit, void *context)
{
    struct batch *batch = malloc(sizeof(*batch));
    int code = batch ? 0 : -ENOMEM;

    while (!code && *budget) {
        uint32_t count = BATCH, next = *position;

        if (bpf_map_lookup_batch(maps->flow[map], position, &next, batch->keys, batch->flows,
                                 &count, NULL))
            code = errno == ENOENT ? 1 : -errno;
        if (code < 0)
            break;
        visit_batch(maps->flow[map], map, batch, count, visit, context);
        *budget -= count < *budget ? count : *budget;
        *position = next;
    }
    free(batch);
    return code;
}

/* A hash table has so many buckets, which is what a position counts. */
uint32_t maps_flows_end(const struct maps *maps, enum flow_map map)
{
    struct bpf_map_info info = {0};
    uint32_t bytes = sizeof(info), end = 1;

    if (bpf_obj_get_info_by_fd(maps->flow[map], &info, &bytes))
        return 0;
    while (end < info.max_entries)
        end <<= 1;
    return end;
}

int maps_each_flow(const struct maps *maps, maps_visit *visit, void *context)
{
    int code = 0;

    for (int map = 0; map < FLOW_MAP_COUNT && code >= 0; map++) {
        uint32_t position = 0;
        uint64_t budget = UINT64_MAX;

        code = maps_visit_flows(maps, (enum flow_map)map, &position, &budget, visit, context);
    }
    return code < 0 ? code : 0;
}

bool maps_find_flow(const struct maps *maps, uint8_t proto, const struct fs_flow_key *key,
                    struct fs_flow *flow)
{
    enum flow_map proven = proto == 17 ? FLOW_MAP_UDP : FLOW_MAP_FLOWS;

    return bpf_map_lookup_elem(maps->flow[proven], key, flow) == 0 ||
           bpf_map_lookup_elem(maps->flow[FLOW_MAP_UNPROVEN], key, flow) == 0;
}

void maps_add_counters(struct fs_backend_counters *to, const struct fs_backend_counters *from)
{
    uint64_t *sums = (uint64_t *)to;

    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
        sums[i] += ((const uint64_t *)from)[i];
}

int maps_backend_counters(const struct maps *maps, uint32_t number, struct fs_backend_counters *sum)
{
    int cpus = libbpf_num_possible_cpus();
    struct fs_backend_counters *counts;

    memset(sum, 0, sizeof(*sum));
    counts = cpus < 1 ? NULL : calloc((size_t)cpus, sizeof(*counts));
    if (!counts)
        return -ENOMEM;
    if (bpf_map_lookup_elem(maps->backend_counters, &number, counts)) {
        free(counts);
        return -errno;
    }
    for (int i = 0; i < cpus; i++)
        maps_add_counters(sum, &counts[i]);
    free(counts);
    return 0;
}

int maps_backend_reset(const struct maps *maps, uint32_t number)
{
    int cpus = libbpf_num_possible_cpus();
    struct fs_backend_counters *counts = cpus < 1 ? NULL : calloc((size_t)cpus, sizeof(*counts));
    uint32_t unseen = 0;
    int err;

    if (!counts)
        return -ENOMEM;
    err = bpf_map_update_elem(maps->backend_counters, &number, counts, BPF_ANY) ||
                  bpf_map_update_elem(maps->direct_seen, &number, &unseen, BPF_ANY)
              ? -errno
              : 0;
    free(counts);
    return err;
}

int maps_reasons(const struct maps *maps, uint64_t counts[FS_REASON_COUNT])
{
    int cpus = libbpf_num_possible_cpus();
    uint64_t *values = cpus < 1 ? NULL : calloc((size_t)cpus, sizeof(*values));

    if (!values)
        return -ENOMEM;
    for (uint32_t reason = 0; reason < FS_REASON_COUNT; reason++) {
        counts[reason] = 0;
        if (bpf_map_lookup_elem(maps->reason_counters, &reason, values)) {
            free(values);
            return -errno;
        }
        for (int i = 0; i < cpus; i++)
            counts[reason] += values[i];
    }
    free(values);
    return 0;
}

bool maps_knows_namespace(const struct maps *maps, uint32_t inum)
{
    uint8_t seen;

    return bpf_map_lookup_elem(maps->namespaces, &inum, &seen) == 0;
}

void maps_allow_redirect(const struct maps *maps, unsigned ifindex)
{
    uint32_t key = ifindex % FS_NO_REDIRECT_SIZE;
    struct fs_ban ban = {.kind = FS_BAN_NONE};

    bpf_map_update_elem(maps->no_redirect, &key, &ban, BPF_ANY);
}

uint32_t maps_value_size(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t bytes = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &bytes) ? 0 : info.value_size;
}

/* Replacing a map inside a map waits for an RCU grace period (maybe_wait_bpf_programs in the
 * kernel's kernel/bpf/syscall.c). */
static int grace_by_map(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, options);
    int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace_inner", 4, 4, 1, NULL), outer, err;
    uint32_t key = 0;

    if (inner < 0)
        return -errno;
    options.inner_map_fd = (uint32_t)inner;
    outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "grace_outer", 4, 4, 1, &options);
    err = outer < 0 || bpf_map_update_elem(outer, &key, &inner, BPF_ANY) ? -errno : 0;
    if (outer >= 0)
        close(outer);
    close(inner);
    return err;
}

int maps_grace_period(void)
{
    /* A global barrier is an RCU grace period; with nohz_full there is none to be had. */
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
        return 0;
    return grace_by_map();
}
