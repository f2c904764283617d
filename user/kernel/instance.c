// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One running flowsplit: skeleton, pins, lock and arena. */
#include "instance.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "health.h"
#include "instance_make.h"
#include "observers.h"
#include "pins.h"
#include "refusal.h"

#define LOCK_PAUSE_MS 2
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

static int *pin_fd(struct instance *instance, const struct pin *pin)
{
    return (int *)((char *)instance + pin->offset);
}

/* --- opening one --- */

static int wrong_abi(const char *pin_dir, struct error *err)
{
    return error_set(
        err, -EPROTO,
        "the pins in %s were made by another version of flowsplit (this one speaks ABI "
        "%d): use that version, or run its `detach --all` and then rm -r %s (without it: README, "
        "\"Emergency removal\")",
        pin_dir, FS_ABI, pin_dir);
}

static int open_pins(struct instance *instance, const char *dir, const struct pin *pins,
                     struct error *err)
{
    char path[PIN_PATH_MAX];

    for (const struct pin *pin = pins; pin->name; pin++) {
        int fd = bpf_obj_get(pins_path(path, dir, pin->name));

        if (fd < 0 && errno == ENOENT && pin->need != PIN_NEEDED)
            continue;
        if (fd < 0 && errno == ENOENT)
            return wrong_abi(instance->pin_dir, err);
        if (fd < 0)
            return error_set(err, -errno, "can't open %s: %s", path, strerror(errno));
        *pin_fd(instance, pin) = fd;
    }
    return 0;
}

/* The maps that are read and written as memory. */
static const struct view {
    size_t fd, memory; /* where in struct instance */
    size_t value_bytes, bytes;
} views[] = {
    {offsetof(struct instance, maps.arena), offsetof(struct instance, arena), FS_ARENA_BYTES,
     FS_ARENA_BYTES},
    {offsetof(struct instance, maps.trips), offsetof(struct instance, trips),
     sizeof(struct fs_trips), sizeof(struct fs_trips)},
    {offsetof(struct instance, maps.health), offsetof(struct instance, health),
     sizeof(struct fs_health), FS_HEALTH_SLOTS * sizeof(struct fs_health)},
    {offsetof(struct instance, maps.events), offsetof(struct instance, events),
     sizeof(struct fs_event), FS_EVENTS * sizeof(struct fs_event)},
    {offsetof(struct instance, maps.sweeps), offsetof(struct instance, sweep),
     sizeof(struct fs_sweep), sizeof(struct fs_sweep)},
};

static void **view_memory(struct instance *instance, const struct view *view)
{
    return (void **)((char *)instance + view->memory);
}

