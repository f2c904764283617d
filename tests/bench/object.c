// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads the benchmark's programs and fills their arena by the product's own builders. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "clock.h"
#include "instance.h"
#include "parse.h"
#include "plan_file.h"

/* What is in 203.0.113.0/24 or 2001:db8:1::/48 is remote, the rest local. In "moving" all buckets
 * are made to move. */
static const char services[] = "services:\n"
#define SERVICE(name, vip, affinity, canary, net, port)                                      \
    "  - name: " name "\n    vip: '" vip "'\n    mode: nat\n    affinity: " affinity "\n"    \
    "    baseline: stable\n    drain: 24h\n    versions:\n"                                  \
    "      - name: stable\n        backends: ['" net "1" port "', '" net "2" port "', '" net \
    "3" port "', '" net "4" port "']\n"                                                      \
    "      - name: canary\n        weight: " canary "\n"                                     \
    "        backends: ['" net "5" port "', '" net "6" port "', '" net "7" port "', '" net   \
    "8" port "']\n"
    SERVICE("near4", "198.51.100.1:80/tcp", "flow", "5%", "10.1.1.", ":8080")
        SERVICE("near6", "[2001:db8::1]:80/tcp", "flow", "5%", "[fd00:1::", "]:8080")
            SERVICE("far4", "198.51.100.2:80/tcp", "flow", "5%", "203.0.113.1", ":8080")
                SERVICE("far6", "[2001:db8::2]:80/tcp", "flow", "5%", "[2001:db8:1::1", "]:8080")
                    SERVICE("moving4", "198.51.100.3:80/tcp", "flow", "0%", "10.1.3.", ":8080")
                        SERVICE("udp4", "198.51.100.4:53/udp", "flow", "5%", "10.1.4.", ":5353")
                            SERVICE("dns4", "198.51.100.5:53/udp", "none", "5%", "10.1.5.", ":5353")
                                SERVICE("all4", "198.51.100.6:80/tcp", "flow", "5%", "10.1.6.",
                                        ":8080") "    sample: 1/1\n";
#undef SERVICE

static bool is_local(const struct fs_endpoint *at)
{
    if (at->family == 4)
        return ntohl(at->addr[0]) >> 8 != 0xcb0071;
    return at->addr[0] != htonl(0x20010db8) || ntohl(at->addr[1]) >> 16 != 1;
}

static const struct fs_trips no_trips;

/* Publishes the services, or what happens to one of them. */
static int publish(void *arena, const struct spec *spec, const struct named_weight *moved,
                   struct error *err)
{
    FILE *nowhere = fopen("/dev/null", "w");
    struct change change = {
        .model = model_read(arena, &no_trips, err),
        .now = clock_tick_now(),
        .is_local = is_local,
        .notes = nowhere,
    };
    fs_ref directory = 0;
    int code = -ENOMEM;

    if (change.model && nowhere) {
        code =
            spec ? change_apply(&change, spec, err) : change_set(&change, "moving4", moved, 1, err);
        if (!code) {
            directory = model_write(change.model, err);
            code = directory ? 0 : -ENOSPC;
        }
    }
    if (!code)
        fs_at(struct fs_root, arena, 0)->directory = directory;
    model_free(change.model);
    if (nowhere)
        fclose(nowhere);
    return code;
}

static int fill(void *arena, struct error *err)
{
    static const struct named_weight all_moves = {.version = "canary", .weight_bp = FS_BUCKETS};
    struct fs_hash_key key = {.add = {0x243f6a8885a308d3, 0x13198a2e03707344},
                              .mul = {0xa4093822299f31d1, 0x082efa98ec4e6c89}}; /* digits of pi */
    FILE *text = fmemopen((void *)services, sizeof(services) - 1, "r");
    struct spec spec = {0};
    int code;

    if (!text)
        return error_set(err, -ENOMEM, "out of memory");
    model_format(arena, &key, 0);
    code = plan_file_read_spec(text, "services", &spec, err);
    code = code ? code : publish(arena, &spec, NULL, err);
    code = code ? code : publish(arena, NULL, &all_moves, err);
    spec_free(&spec);
    fclose(text);
    return code;
}

