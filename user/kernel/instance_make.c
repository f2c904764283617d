// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes an instance. With observers_load.c the only user of the skeleton. */
#include "instance_make.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "flowsplit.skel.h"
#include "observers.h"
#include "pins.h"
#include "refusal.h"

#define UNBORN "new" /* an instance in the making, until its directories are renamed */

const struct pin instance_maps[] = {
    {"arena", offsetof(struct instance, maps.arena), PIN_NEEDED},
    {"unproven", offsetof(struct instance, maps.flow[FLOW_MAP_UNPROVEN]), PIN_NEEDED},
    {"flows", offsetof(struct instance, maps.flow[FLOW_MAP_FLOWS]), PIN_NEEDED},
    {"udp_flows", offsetof(struct instance, maps.flow[FLOW_MAP_UDP]), PIN_NEEDED},
    {"answers", offsetof(struct instance, maps.answers), PIN_NEEDED},
    {"fragments", offsetof(struct instance, maps.fragments), PIN_NEEDED},
    {"sweeps", offsetof(struct instance, maps.sweeps), PIN_NEEDED},
    {"backend_counters", offsetof(struct instance, maps.backend_counters), PIN_NEEDED},
    {"reason_counters", offsetof(struct instance, maps.reason_counters), PIN_NEEDED},
    {"direct_seen", offsetof(struct instance, maps.direct_seen), PIN_NEEDED},
    {"no_redirect", offsetof(struct instance, maps.no_redirect), PIN_NEEDED},
    {"trips", offsetof(struct instance, maps.trips), PIN_NEEDED},
    {"health", offsetof(struct instance, maps.health), PIN_NEEDED},
    {"events", offsetof(struct instance, maps.events), PIN_NEEDED},
    {"handshakes", offsetof(struct instance, maps.handshakes), PIN_NEEDED},
    {"served", offsetof(struct instance, maps.served), PIN_NEEDED},
    {"samples", offsetof(struct instance, maps.samples), PIN_NEEDED},
    {"sockets", offsetof(struct instance, maps.sockets), PIN_NEEDED},
    {"close_waits", offsetof(struct instance, maps.close_waits), PIN_NEEDED},
    {"close_wait_clock", offsetof(struct instance, maps.close_wait_clock), PIN_NEEDED},
    {"namespaces", offsetof(struct instance, maps.namespaces), PIN_NEEDED},
    {"stood_in_for", offsetof(struct instance, maps.stood_in_for), PIN_HELPS},
    {NULL, 0, PIN_NEEDED},
};

const struct pin instance_programs[] = {
    {"xdp_ingress", offsetof(struct instance, programs[PROGRAM_XDP_INGRESS]), PIN_NEEDED},
    {"xdp_learn", offsetof(struct instance, programs[PROGRAM_XDP_LEARN]), PIN_NEEDED},
    {"tc_ingress", offsetof(struct instance, programs[PROGRAM_TC_INGRESS]), PIN_NEEDED},
    {"tc_learn", offsetof(struct instance, programs[PROGRAM_TC_LEARN]), PIN_NEEDED},
    {"tc_stand_in", offsetof(struct instance, programs[PROGRAM_TC_STAND_IN]), PIN_NEEDED},
    {"tc_egress", offsetof(struct instance, programs[PROGRAM_TC_EGRESS]), PIN_NEEDED},
    {"tc_egress_stand_in", offsetof(struct instance, programs[PROGRAM_TC_EGRESS_STAND_IN]),
     PIN_HELPS},
    {"sockets_list", offsetof(struct instance, programs[PROGRAM_SOCKETS_LIST]), PIN_OBSERVES},
    {NULL, 0, PIN_NEEDED},
};

const void *instance_programs_elf(size_t *bytes)
{
    return flowsplit_bpf__elf_bytes(bytes);
}

void instance_adapt(struct bpf_object *object)
{
    const struct flowsplit_bpf__rodata constants = {
        .devices_hidden =
            libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_probe_read_kernel, NULL) != 1};
    struct bpf_map *map;

    bpf_object__for_each_map(map, object)
    {
        const char *suffix = strrchr(bpf_map__name(map), '.');

        if (suffix && strcmp(suffix, ".rodata") == 0)
            bpf_map__set_initial_value(map, &constants, sizeof(constants));
    }
}

