// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP by netlink, TC by clsact filters. */
#include "hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

/* TC filters of all instances stand in one range of priorities, a handle each. */
#define TC_HANDLE         1
#define TC_PRIORITY       0xf500
#define TC_PRIORITY_COUNT 16

static enum instance_program program_by_id(const struct instance *instance, uint32_t id)
{
    int program = 0;

    for (; program < PROGRAM_COUNT && id; program++) {
        struct bpf_prog_info info = {0};
        uint32_t bytes = sizeof(info);

        if (!bpf_obj_get_info_by_fd(instance->programs[program], &info, &bytes) && info.id == id)
            return (enum instance_program)program;
    }
    return PROGRAM_COUNT;
}

/* --- XDP --- */

static uint32_t xdp_flags(enum hook hook)
{
    return hook == HOOK_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

static enum instance_program xdp_get(const struct instance *instance, unsigned ifindex,
                                     enum hook hook)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, query);

    if (bpf_xdp_query((int)ifindex, 0, &query))
        return PROGRAM_COUNT;
    return program_by_id(instance, hook == HOOK_XDP_NATIVE ? query.drv_prog_id : query.skb_prog_id);
}

static int xdp_put(const struct instance *instance, unsigned ifindex, enum hook hook,
                   enum instance_program program)
{
    LIBBPF_OPTS(bpf_xdp_attach_opts, options);
    enum instance_program old = xdp_get(instance, ifindex, hook);
    uint32_t flags = xdp_flags(hook);

    if (old != PROGRAM_COUNT)
        options.old_prog_fd = instance->programs[old];
    flags |= old == PROGRAM_COUNT ? XDP_FLAGS_UPDATE_IF_NOEXIST : XDP_FLAGS_REPLACE;
    return bpf_xdp_attach((int)ifindex, instance->programs[program], flags, &options);
}

static int xdp_clear(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    LIBBPF_OPTS(bpf_xdp_attach_opts, options);
    enum instance_program old = xdp_get(instance, ifindex, hook);

    if (old == PROGRAM_COUNT)
        return 0;
    options.old_prog_fd = instance->programs[old];
    return bpf_xdp_detach((int)ifindex, xdp_flags(hook) | XDP_FLAGS_REPLACE, &options);
}

/* --- TC --- */

static enum bpf_tc_attach_point tc_point(enum hook hook)
{
    return hook == HOOK_TC_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

/* Finds the instance's filter: *priority becomes its priority, or without one a free priority, or 0
 * if none is free. */
static enum instance_program tc_find(const struct instance *instance, unsigned ifindex,
                                     enum hook hook, uint32_t *priority)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex, .attach_point = tc_point(hook));

    *priority = 0;
    for (uint32_t i = 0; i < TC_PRIORITY_COUNT; i++) {
        LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY + i);
        enum instance_program program = PROGRAM_COUNT;
        int err = bpf_tc_query(&at, &options);

        if (!err)
            program = program_by_id(instance, options.prog_id);
        if ((err && !*priority) || program != PROGRAM_COUNT)
            *priority = TC_PRIORITY + i;
        if (program != PROGRAM_COUNT || err == -EINVAL) /* no clsact here, or no filter at all */
            return program;
    }
    return PROGRAM_COUNT;
}

static int tc_put(const struct instance *instance, unsigned ifindex, enum hook hook,
                  enum instance_program program)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex,
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .prog_fd = instance->programs[program]);
    enum instance_program old;
    int err = bpf_tc_hook_create(&at);

    if (err && err != -EEXIST)
        return err;
    old = tc_find(instance, ifindex, hook, &options.priority);
    if (!options.priority)
        return -EBUSY;
    options.flags = old == PROGRAM_COUNT ? 0 : BPF_TC_F_REPLACE;
    at.attach_point = tc_point(hook);
    return old == program ? 0 : bpf_tc_attach(&at, &options);
}

static int tc_clear(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex, .attach_point = tc_point(hook));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE);

    if (tc_find(instance, ifindex, hook, &options.priority) == PROGRAM_COUNT)
        return 0;
    return bpf_tc_detach(&at, &options);
}

/* --- both --- */

static bool is_xdp(enum hook hook)
{
    return hook == HOOK_XDP_NATIVE || hook == HOOK_XDP_GENERIC;
}

enum instance_program hook_get(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    uint32_t priority;

    return is_xdp(hook) ? xdp_get(instance, ifindex, hook)
                        : tc_find(instance, ifindex, hook, &priority);
}

int hook_put(const struct instance *instance, unsigned ifindex, enum hook hook,
             enum instance_program program)
{
    return is_xdp(hook) ? xdp_put(instance, ifindex, hook, program)
                        : tc_put(instance, ifindex, hook, program);
}

int hook_clear(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    return is_xdp(hook) ? xdp_clear(instance, ifindex, hook) : tc_clear(instance, ifindex, hook);
}
