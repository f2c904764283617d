// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Links of tcx and their pins. A link that was made but isn't pinned yet goes with the process. */
#include "tcx_pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "instance_make.h"
#include "pins.h"

#define PREFIX "tcx_"

static const char *pin_path(char *buf, const struct instance *instance, enum tcx_way way,
                            uint32_t link)
{
    char name[64];

    snprintf(name, sizeof(name), PINS_LINKS "/" PREFIX "%s_%u", way == TCX_WAY_IN ? "in" : "back",
             link);
    return pins_path(buf, instance->pin_dir, name);
}

static int pin(const struct instance *instance, enum tcx_way way, int link)
{
    char path[PIN_PATH_MAX];
    bool attached;
    uint32_t id;
    int err = tcx_link_look(link, &id, &attached);

    if (err)
        return err;
    return bpf_obj_pin(link, pin_path(path, instance, way, id)) && errno != EEXIST ? -errno : 0;
}

/* By its id, where there is no pin, only who has CAP_SYS_ADMIN gets it. Returns a descriptor or
 * -errno. */
static int open_link(const struct instance *instance, enum tcx_way way, uint32_t link)
{
    char path[PIN_PATH_MAX];
    int fd = bpf_obj_get(pin_path(path, instance, way, link));

    if (fd < 0)
        fd = bpf_link_get_fd_by_id(link);
    return fd < 0 ? -errno : fd;
}

int tcx_pins_put_first(const struct instance *instance, unsigned ifindex, enum tcx_way way,
                       int program)
{
    int link = tcx_link_first(ifindex, way, program), err;

    if (link < 0)
        return link;
    err = pin(instance, way, link);
    close(link);
    return err;
}

int tcx_pins_keep(const struct instance *instance, enum tcx_way way, uint32_t link, int program)
{
    int fd = open_link(instance, way, link), err;

    if (fd < 0)
        return fd;
    err = pin(instance, way, fd);
    if (!err && bpf_link_update(fd, program, NULL))
        err = -errno;
    close(fd);
    return err;
}

/* To let go of a link takes the kernel some time, to detach it none. */
int tcx_pins_remove(const struct instance *instance, enum tcx_way way, uint32_t link)
{
    int fd = open_link(instance, way, link), err = 0;
    char path[PIN_PATH_MAX];

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    if (bpf_link_detach(fd))
        err = -errno;
    close(fd);
    if (!err && unlink(pin_path(path, instance, way, link)) && errno != ENOENT)
        err = -errno;
    return err;
}

static bool is_attached(const char *path)
{
    int link = bpf_obj_get(path);
    bool attached = true;
    uint32_t id;

    if (link < 0)
        return errno != ENOENT;
    tcx_link_look(link, &id, &attached);
    close(link);
    return attached;
}

unsigned tcx_pins_sweep(const struct instance *instance)
{
    char dir[PIN_PATH_MAX], path[PIN_PATH_MAX];
    DIR *stream = opendir(pins_path(dir, instance->pin_dir, PINS_LINKS));
    struct dirent *entry;
    unsigned left = 0;

    while (stream && (entry = readdir(stream))) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        if (is_attached(pins_path(path, dir, entry->d_name)))
            left++;
        else
            unlink(path);
    }
    if (stream)
        closedir(stream);
    return left;
}
