// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads the observers: with the maps of what steers, but apart from it, so that a kernel which
 * refuses one of them refuses nothing else. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <flowsplit/arena.h>
#include <flowsplit/health.h>

#include "flowsplit.skel.h"
#include "observers.h"
#include "pins.h"

#define ALL ((1u << FS_OBSERVER_COUNT) - 1)

/* What all of this is about. */
struct loading {
    struct bpf_object *steering;
    uint32_t program; /* id */
    const char *programs, *links;
    uint16_t *refused;
};

static struct bpf_program *find(struct bpf_object *object, int which)
{
    return bpf_object__find_program_by_name(object,
                                            observers_declared((enum fs_observer)which)->program);
}

void observers_leave_out(struct bpf_object *object)
{
    for (int which = 0; which < FS_OBSERVER_COUNT; which++)
        bpf_program__set_autoload(find(object, which), false);
}

/* Those on tracepoints that this kernel has. libbpf's word for the others would be "no such
 * process". */
static unsigned known_to_kernel(void)
{
    struct btf *btf = btf__load_vmlinux_btf();
    unsigned known = ALL;
    char name[64];

    for (int which = 0; which < FS_OBSERVER_COUNT && btf; which++) {
        const char *on = observers_declared((enum fs_observer)which)->on;

        snprintf(name, sizeof(name), "btf_trace_%s", on);
        if (!strchr(on, '/') && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) < 0)
            known &= ~(1u << which);
    }
    btf__free(btf);
    return known;
}

/* Everything but what is constant is shared with what steers. */
static int share_maps(struct flowsplit_bpf *skel, struct bpf_object *steering)
{
    struct bpf_map *map;
    int code = 0;

    bpf_object__for_each_map(map, skel->obj)
    {
        struct bpf_map *shared = bpf_object__find_map_by_name(steering, bpf_map__name(map));

        if (shared && map != skel->maps.rodata && !code)
            code = bpf_map__reuse_fd(map, bpf_map__fd(shared));
    }
    return code;
}

/* Pins a program that is loaded, or the link that runs it. */
static int attach(struct loading *loading, struct bpf_program *program)
{
    const char *name = bpf_program__name(program);
    char path[PIN_PATH_MAX];
    struct bpf_link *link;
    int code;

    if (bpf_program__expected_attach_type(program) == BPF_TRACE_ITER)
        return bpf_obj_pin(bpf_program__fd(program), pins_path(path, loading->programs, name))
                   ? -errno
                   : 0;
    link = bpf_program__attach(program);
    code = link ? bpf_link__pin(link, pins_path(path, loading->links, name)) : -errno;
    bpf_link__destroy(link);
    return code;
}

/* Tries a set of them at once. Returns 0 or -errno with none of them loaded; of those that are
 * loaded, `refused` has the errno of attaching. */
static int load(struct loading *loading, unsigned set)
{
    struct flowsplit_bpf *skel = flowsplit_bpf__open();
    struct bpf_program *program;
    int code;

    if (!skel)
        return -errno;
    bpf_object__for_each_program(program, skel->obj)
    {
        bpf_program__set_autoload(program, false);
    }
    for (int which = 0; which < FS_OBSERVER_COUNT; which++)
        bpf_program__set_autoload(find(skel->obj, which), set >> which & 1);
    skel->rodata->watched_program = loading->program;
    code = share_maps(skel, loading->steering);
    code = code ? code : flowsplit_bpf__load(skel);
    for (int which = 0; which < FS_OBSERVER_COUNT && !code; which++)
        if (set >> which & 1)
            loading->refused[which] = (uint16_t)-attach(loading, find(skel->obj, which));
    flowsplit_bpf__destroy(skel);
    return code;
}

void observers_load(struct bpf_object *object, uint32_t steering, const char *programs,
                    const char *links, uint16_t refused[FS_MAX_OBSERVERS])
{
    struct loading loading = {object, steering, programs, links, refused};
    unsigned known = known_to_kernel();

    for (int which = 0; which < FS_OBSERVER_COUNT; which++)
        refused[which] = known >> which & 1 ? 0 : ENOENT;
    if (!load(&loading, known))
        return;
    for (int which = 0; which < FS_OBSERVER_COUNT; which++) {
        int code = known >> which & 1 ? load(&loading, 1u << which) : 0;

        if (code)
            refused[which] = (uint16_t)-code;
    }
}
