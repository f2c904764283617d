// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer tc`: another's TC program, which ends the chain with TC_ACT_OK. Filters take it from a pin;
// into tcx, which headers older than Linux 6.6 don't know, it goes by a link.
#include "peer.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define FLAG_BEFORE (1U << 3)

static int bpf(enum bpf_cmd cmd, void *attr, size_t size)
{
    return (int)syscall(SYS_bpf, cmd, attr, size);
}

static int program_load(void)
{
    const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0}, // TC_ACT_OK
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                           .prog_name = "ends_chain",
                           .insns = (uintptr_t)insns,
                           .insn_cnt = ARRAY_LEN(insns),
                           .license = (uintptr_t) "GPL"};
    int fd = bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
    if (fd < 0)
        die("program: %s", strerror(errno));
    return fd;
}

static int probe(void)
{
    struct {
        uint32_t ifindex, type, query_flags, attach_flags;
        uint64_t ids;
        uint32_t count, unused;
    } attr = {.ifindex = if_nametoindex("lo"), .type = TCX_EGRESS};
    return bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) && errno != ENOENT;
}

static int pin(const char *path)
{
    union bpf_attr attr = {.pathname = (uintptr_t)path, .bpf_fd = (uint32_t)program_load()};
    if (bpf(BPF_OBJ_PIN, &attr, sizeof(attr)))
        die("%s: %s", path, strerror(errno));
    return 0;
}

// Takes a pinned program, of whomever, out of tcx.
static int take_out(const char *dev, uint32_t type, const char *path)
{
    union bpf_attr get = {.pathname = (uintptr_t)path};
    struct {
        uint32_t ifindex, prog, type, flags, replaced, relative;
        uint64_t expected_revision;
    } attr = {.ifindex = if_nametoindex(dev), .type = type};
    int fd = bpf(BPF_OBJ_GET, &get, sizeof(get));
    attr.prog = (uint32_t)fd;
    if (fd < 0 || bpf(BPF_PROG_DETACH, &attr, sizeof(attr)))
        die("%s at %s: %s", path, dev, strerror(errno));
    return 0;
}

static int link_until_ended(const char *dev, uint32_t type, uint32_t flags)
{
    struct {
        uint32_t prog, ifindex, type, flags, relative, unused;
        uint64_t expected_revision;
    } attr = {.prog = (uint32_t)program_load(),
              .ifindex = if_nametoindex(dev),
              .type = type,
              .flags = flags};
    stop_on_signals();
    if (bpf(BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
        die("attach to %s: %s", dev, strerror(errno));
    printf("ready\n");
    fflush(stdout);
    while (!stop_requested())
        pause();
    return 0;
}

int cmd_tc(char **argv)
{
    const char *dev = NULL, *path = NULL, *gone = NULL, *way = "back";
    bool last = false, probed = false;
    const struct option_spec specs[] = {
        {"--dev", OPT_TEXT, &dev}, {"--pin", OPT_TEXT, &path},  {"--detach", OPT_TEXT, &gone},
        {"--way", OPT_TEXT, &way}, {"--last", OPT_FLAG, &last}, {"--probe", OPT_FLAG, &probed}};
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (probed)
        return probe();
    if (path)
        return pin(path);
    if (!dev)
        misuse("tc: --dev or --pin is missing");
    uint32_t type = strcmp(way, "in") ? TCX_EGRESS : TCX_INGRESS;
    return gone ? take_out(dev, type, gone) : link_until_ended(dev, type, last ? 0 : FLAG_BEFORE);
}
