// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tcx by bpf(2): neither Debian 12's libbpf nor its headers know of it. */
#include "tcx.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of enum bpf_attach_type, and a flag, in Linux 6.6. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define FLAG_REPLACE       (1U << 2)
#define FLAG_BEFORE        (1U << 3)

/* What BPF_PROG_ATTACH and BPF_PROG_DETACH take since then. */
struct attach_attr {
    uint32_t ifindex;
    uint32_t program;
    uint32_t type;
    uint32_t flags;
    uint32_t replaced;
    uint32_t relative; /* none: before means first */
    uint64_t expected_revision;
};

/* What BPF_LINK_CREATE takes for such a link. */
struct create_attr {
    uint32_t program;
    uint32_t ifindex;
    uint32_t type;
    uint32_t flags;
    uint32_t relative; /* none: before means first */
    uint32_t unused;
    uint64_t expected_revision;
};

/* The beginning of struct bpf_link_info, for such a link. */
struct link_info {
    uint32_t type;
    uint32_t id;
    uint32_t program;
    uint32_t unused;
    uint32_t ifindex; /* 0 once it is in no chain */
    uint32_t attach_type;
};

/* What BPF_PROG_QUERY takes since then. */
struct query_attr {
    uint32_t ifindex;
    uint32_t type;
    uint32_t query_flags;
    uint32_t attach_flags;
    uint64_t ids;
    uint32_t count; /* room; becomes how many there are */
    uint32_t unused;
    uint64_t program_flags;
    uint64_t link_ids;
    uint64_t link_flags;
    uint64_t revision;
};

_Static_assert(sizeof(struct attach_attr) == 32, "as the kernel has it");
_Static_assert(sizeof(struct create_attr) == 32, "as the kernel has it");
_Static_assert(offsetof(struct link_info, ifindex) == 16, "as the kernel has it");
_Static_assert(sizeof(struct query_attr) == 64, "as the kernel has it");

static uint32_t attach_type(enum tcx_way way)
{
    return way == TCX_WAY_IN ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;
}

static int bpf(enum bpf_cmd command, void *attr, size_t bytes)
{
    return syscall(SYS_bpf, command, attr, bytes) < 0 ? -errno : 0;
}

int tcx_read(unsigned ifindex, enum tcx_way way, struct chain *chain)
{
    uint32_t ids[CHAIN_MAX_TCX] = {0}, links[CHAIN_MAX_TCX] = {0};
    struct query_attr attr = {.ifindex = ifindex,
                              .type = attach_type(way),
                              .ids = (uintptr_t)ids,
                              .link_ids = (uintptr_t)links,
                              .count = CHAIN_MAX_TCX};
    int err = bpf(BPF_PROG_QUERY, &attr, sizeof(attr));

    if (err == -EINVAL) /* an attach type that it doesn't know */
        return -EOPNOTSUPP;
    if (err)
        return err == -ENOENT ? 0 : err;
    for (unsigned i = 0; i < attr.count && i < CHAIN_MAX_TCX && chain->count < CHAIN_MAX; i++)
        chain->items[chain->count++] =
            (struct chain_item){.program = ids[i], .link = links[i], .kind = "tcx"};
    return 0;
}

int tcx_link_first(unsigned ifindex, enum tcx_way way, int program)
{
    struct create_attr attr = {.program = (uint32_t)program,
                               .ifindex = ifindex,
                               .type = attach_type(way),
                               .flags = FLAG_BEFORE};
    long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

    return fd < 0 ? -errno : (int)fd;
}

int tcx_link_look(int link, uint32_t *id, bool *attached)
{
    struct link_info info = {0};
    uint32_t bytes = sizeof(info);

    if (bpf_obj_get_info_by_fd(link, &info, &bytes))
        return -errno;
    *id = info.id;
    *attached = info.ifindex;
    return 0;
}

int tcx_replace(unsigned ifindex, enum tcx_way way, int old, int program)
{
    struct attach_attr attr = {.ifindex = ifindex,
                               .program = (uint32_t)program,
                               .type = attach_type(way),
                               .flags = FLAG_REPLACE,
                               .replaced = (uint32_t)old};

    return bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
}

int tcx_remove(unsigned ifindex, enum tcx_way way, int program)
{
    struct attach_attr attr = {
        .ifindex = ifindex, .program = (uint32_t)program, .type = attach_type(way)};

    return bpf(BPF_PROG_DETACH, &attr, sizeof(attr));
}
