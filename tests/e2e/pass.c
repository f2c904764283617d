// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer pass`: keeps an XDP program that passes everything on a device, or loses some of it. A veth
// end takes what its peer's XDP program sends back (XDP_TX) only while it has a program of its own.
#include "peer.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int program_load(uint64_t lose)
{
    const struct bpf_insn insns[] = {
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_prandom_u32},
        {.code = BPF_ALU | BPF_MOD | BPF_K, .dst_reg = BPF_REG_0, .imm = 100},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_JGE | BPF_K, .dst_reg = BPF_REG_1, .off = 1, .imm = (int32_t)lose},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_XDP,
                           .insns = (uintptr_t)insns,
                           .insn_cnt = ARRAY_LEN(insns),
                           .license = (uintptr_t) "GPL"};
    return bpf(BPF_PROG_LOAD, &attr);
}

int cmd_pass(char **argv)
{
    const char *dev = NULL;
    uint64_t lose = 0;
    bool whole = false;
    const struct option_spec specs[] = {
        {"--dev", OPT_TEXT, &dev}, {"--lose", OPT_NUMBER, &lose}, {"--whole", OPT_FLAG, &whole}};
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (!dev)
        misuse("pass: --dev is missing");
    stop_on_signals();
    int prog = program_load(lose);
    if (prog < 0)
        die("program: %s", strerror(errno));
    union bpf_attr attr = {0};
    attr.link_create.prog_fd = (uint32_t)prog;
    attr.link_create.target_ifindex = if_nametoindex(dev);
    attr.link_create.attach_type = BPF_XDP;
    attr.link_create.flags = whole ? XDP_FLAGS_SKB_MODE : 0;
    if (bpf(BPF_LINK_CREATE, &attr) < 0)
        die("attach to %s: %s", dev, strerror(errno));
    printf("ready\n");
    fflush(stdout);
    while (!stop_requested())
        pause();
    return 0;
}