static void set_rewrite(volatile struct fs_endpoint *to, const char *text)
{
    struct fs_endpoint vip;
    struct error err;

    parse_vip(text, &vip, &err);
    memcpy((void *)to, &vip, sizeof(vip));
}

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void find_maps(struct object *object)
{
    struct bench_bpf *skel = object->skel;

    object->maps = (struct maps){
        .arena = bpf_map__fd(skel->maps.bss),
        .flow = {[FLOW_MAP_UNPROVEN] = bpf_map__fd(skel->maps.unproven),
                 [FLOW_MAP_FLOWS] = bpf_map__fd(skel->maps.flows),
                 [FLOW_MAP_UDP] = bpf_map__fd(skel->maps.udp_flows)},
        .backend_counters = bpf_map__fd(skel->maps.backend_counters),
        .reason_counters = bpf_map__fd(skel->maps.reason_counters),
        .direct_seen = bpf_map__fd(skel->maps.direct_seen),
        .no_redirect = bpf_map__fd(skel->maps.no_redirect),
    };
}

/* Whatever watches the kernel is not for this. */
static void load_no_watches(struct bpf_object *object)
{
    struct bpf_program *program;

    bpf_object__for_each_program(program, object)
    {
        enum bpf_prog_type type = bpf_program__type(program);

        if (type != BPF_PROG_TYPE_XDP && type != BPF_PROG_TYPE_SCHED_CLS)
            bpf_program__set_autoload(program, false);
    }
}

/* The second object works on the first one's maps, as far as it has them. */
static int load_unobserved(struct object *object, struct error *err)
{
    struct bpf_map *map;
    int code = 0;

    object->unobserved = unobserved_bpf__open();
    if (!object->unobserved)
        return error_set(err, -errno, "opening the programs: %s", strerror(errno));
    load_no_watches(object->unobserved->obj);
    bpf_object__for_each_map(map, object->unobserved->obj)
    {
        const char *name = bpf_map__name(map), *section = strchr(name, '.');
        const struct bpf_map *first =
            bpf_object__find_map_by_name(object->skel->obj, section ? section : name);

        if (first && !code)
            code = bpf_map__reuse_fd(map, bpf_map__fd(first));
    }
    code = code ? code : unobserved_bpf__load(object->unobserved);
    return code ? error_set(err, code, "loading the programs again: %s", strerror(-code)) : 0;
}

int object_open(struct object *object, struct error *err)
{
    int code;

    libbpf_set_print(keep_quiet);
    object->skel = bench_bpf__open();
    if (!object->skel)
        return error_set(err, -errno, "opening the programs: %s", strerror(errno));
    load_no_watches(object->skel->obj);
    set_rewrite(&object->skel->rodata->bench_to_v4, "198.51.100.1:80/tcp");
    set_rewrite(&object->skel->rodata->bench_to_v6, "[2001:db8::1]:80/tcp");
    object->skel->rodata->bench_delta = 0xffff;
    code = bench_bpf__load(object->skel);
    if (code)
        return error_set(err, code, "loading the programs: %s; root is needed", strerror(-code));
    find_maps(object);
    code = load_unobserved(object, err);
    return code ? code : fill(object->skel->bss->fs_arena, err);
}

void object_close(struct object *object)
{
    unobserved_bpf__destroy(object->unobserved);
    bench_bpf__destroy(object->skel);
}

int object_program(const struct object *object, const char *name)
{
    static const char unobserved[] = "unobserved ";
    size_t length = sizeof(unobserved) - 1;
    bool without = strncmp(name, unobserved, length) == 0;
    struct bpf_program *program = bpf_object__find_program_by_name(
        without ? object->unobserved->obj : object->skel->obj, name + (without ? length : 0));

    return program ? bpf_program__fd(program) : -ENOENT;
}
