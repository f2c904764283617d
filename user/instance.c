// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One running flowsplit: skeleton, pins, lock and arena. */
#include "instance.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "flowsplit.skel.h"
#include "pins.h"

#define MAPS     "maps"
#define PROGRAMS "programs"
#define LINKS    "links"
#define UNBORN   "new" /* an instance in the making, until its directories are renamed */

/* Where in struct instance a pinned map's or program's descriptor goes. */
struct pin {
    const char *name;
    size_t offset;
};

static const struct pin map_pins[] = {
    {"arena", offsetof(struct instance, maps.arena)},
    {"half_open", offsetof(struct instance, maps.flow[FLOW_MAP_HALF_OPEN])},
    {"flows", offsetof(struct instance, maps.flow[FLOW_MAP_FLOWS])},
    {"udp_flows", offsetof(struct instance, maps.flow[FLOW_MAP_UDP])},
    {"backend_counters", offsetof(struct instance, maps.backend_counters)},
    {"reason_counters", offsetof(struct instance, maps.reason_counters)},
    {"direct_seen", offsetof(struct instance, maps.direct_seen)},
    {"no_redirect", offsetof(struct instance, maps.no_redirect)},
};

static const struct pin program_pins[] = {
    {"xdp_ingress", offsetof(struct instance, programs[PROGRAM_XDP_INGRESS])},
    {"xdp_learn", offsetof(struct instance, programs[PROGRAM_XDP_LEARN])},
    {"tc_ingress", offsetof(struct instance, programs[PROGRAM_TC_INGRESS])},
    {"tc_learn", offsetof(struct instance, programs[PROGRAM_TC_LEARN])},
    {"tc_stand_in", offsetof(struct instance, programs[PROGRAM_TC_STAND_IN])},
    {"tc_egress", offsetof(struct instance, programs[PROGRAM_TC_EGRESS])},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int *pin_fd(struct instance *instance, const struct pin *pin)
{
    return (int *)((char *)instance + pin->offset);
}

uint32_t instance_tick(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)(((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) >>
                      FS_TICK_SHIFT);
}

/* The last thing libbpf complained of, for the message when a load fails. */
static char last_complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
    if (level == LIBBPF_WARN && !*last_complaint)
        vsnprintf(last_complaint, sizeof(last_complaint), format, args);
    return 0;
}

static int load_failed(struct error *err, int code)
{
    last_complaint[strcspn(last_complaint, "\n")] = '\0';
    if (code == -EPERM)
        return error_set(err, code,
                         "the kernel refuses BPF programs to this user: root, or "
                         "CAP_BPF and CAP_NET_ADMIN, is needed");
    return error_set(err, code,
                     "the kernel did not take the BPF programs (%s); Linux 6.1 or newer with BPF, "
                     "BTF and XDP is needed%s%s",
                     strerror(-code), *last_complaint ? ": " : "", last_complaint);
}

/* --- making one --- */

static int pin_map(struct flowsplit_bpf *skel, const char *dir, const char *name)
{
    const struct bpf_map *map =
        strcmp(name, "arena") == 0 ? skel->maps.bss : bpf_object__find_map_by_name(skel->obj, name);
    char path[PIN_PATH_MAX];

    if (!map)
        return -ENOENT;
    return bpf_obj_pin(bpf_map__fd(map), pins_path(path, dir, name)) ? -errno : 0;
}

static int pin_all(struct flowsplit_bpf *skel, const char *maps_dir, const char *programs_dir)
{
    char path[PIN_PATH_MAX];
    int code = 0;

    for (size_t i = 0; i < COUNT(map_pins) && !code; i++)
        code = pin_map(skel, maps_dir, map_pins[i].name);
    for (size_t i = 0; i < COUNT(program_pins) && !code; i++) {
        struct bpf_program *program =
            bpf_object__find_program_by_name(skel->obj, program_pins[i].name);

        if (!program)
            return -ENOENT;
        if (bpf_obj_pin(bpf_program__fd(program),
                        pins_path(path, programs_dir, program_pins[i].name)))
            code = -errno;
    }
    return code;
}

/* The watch over redirects is pinned as links, which keep their programs alive. */
static int pin_links(struct flowsplit_bpf *skel, const char *dir)
{
    struct bpf_program *watches[] = {skel->progs.watch_devmap_xmit, skel->progs.watch_redirect_err,
                                     skel->progs.watch_bulk_tx};
    char path[PIN_PATH_MAX];

    for (size_t i = 0; i < COUNT(watches); i++) {
        struct bpf_link *link = bpf_program__attach(watches[i]);
        int code;

        if (!link)
            return -errno;
        code = bpf_link__pin(link, pins_path(path, dir, bpf_program__name(watches[i])));
        bpf_link__destroy(link);
        if (code)
            return code;
    }
    return 0;
}