/* --- pins --- */

static int pin_map(struct flowsplit_bpf *skel, const char *dir, const char *name)
{
    const struct bpf_map *map = strcmp(name, "arena") == 0 ? skel->maps.bss
                                : strcmp(name, "trips") == 0
                                    ? skel->maps.data_trips
                                    : bpf_object__find_map_by_name(skel->obj, name);
    char path[PIN_PATH_MAX];

    if (!map)
        return -ENOENT;
    return bpf_obj_pin(bpf_map__fd(map), pins_path(path, dir, name)) ? -errno : 0;
}

static int pin_all(struct flowsplit_bpf *skel, const char *maps_dir, const char *programs_dir)
{
    char path[PIN_PATH_MAX];
    int code = 0;

    for (const struct pin *pin = instance_maps; pin->name && !code; pin++)
        code = pin_map(skel, maps_dir, pin->name);
    for (const struct pin *pin = instance_programs; pin->name && !code; pin++) {
        struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, pin->name);

        if (!program)
            return -ENOENT;
        if (pin->need != PIN_OBSERVES &&
            bpf_obj_pin(bpf_program__fd(program), pins_path(path, programs_dir, pin->name)))
            code = -errno;
    }
    return code;
}

/* --- making one --- */

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

/* While the map is pinned, it keeps what is in it. */
static int tell_stand_in(const struct flowsplit_bpf *skel)
{
    uint32_t key = 0, program = (uint32_t)bpf_program__fd(skel->progs.tc_egress);

    return bpf_map_update_elem(bpf_map__fd(skel->maps.stood_in_for), &key, &program, BPF_ANY)
               ? -errno
               : 0;
}

static uint32_t program_id(const struct bpf_program *program)
{
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof(info);

    return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes) ? 0 : info.id;
}

/* Pins a loaded object into a directory of its own and then renames: programs and links first, the
 * maps last, since an instance is where its maps are. */
static int pin_instance(struct flowsplit_bpf *skel, const char *pin_dir, struct error *err)
{
    static const char *const parts[] = {PINS_PROGRAMS, PINS_LINKS, PINS_MAPS};
    char unborn[PIN_PATH_MAX], from[PIN_PATH_MAX], to[PIN_PATH_MAX];
    char maps[PIN_PATH_MAX], programs[PIN_PATH_MAX], links[PIN_PATH_MAX];
    int code = 0;

    pins_path(unborn, pin_dir, UNBORN);
    pins_path(maps, unborn, PINS_MAPS);
    pins_path(programs, unborn, PINS_PROGRAMS);
    pins_path(links, unborn, PINS_LINKS);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !code; i++)
        code = pins_make_dir(pins_path(from, unborn, parts[i]), err);
    if (code)
        return code;
    code = pin_all(skel, maps, programs);
    code = code ? code : tell_stand_in(skel);
    if (!code)
        observers_load(skel->obj, program_id(skel->progs.xdp_ingress), programs, links,
                       fs_at(struct fs_root, skel->bss->fs_arena, 0)->refused);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !code; i++)
        if (rename(pins_path(from, unborn, parts[i]), pins_path(to, pin_dir, parts[i])))
            code = -errno;
    pins_remove(unborn);
    return code ? error_set(err, code, "can't pin below %s: %s", pin_dir, strerror(-code)) : 0;
}

int instance_make(const char *pin_dir, struct error *err)
{
    static const char *const parts[] = {UNBORN, PINS_PROGRAMS, PINS_LINKS};
    struct flowsplit_bpf *skel;
    char path[PIN_PATH_MAX];
    int code;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        pins_remove(pins_path(path, pin_dir, parts[i]));
    refusal_forget();
    skel = flowsplit_bpf__open();
    if (!skel)
        return refusal_explain(-errno, err);
    observers_leave_out(skel->obj);
    instance_adapt(skel->obj);
    code = flowsplit_bpf__load(skel);
    if (code) {
        code = refusal_explain(code, err);
    } else {
        format_arena(skel->bss->fs_arena);
        code = pin_instance(skel, pin_dir, err);
    }
    flowsplit_bpf__destroy(skel);
    return code;
}
