// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs on tracepoints: which there are, and what is lost where one is missing. */
#include "watches.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "instance_make.h"
#include "pins.h"

/* A program on a tracepoint of the kernel's. */
struct watch {
    const char *program;
    const char *tracepoint;
    bool optional;  /* without it something isn't seen, but all is steered */
    unsigned feeds; /* set of signals, 1 << enum fs_signal: those that can't be had without it */
};

#define FEEDS(signal) (1u << FS_SIGNAL_##signal)

static const struct watch watches[] = {
    {"watch_devmap_xmit", "xdp_devmap_xmit", false, 0},
    {"watch_redirect_err", "xdp_redirect_err", false, 0},
    {"watch_bulk_tx", "xdp_bulk_tx", false, 0},
    {"sockets_state", "inet_sock_set_state", true, FEEDS(RETRANSMITS) | FEEDS(CLOSE_WAIT)},
    {"sockets_retransmit", "tcp_retransmit_skb", true, FEEDS(RETRANSMITS)},
    {"sockets_send_reset", "tcp_send_reset", true, 0},
    {"sockets_receive_reset", "tcp_receive_reset", true, 0},
};

#define WATCHES (sizeof(watches) / sizeof(watches[0]))

static struct bpf_program *watch_program(struct bpf_object *object, const struct watch *watch)
{
    return bpf_object__find_program_by_name(object, watch->program);
}

void watches_leave_out(struct bpf_object *object)
{
    struct btf *btf = btf__load_vmlinux_btf();
    char name[64];

    for (size_t i = 0; i < WATCHES && btf; i++) {
        snprintf(name, sizeof(name), "btf_trace_%s", watches[i].tracepoint);
        if (watches[i].optional && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) < 0)
            bpf_program__set_autoload(watch_program(object, &watches[i]), false);
    }
    btf__free(btf);
}

static int pin_link(struct bpf_program *program, const char *path)
{
    struct bpf_link *link = bpf_program__attach(program);
    int code = link ? bpf_link__pin(link, path) : -errno;

    bpf_link__destroy(link);
    return code;
}

int watches_pin(struct bpf_object *object, const char *dir)
{
    char path[PIN_PATH_MAX];

    for (size_t i = 0; i < WATCHES; i++) {
        struct bpf_program *program = watch_program(object, &watches[i]);
        int code = bpf_program__autoload(program)
                       ? pin_link(program, pins_path(path, dir, watches[i].program))
                       : 0;

        if (code && !watches[i].optional)
            return code;
    }
    return 0;
}

/* Where its link is pinned, if it is; buf holds PIN_PATH_MAX. */
static const char *link_path(char *buf, const char *pin_dir, const struct watch *watch)
{
    char dir[PIN_PATH_MAX];

    return pins_path(buf, pins_path(dir, pin_dir, PINS_LINKS), watch->program);
}

static bool is_watching(const char *pin_dir, const struct watch *watch)
{
    char path[PIN_PATH_MAX];

    return access(link_path(path, pin_dir, watch), F_OK) == 0;
}

void watches_each(const char *pin_dir, void (*tell)(void *context, const char *name, bool works),
                  void *context)
{
    for (size_t i = 0; i < WATCHES; i++)
        tell(context, watches[i].tracepoint, is_watching(pin_dir, &watches[i]));
}

void watches_missing(const char *pin_dir, const char *missing[FS_SIGNAL_COUNT])
{
    for (size_t i = 0; i < WATCHES; i++)
        for (int signal = 0; signal < FS_SIGNAL_COUNT; signal++)
            if (watches[i].feeds >> signal & 1 && !is_watching(pin_dir, &watches[i]))
                missing[signal] = watches[i].tracepoint;
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

uint64_t watches_missed_runs(const char *pin_dir)
{
    char path[PIN_PATH_MAX];
    uint64_t count = 0;

    for (size_t i = 0; i < WATCHES; i++) {
        int link = bpf_obj_get(link_path(path, pin_dir, &watches[i]));

        if (link < 0)
            continue;
        count += missed_by(link);
        close(link);
    }
    return count;
}