static void format_arena(void *arena)
{
    struct fs_hash_key key;
    struct timespec now;
    size_t got = 0;

    while (got < sizeof(key)) {
        ssize_t n = getrandom((char *)&key + got, sizeof(key) - got, 0);

        got += n > 0 ? (size_t)n : 0;
    }
    key.mul[0] |= 1;
    key.mul[1] |= 1;
    clock_gettime(CLOCK_REALTIME, &now);
    model_format(arena, &key, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

/* Pins a loaded object into a directory of its own and then renames: programs and links first, the
 * maps last, since an instance is where its maps are. */
static int pin_instance(struct flowsplit_bpf *skel, const char *pin_dir, struct error *err)
{
    static const char *const parts[] = {PROGRAMS, LINKS, MAPS};
    char unborn[PIN_PATH_MAX], from[PIN_PATH_MAX], to[PIN_PATH_MAX];
    char maps[PIN_PATH_MAX], programs[PIN_PATH_MAX], links[PIN_PATH_MAX];
    int code = 0;

    pins_path(unborn, pin_dir, UNBORN);
    pins_path(maps, unborn, MAPS);
    pins_path(programs, unborn, PROGRAMS);
    pins_path(links, unborn, LINKS);
    for (size_t i = 0; i < COUNT(parts) && !code; i++)
        code = pins_make_dir(pins_path(from, unborn, parts[i]), err);
    if (code)
        return code;
    code = pin_all(skel, maps, programs);
    code = code ? code : pin_links(skel, links);
    for (size_t i = 0; i < COUNT(parts) && !code; i++)
        if (rename(pins_path(from, unborn, parts[i]), pins_path(to, pin_dir, parts[i])))
            code = -errno;
    pins_remove(unborn);
    return code ? error_set(err, code, "can't pin below %s: %s", pin_dir, strerror(-code)) : 0;
}

static int instance_make(const char *pin_dir, struct error *err)
{
    static const char *const parts[] = {UNBORN, PROGRAMS, LINKS};
    struct flowsplit_bpf *skel;
    char path[PIN_PATH_MAX];
    int code;

    for (size_t i = 0; i < COUNT(parts); i++)
        pins_remove(pins_path(path, pin_dir, parts[i]));
    *last_complaint = '\0';
    skel = flowsplit_bpf__open();
    if (!skel)
        return load_failed(err, -errno);
    code = flowsplit_bpf__load(skel);
    if (code) {
        code = load_failed(err, code);
    } else {
        format_arena(skel->bss->fs_arena);
        code = pin_instance(skel, pin_dir, err);
    }
    flowsplit_bpf__destroy(skel);
    return code;
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
                     size_t count, struct error *err)
{
    char path[PIN_PATH_MAX];

    for (size_t i = 0; i < count; i++) {
        int fd = bpf_obj_get(pins_path(path, dir, pins[i].name));

        if (fd < 0 && errno == ENOENT)
            return wrong_abi(instance->pin_dir, err);
        if (fd < 0)
            return error_set(err, -errno, "can't open %s: %s", path, strerror(errno));
        *pin_fd(instance, &pins[i]) = fd;
    }
    return 0;
}

static int map_arena(struct instance *instance, struct error *err)
{
    const struct fs_root *root;

    if (maps_value_size(instance->maps.arena) != FS_ARENA_BYTES)
        return wrong_abi(instance->pin_dir, err);
    instance->arena =
        mmap(NULL, FS_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, instance->maps.arena, 0);
    if (instance->arena == MAP_FAILED) {
        instance->arena = NULL;
        return error_set(err, -errno, "can't map the arena: %s", strerror(errno));
    }
    root = instance->arena;
    return root->magic == FS_ARENA_MAGIC && root->abi == FS_ABI ? 0
                                                                : wrong_abi(instance->pin_dir, err);
}

static int open_all(struct instance *instance, struct error *err)
{
    char dir[PIN_PATH_MAX];
    int code;

    code = open_pins(instance, pins_path(dir, instance->pin_dir, MAPS), map_pins, COUNT(map_pins),
                     err);
    if (!code)
        code = open_pins(instance, pins_path(dir, instance->pin_dir, PROGRAMS), program_pins,
                         COUNT(program_pins), err);
    return code ? code : map_arena(instance, err);
}

static int no_instance(const char *pin_dir, struct error *err)
{
    return error_set(err, -ENOENT,
                     "nothing is declared or attached in %s; begin with `flowsplit apply FILE`",
                     pin_dir);
}

static int open_locked(struct instance *instance, enum instance_access want, struct error *err)
{
    char path[PIN_PATH_MAX];
    int code;

    if (access(pins_path(path, instance->pin_dir, MAPS), F_OK)) {
        if (want != INSTANCE_CREATE)
            return no_instance(instance->pin_dir, err);
        code = instance_make(instance->pin_dir, err);
        if (code)
            return code;
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
    libbpf_set_print(keep_complaint);
    if (geteuid() != 0)
        return error_set(err, -EPERM, "root is needed: try with sudo");
    if (want != INSTANCE_CREATE && access(pins_path(path, pin_dir, ""), F_OK))
        return no_instance(pin_dir, err);
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

void instance_close(struct instance *instance)
{
    for (size_t i = 0; i < COUNT(map_pins); i++)
        if (*pin_fd(instance, &map_pins[i]) >= 0)
            close(*pin_fd(instance, &map_pins[i]));
    for (size_t i = 0; i < COUNT(program_pins); i++)
        if (*pin_fd(instance, &program_pins[i]) >= 0)
            close(*pin_fd(instance, &program_pins[i]));
    if (instance->arena)
        munmap(instance->arena, FS_ARENA_BYTES);
    if (instance->lock >= 0)
        close(instance->lock);
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
    struct fs_root *root = instance->arena;
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
    __atomic_store_n(&root->directory, directory, __ATOMIC_RELEASE);
    code = maps_grace_period();
    return code ? error_set(err, code, "published, but waiting for packets under way failed: %s",
                            strerror(-code))
                : 0;
}