static int map_views(struct instance *instance, struct error *err)
{
    const struct fs_root *root;

    for (size_t i = 0; i < COUNT(views); i++) {
        int fd = *(int *)((char *)instance + views[i].fd);
        void *memory;

        if (maps_value_size(fd) != views[i].value_bytes)
            return wrong_abi(instance->pin_dir, err);
        memory = mmap(NULL, views[i].bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
            return error_set(err, -errno, "can't map what the kernel keeps: %s", strerror(errno));
        *view_memory(instance, &views[i]) = memory;
    }
    root = instance->arena;
    return root->magic == FS_ARENA_MAGIC && root->abi == FS_ABI ? 0
                                                                : wrong_abi(instance->pin_dir, err);
}

/* 0 if there is none. */
static uint64_t maps_inode(const char *pin_dir)
{
    char path[PIN_PATH_MAX];
    struct stat stat_;

    return stat(pins_path(path, pin_dir, PINS_MAPS), &stat_) ? 0 : stat_.st_ino;
}

static int open_all(struct instance *instance, struct error *err)
{
    char dir[PIN_PATH_MAX];
    int code;

    instance->inode = maps_inode(instance->pin_dir);
    code = open_pins(instance, pins_path(dir, instance->pin_dir, PINS_MAPS), instance_maps, err);
    if (!code)
        code = open_pins(instance, pins_path(dir, instance->pin_dir, PINS_PROGRAMS),
                         instance_programs, err);
    return code ? code : map_views(instance, err);
}

static int no_instance(const char *pin_dir, struct error *err)
{
    return error_set(err, -ENOENT,
                     "nothing is declared or attached in %s; begin with `flowsplit apply FILE`",
                     pin_dir);
}

/* The usual place isn't there until somebody begins. Another was named by somebody who thinks that
 * an instance is in it. */
static int no_directory(const char *pin_dir, struct error *err)
{
    if (pin_dir == pins_default_dir)
        return no_instance(pin_dir, err);
    return error_set(err, -ENOTDIR,
                     "pin directory %s doesn't exist, so no instance is there; one begins with "
                     "`flowsplit --pin-dir %s apply FILE`",
                     pin_dir, pin_dir);
}

static int open_locked(struct instance *instance, enum instance_access want, struct error *err)
{
    char path[PIN_PATH_MAX];
    int code;

    if (access(pins_path(path, instance->pin_dir, PINS_MAPS), F_OK)) {
        if (want != INSTANCE_CREATE)
            return no_instance(instance->pin_dir, err);
        code = instance_make(instance->pin_dir, err);
        if (code)
            return code;
        instance->made = true;
    }
    return open_all(instance, err);
}

static int open_with(struct instance *instance, const char *pin_dir, enum instance_access want,
                     int operation, struct error *err)
{
    char path[PIN_PATH_MAX];
    int code;

    *instance = (struct instance){.pin_dir = pin_dir, .lock = -1};
    memset(&instance->maps, 0xff, sizeof(instance->maps));
    memset(instance->programs, 0xff, sizeof(instance->programs));
    refusal_listen();
    if (geteuid() != 0)
        return error_set(err, -EPERM, "root is needed: try with sudo");
    code = pins_check_dir(pin_dir, err);
    if (code)
        return code;
    if (want != INSTANCE_CREATE && access(pins_path(path, pin_dir, ""), F_OK))
        return no_directory(pin_dir, err);
    instance->lock = pins_lock(pin_dir, operation, want == INSTANCE_CREATE, err);
    if (instance->lock < 0)
        return instance->lock;
    code = open_locked(instance, want, err);
    if (code)
        instance_close(instance);
    return code;
}

int instance_open(struct instance *instance, const char *pin_dir, enum instance_access want,
                  struct error *err)
{
    return open_with(instance, pin_dir, want, want == INSTANCE_READ ? LOCK_SH : LOCK_EX, err);
}

int instance_open_opportune(struct instance *instance, const char *pin_dir, bool *writable,
                            struct error *err)
{
    int code = open_with(instance, pin_dir, INSTANCE_WRITE, LOCK_EX | LOCK_NB, err);

    *writable = code != -EWOULDBLOCK;
    return *writable ? code : instance_open(instance, pin_dir, INSTANCE_READ, err);
}

int instance_open_within(struct instance *instance, const char *pin_dir, unsigned wait_ms,
                         struct error *err)
{
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
    int code;

    for (unsigned waited = 0;; waited += LOCK_PAUSE_MS) {
        code = open_with(instance, pin_dir, INSTANCE_READ, LOCK_SH | LOCK_NB, err);
        if (code != -EWOULDBLOCK)
            return code;
        if (waited >= wait_ms)
            return error_set(err, -ETIMEDOUT, "another command has held the lock of %s for %u ms",
                             pin_dir, wait_ms);
        nanosleep(&pause, NULL);
    }
}

static void close_pins(struct instance *instance, const struct pin *pins)
{
    for (const struct pin *pin = pins; pin->name; pin++)
        if (*pin_fd(instance, pin) >= 0)
            close(*pin_fd(instance, pin));
}

int instance_relock(struct instance *instance, struct error *err)
{
    int lock = pins_lock(instance->pin_dir, LOCK_SH | LOCK_NB, false, err);

    if (lock < 0)
        return lock;
    instance->lock = lock;
    if (maps_inode(instance->pin_dir) == instance->inode)
        return 0;
    instance_unlock(instance);
    return error_set(err, -ESTALE, "another instance has taken the place of the one in %s",
                     instance->pin_dir);
}

void instance_unlock(struct instance *instance)
{
    if (instance->lock >= 0)
        close(instance->lock);
    instance->lock = -1;
}

void instance_close(struct instance *instance)
{
    close_pins(instance, instance_maps);
    close_pins(instance, instance_programs);
    for (size_t i = 0; i < COUNT(views); i++)
        if (*view_memory(instance, &views[i]))
            munmap(*view_memory(instance, &views[i]), views[i].bytes);
    instance_unlock(instance);
    *instance = (struct instance){.pin_dir = instance->pin_dir, .lock = -1};
    memset(&instance->maps, 0xff, sizeof(instance->maps));
    memset(instance->programs, 0xff, sizeof(instance->programs));
}

void instance_remove(struct instance *instance)
{
    pins_remove(instance->pin_dir);
}

/* --- changing one --- */

/* Numbers of backends that change hands begin with clean counters. */
static int reset_new_backends(const struct instance *instance, const struct model *model)
{
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena,
                                           fs_at(struct fs_root, instance->arena, 0)->directory);
    const struct fs_backend *old = fs_at(struct fs_backend, instance->arena, dir->backends);
    int code = 0;

    for (uint32_t i = 0; i < model->backend_count && !code; i++)
        if (model->backends[i].flags & FS_BACKEND_USED &&
            (i >= dir->backend_count || old[i].id != model->backends[i].id))
            code = maps_backend_reset(&instance->maps, i);
    return code;
}

int instance_publish(struct instance *instance, struct model *model, struct error *err)
{
    fs_ref directory;
    int code;

    if (!model->changed)
        return 0;
    /* Who published last may have been killed before its grace period was over. */
    code = maps_grace_period();
    code = code ? code : reset_new_backends(instance, model);
    if (code)
        return error_set(err, code, "can't prepare the change: %s", strerror(-code));
    directory = model_write(model, err);
    if (!directory)
        return -ENOSPC;
    health_prepare(instance->health, instance->trips, model, clock_now_ns());
    model_commit(model, directory);
    code = maps_grace_period();
    return code ? error_set(err, code, "published, but waiting for packets under way failed: %s",
                            strerror(-code))
                : 0;
}

/* --- what was counted --- */

int instance_reasons(const struct instance *instance, uint64_t counts[FS_REASON_COUNT])
{
    int code = maps_reasons(&instance->maps, counts);

    counts[FS_REASON_TRACEPOINT_MISSED] += observers_missed_runs(instance->pin_dir);
    return code;
}
