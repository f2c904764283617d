// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs are told by their ids, those of other instances by the hash of their instructions. */
#include "owner.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int get_info(int fd, struct bpf_prog_info *info)
{
    uint32_t bytes = sizeof(*info);

    memset(info, 0, sizeof(*info));
    return bpf_obj_get_info_by_fd(fd, info, &bytes);
}

enum instance_program owner_program(const struct instance *instance, uint32_t id)
{
    struct bpf_prog_info info;
    int program = 0;

    for (; program < PROGRAM_COUNT && id; program++)
        if (!get_info(instance->programs[program], &info) && info.id == id)
            return (enum instance_program)program;
    return PROGRAM_COUNT;
}

bool owner_is_stranger(const struct instance *instance, uint32_t id, char *name)
{
    struct bpf_prog_info theirs, ours;
    int fd = bpf_prog_get_fd_by_id(id);
    int err = fd < 0 ? fd : get_info(fd, &theirs);

    if (fd >= 0)
        close(fd);
    snprintf(name, OWNER_NAME, "%s", err || !*theirs.name ? "a program" : theirs.name);
    for (int i = 0; i < PROGRAM_COUNT && !err; i++)
        if (!get_info(instance->programs[i], &ours) &&
            memcmp(ours.tag, theirs.tag, sizeof(ours.tag)) == 0)
            return false;
    return true;
}
