// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XDP by netlink; TC has a file of its own. */
#include "hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

#include "owner.h"
#include "tc.h"

_Static_assert(TC_WHY == HOOK_WHY, "one is written into the other");

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
    return owner_program(instance, hook == HOOK_XDP_NATIVE ? query.drv_prog_id : query.skb_prog_id);
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

/* --- both --- */

static bool is_xdp(enum hook hook)
{
    return hook == HOOK_XDP_NATIVE || hook == HOOK_XDP_GENERIC;
}

static enum tcx_way way_of(enum hook hook)
{
    return hook == HOOK_TC_INGRESS ? TCX_WAY_IN : TCX_WAY_BACK;
}

enum instance_program hook_get(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    return is_xdp(hook) ? xdp_get(instance, ifindex, hook)
                        : tc_get(instance, ifindex, way_of(hook));
}

int hook_put(const struct instance *instance, unsigned ifindex, enum hook hook,
             enum instance_program program)
{
    return is_xdp(hook) ? xdp_put(instance, ifindex, hook, program)
                        : tc_put(instance, ifindex, way_of(hook), program);
}

int hook_clear(const struct instance *instance, unsigned ifindex, enum hook hook)
{
    return is_xdp(hook) ? xdp_clear(instance, ifindex, hook)
                        : tc_clear(instance, ifindex, way_of(hook));
}

void hook_look(const struct instance *instance, unsigned ifindex, enum hook hook, char *why)
{
    if (is_xdp(hook))
        snprintf(why, HOOK_WHY, "%s",
                 xdp_get(instance, ifindex, hook) == PROGRAM_COUNT ? "missing" : "");
    else
        tc_look(instance, ifindex, way_of(hook), why);
}

const char *hook_problem(enum hook hook, int err)
{
    if ((err == -EBUSY || err == -EEXIST) && is_xdp(hook))
        return "another XDP program is attached (see: ip link show)";
    if (err == -EOPNOTSUPP && is_xdp(hook))
        return "its driver has no native XDP";
    if (err == -EINVAL && hook == HOOK_XDP_NATIVE)
        return "its driver refuses XDP in the present setting (MTU, queues or offloads)";
    if (err == -EADDRINUSE)
        return "an `ingress` qdisc holds the place of clsact, so that no program can restore "
               "replies (see: tc qdisc show; tc qdisc del dev IFACE ingress)";
    if (err == -ERANGE)
        return "as many TC programs as can be are attached (see: bpftool net show)";
    return strerror(-err);
}
