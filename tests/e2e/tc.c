// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer tc`: another's TC program, which ends the chain with TC_ACT_OK, or passes packets on.
// Filters take it from a pin; into tcx, which headers older than Linux 6.6 don't know, it goes by a
// link. Also what is in tcx.
#include "peer.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
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

static int program_load(bool passes)
{
    const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K,
         .dst_reg = BPF_REG_0,
         .imm = passes ? TC_ACT_UNSPEC : TC_ACT_OK},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                           .insns = (uintptr_t)insns,
                           .insn_cnt = ARRAY_LEN(insns),
                           .license = (uintptr_t) "GPL"};
    snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", passes ? "passes" : "ends_chain");
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

static int pin(const char *path, bool passes)
{
    union bpf_attr attr = {.pathname = (uintptr_t)path, .bpf_fd = (uint32_t)program_load(passes)};
    if (bpf(BPF_OBJ_PIN, &attr, sizeof(attr)))
        die("%s: %s", path, strerror(errno));
    return 0;
}

// Puts a pinned program, of whomever, first into tcx without a link, or takes it out.
static int change(const char *dev, uint32_t type, enum bpf_cmd cmd, uint32_t flags,
                  const char *path)
{
    union bpf_attr get = {.pathname = (uintptr_t)path};
    struct {
        uint32_t ifindex, prog, type, flags, replaced, relative;
        uint64_t expected_revision;
    } attr = {.ifindex = if_nametoindex(dev), .type = type, .flags = flags};
    int fd = bpf(BPF_OBJ_GET, &get, sizeof(get));
    attr.prog = (uint32_t)fd;
    if (fd < 0 || bpf(cmd, &attr, sizeof(attr)))
        die("%s at %s: %s", path, dev, strerror(errno));
    return 0;
}

static int show(const char *dev, uint32_t type)
{
    uint32_t programs[64] = {0}, links[64] = {0};
    struct {
        uint32_t ifindex, type, query_flags, attach_flags;
        uint64_t programs;
        uint32_t count, unused;
        uint64_t program_flags, links, link_flags, revision;
    } attr = {.ifindex = if_nametoindex(dev),
              .type = type,
              .programs = (uintptr_t)programs,
              .links = (uintptr_t)links,
              .count = ARRAY_LEN(links)};
    if (bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) && errno != ENOENT)
        die("query of %s: %s", dev, strerror(errno));
    for (uint32_t i = 0; i < attr.count && programs[i]; i++)
        printf("%u %u\n", programs[i], links[i]);
    return 0;
}

static int link_until_ended(const char *dev, uint32_t type, uint32_t flags)
{
    struct {
        uint32_t prog, ifindex, type, flags, relative, unused;
        uint64_t expected_revision;
    } attr = {.prog = (uint32_t)program_load(false),
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
    const char *dev = NULL, *path = NULL, *gone = NULL, *put = NULL, *way = "back";
    bool last = false, passes = false, probed = false, shown = false;
    const struct option_spec specs[] = {
        {"--dev", OPT_TEXT, &dev},     {"--pin", OPT_TEXT, &path},
        {"--attach", OPT_TEXT, &put},  {"--detach", OPT_TEXT, &gone},
        {"--way", OPT_TEXT, &way},     {"--last", OPT_FLAG, &last},
        {"--pass", OPT_FLAG, &passes}, {"--show", OPT_FLAG, &shown},
        {"--probe", OPT_FLAG, &probed}};
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (probed)
        return probe();
    if (path)
        return pin(path, passes);
    if (!dev)
        misuse("tc: --dev or --pin is missing");
    uint32_t type = strcmp(way, "in") ? TCX_EGRESS : TCX_INGRESS;
    if (shown)
        return show(dev, type);
    if (put)
        return change(dev, type, BPF_PROG_ATTACH, FLAG_BEFORE, put);
    if (gone)
        return change(dev, type, BPF_PROG_DETACH, 0, gone);
    return link_until_ended(dev, type, last ? 0 : FLAG_BEFORE);
}
