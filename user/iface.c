// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaches programs to interfaces and tells where they are. */
#include "iface.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* TC filters of all instances stand in one range of priorities, a handle each. */
#define TC_HANDLE         1
#define TC_PRIORITY       0xf500
#define TC_PRIORITY_COUNT 16

static const char *const mode_names[] = {[IFACE_NONE] = "none",
                                         [IFACE_NATIVE] = "native",
                                         [IFACE_GENERIC] = "generic",
                                         [IFACE_TC] = "tc",
                                         [IFACE_AUTO] = "auto"};

const char *iface_mode_name(enum iface_mode mode)
{
    return mode_names[mode];
}

int iface_mode_parse(const char *text, enum iface_mode *mode, struct error *err)
{
    for (int i = IFACE_NATIVE; i <= IFACE_AUTO; i++)
        if (strcmp(text, mode_names[i]) == 0) {
            *mode = (enum iface_mode)i;
            return 0;
        }
    return error_set(err, -EINVAL, "unknown mode \"%.32s\"; one of auto, native, generic, tc",
                     text);
}

static uint32_t program_id(const struct instance *instance, enum instance_program program)
{
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof(info);

    return bpf_obj_get_info_by_fd(instance->programs[program], &info, &bytes) ? 0 : info.id;
}

static uint32_t xdp_flags(enum iface_mode mode)
{
    return mode == IFACE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

static enum iface_mode xdp_mode(const struct instance *instance, unsigned ifindex)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    uint32_t id = program_id(instance, PROGRAM_XDP_INGRESS);

    if (!id || bpf_xdp_query((int)ifindex, 0, &query))
        return IFACE_NONE;
    return query.drv_prog_id == id   ? IFACE_NATIVE
           : query.skb_prog_id == id ? IFACE_GENERIC
                                     : IFACE_NONE;
}

/* The priority of the instance's filter, or with `program` PROGRAM_COUNT of a free place; 0: none.
 */
static uint32_t tc_find(const struct instance *instance, unsigned ifindex,
                        enum bpf_tc_attach_point point, enum instance_program program)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    uint32_t id = program == PROGRAM_COUNT ? 0 : program_id(instance, program);

    for (uint32_t i = 0; i < TC_PRIORITY_COUNT; i++) {
        LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY + i);
        int err = bpf_tc_query(&hook, &options);

        if (program == PROGRAM_COUNT ? err : err == 0 && options.prog_id == id)
            return TC_PRIORITY + i;
        if (err == -EINVAL) /* no clsact here, or no filter at all */
            return 0;
    }
    return 0;
}

static int tc_attach(const struct instance *instance, unsigned ifindex,
                     enum bpf_tc_attach_point point, enum instance_program program)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .prog_fd = instance->programs[program]);
    int err = bpf_tc_hook_create(&hook);

    if (err && err != -EEXIST)
        return err;
    if (tc_find(instance, ifindex, point, program))
        return 0;
    hook.attach_point = point;
    options.priority = tc_find(instance, ifindex, point, PROGRAM_COUNT);
    return options.priority ? bpf_tc_attach(&hook, &options) : -EBUSY;
}

static int tc_detach(const struct instance *instance, unsigned ifindex,
                     enum bpf_tc_attach_point point, enum instance_program program)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE);

    options.priority = tc_find(instance, ifindex, point, program);
    return options.priority ? bpf_tc_detach(&hook, &options) : 0;
}

static int xdp_detach(const struct instance *instance, unsigned ifindex, enum iface_mode mode)
{
    LIBBPF_OPTS(bpf_xdp_attach_opts, options,
                .old_prog_fd = instance->programs[PROGRAM_XDP_INGRESS]);

    return bpf_xdp_detach((int)ifindex, xdp_flags(mode) | XDP_FLAGS_REPLACE, &options);
}

static enum iface_mode mode_of(const struct instance *instance, unsigned ifindex)
{
    enum iface_mode mode = xdp_mode(instance, ifindex);

    if (mode == IFACE_NONE && tc_find(instance, ifindex, BPF_TC_INGRESS, PROGRAM_TC_INGRESS))
        mode = IFACE_TC;
    return mode;
}

