// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The observers of an instance: what is known of each. */
#include "observers.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <flowsplit/arena.h>

#include "instance_make.h"
#include "pins.h"

/* As they are declared, plus which signals each feeds. */
static const struct {
    struct observer observer;
    unsigned feeds;
} table[FS_OBSERVER_COUNT] = {
#define OBSERVER_ROW(suffix, program, on, feeds, unseen) \
    [FS_OBSERVER_##suffix] = {{program, on, unseen, false, 0}, feeds},
    FS_OBSERVERS(OBSERVER_ROW)
#undef OBSERVER_ROW
};

const struct observer *observers_declared(enum fs_observer which)
{
    return &table[which].observer;
}

static bool is_iterator(enum fs_observer which)
{
    return strncmp(table[which].observer.on, "iter/", 5) == 0;
}

/* Where its link is pinned, if it has one, or else itself. buf holds PIN_PATH_MAX. */
static const char *pin_path(char *buf, const char *pin_dir, enum fs_observer which)
{
    char dir[PIN_PATH_MAX];

    pins_path(dir, pin_dir, is_iterator(which) ? PINS_PROGRAMS : PINS_LINKS);
    return pins_path(buf, dir, table[which].observer.program);
}

struct observer observers_get(const struct instance *instance, enum fs_observer which)
{
    const struct fs_root *root = instance->arena;
    struct observer observer = table[which].observer;
    char path[PIN_PATH_MAX];

    observer.works = access(pin_path(path, instance->pin_dir, which), F_OK) == 0;
    if (!observer.works)
        observer.error = root->refused[which] ? root->refused[which] : ENOENT;
    return observer;
}

void observers_missing(const struct instance *instance, const char *missing[FS_SIGNAL_COUNT])
{
    for (int which = 0; which < FS_OBSERVER_COUNT; which++)
        for (int signal = 0; signal < FS_SIGNAL_COUNT; signal++)
            if (table[which].feeds >> signal & 1 &&
                !observers_get(instance, (enum fs_observer)which).works)
                missing[signal] = table[which].observer.on;
}

static uint64_t missed_by(int link)
{
    struct bpf_link_info link_info = {0};
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(link_info);
    int program;

    if (bpf_obj_get_info_by_fd(link, &link_info, &length))
        return 0;
    program = bpf_prog_get_fd_by_id(link_info.prog_id);
    if (program < 0)
        return 0;
    length = sizeof(info);
    if (bpf_obj_get_info_by_fd(program, &info, &length))
        info.recursion_misses = 0;
    close(program);
    return info.recursion_misses;
}

uint64_t observers_missed_runs(const char *pin_dir)
{
    char path[PIN_PATH_MAX];
    uint64_t count = 0;

    for (int which = 0; which < FS_OBSERVER_COUNT; which++) {
        int link = is_iterator((enum fs_observer)which)
                       ? -1
                       : bpf_obj_get(pin_path(path, pin_dir, (enum fs_observer)which));

        if (link < 0)
            continue;
        count += missed_by(link);
        close(link);
    }
    return count;
}