static int ingress_attach(const struct instance *instance, unsigned ifindex, enum iface_mode mode)
{
    if (mode == IFACE_TC)
        return tc_attach(instance, ifindex, BPF_TC_INGRESS, PROGRAM_TC_INGRESS);
    return bpf_xdp_attach((int)ifindex, instance->programs[PROGRAM_XDP_INGRESS],
                          xdp_flags(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

static int ingress_detach(const struct instance *instance, unsigned ifindex, enum iface_mode mode)
{
    if (mode == IFACE_NONE)
        return 0;
    return mode == IFACE_TC ? tc_detach(instance, ifindex, BPF_TC_INGRESS, PROGRAM_TC_INGRESS)
                            : xdp_detach(instance, ifindex, mode);
}

static const char *attach_problem(enum iface_mode mode, int err)
{
    if (err == -EBUSY || err == -EEXIST)
        return mode == IFACE_TC ? "all TC places are taken"
                                : "another XDP program is attached (see: ip link show)";
    if (err == -EOPNOTSUPP)
        return "its driver has no native XDP";
    if (err == -EINVAL && mode == IFACE_NATIVE)
        return "its driver refuses XDP in the present setting (MTU, queues or offloads)";
    return strerror(-err);
}

/* Leaves the interface as it was before, as far as this instance is concerned. */
static void restore(const struct instance *instance, unsigned ifindex, enum iface_mode was,
                    enum iface_mode mode)
{
    ingress_detach(instance, ifindex, mode);
    if (was == IFACE_NONE)
        tc_detach(instance, ifindex, BPF_TC_EGRESS, PROGRAM_TC_EGRESS);
    else
        ingress_attach(instance, ifindex, was);
}

/* The way in first: it learns who talks to the backends' own addresses, whose answers the way back
 * must not touch; a SYN that is steered a moment too early is sent again by the client. A change of
 * mode takes the old attachment away before the new one comes, since the kernel allows one XDP
 * program, and between TC and XDP the other order would steer twice. */
static int attach_mode(const struct instance *instance, unsigned ifindex, enum iface_mode was,
                       enum iface_mode mode)
{
    int err = ingress_detach(instance, ifindex, was);

    if (!err)
        err = ingress_attach(instance, ifindex, mode);
    if (!err)
        err = tc_attach(instance, ifindex, BPF_TC_EGRESS, PROGRAM_TC_EGRESS);
    if (err)
        restore(instance, ifindex, was, mode_of(instance, ifindex));
    return err;
}

static int find_interface(const char *name, unsigned *ifindex, struct error *err)
{
    *ifindex = if_nametoindex(name);
    return *ifindex
               ? 0
               : error_set(err, -ENODEV, "no interface \"%.32s\" in this network namespace", name);
}

int iface_exists(const char *name, struct error *err)
{
    unsigned ifindex;

    return find_interface(name, &ifindex, err);
}

int iface_attach(const struct instance *instance, const char *name, enum iface_mode *mode,
                 bool *changed, char *why, struct error *err)
{
    enum iface_mode was, want = *mode == IFACE_AUTO ? IFACE_NATIVE : *mode;
    unsigned ifindex;
    int code = find_interface(name, &ifindex, err);

    *why = '\0';
    *changed = false;
    if (code)
        return code;
    was = mode_of(instance, ifindex);
    if (was != IFACE_NONE && (*mode == IFACE_AUTO || was == want)) {
        *mode = was;
        code = tc_attach(instance, ifindex, BPF_TC_EGRESS, PROGRAM_TC_EGRESS);
    } else {
        *changed = true;
        code = attach_mode(instance, ifindex, was, want);
        if (code && *mode == IFACE_AUTO) {
            snprintf(why, 256, "%s", attach_problem(want, code));
            want = IFACE_TC;
            code = attach_mode(instance, ifindex, was, want);
        }
        *mode = want;
    }
    if (!code)
        maps_allow_redirect(&instance->maps, ifindex);
    return code ? error_set(err, code, "can't attach to %s (%s): %s", name, iface_mode_name(want),
                            attach_problem(want, code))
                : 0;
}

int iface_detach(const struct instance *instance, const char *name, struct error *err)
{
    unsigned ifindex;
    enum iface_mode was;
    int code = find_interface(name, &ifindex, err);

    if (code)
        return code;
    was = mode_of(instance, ifindex);
    if (was == IFACE_NONE && !tc_find(instance, ifindex, BPF_TC_EGRESS, PROGRAM_TC_EGRESS))
        return error_set(err, -ENOENT, "not attached to %s", name);
    code = ingress_detach(instance, ifindex, was);
    if (!code)
        code = tc_detach(instance, ifindex, BPF_TC_EGRESS, PROGRAM_TC_EGRESS);
    return code ? error_set(err, code, "can't detach from %s: %s", name, strerror(-code)) : 0;
}

int iface_list(const struct instance *instance, struct iface **list, struct error *err)
{
    struct if_nameindex *names = if_nameindex();
    int count = 0, room = 0;

    *list = NULL;
    if (!names)
        return error_set(err, -errno, "can't list interfaces: %s", strerror(errno));
    while (names[room].if_index)
        room++;
    *list = calloc((size_t)room + 1, sizeof(**list));
    for (int i = 0; *list && i < room; i++) {
        struct iface *iface = &(*list)[count];

        iface->mode = mode_of(instance, names[i].if_index);
        if (iface->mode == IFACE_NONE)
            continue;
        iface->index = names[i].if_index;
        snprintf(iface->name, sizeof(iface->name), "%s", names[i].if_name);
        count++;
    }
    if_freenameindex(names);
    return *list ? count : error_set(err, -ENOMEM, "out of memory");
}

bool iface_is_local(const struct fs_endpoint *at)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int fd = socket(at->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0)
        return false;
    memcpy(&v4.sin_addr, at->addr, sizeof(v4.sin_addr));
    memcpy(&v6.sin6_addr, at->addr, sizeof(v6.sin6_addr));
    err = at->family == 4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
                          : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
    close(fd);
    return err == 0;
}
