// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel: its version, BTF, the JIT, lockdown. */
#include "doctor.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rights.h"

static void check_version(struct report *report)
{
    struct utsname name;
    int major = 0, minor = 0;

    uname(&name);
    if (sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
        (major > 6 || (major == 6 && minor >= 1))) {
        report_add(report, "kernel", LEVEL_GOOD, "Linux %s; 6.1 or newer is needed", name.release);
        return;
    }
    report_add(report, "kernel", LEVEL_FAILING, "Linux %s is too old", name.release);
    report_remedy(report, "boot Linux 6.1 or newer");
}

static void check_btf(struct report *report)
{
    const char *path = "/sys/kernel/btf/vmlinux";

    if (access(path, R_OK) == 0) {
        report_add(report, "BTF", LEVEL_GOOD, "%s can be read", path);
        return;
    }
    report_add(report, "BTF", LEVEL_FAILING, "%s can't be read: %m", path);
    report_remedy(report, "mount sysfs on /sys, or boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
}

/* How many bytes of machine code the least of programs becomes, or -1 if it can't be loaded. */
static int jited_bytes(void)
{
    static const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof(info);
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "doctor", "GPL", insns,
                           sizeof(insns) / sizeof(insns[0]), NULL);
    int code;

    if (fd < 0)
        return -1;
    code = bpf_obj_get_info_by_fd(fd, &info, &bytes);
    close(fd);
    return code ? -1 : (int)info.jited_prog_len;
}

/* Tried if possible; the setting shows only in the first network namespace. */
static void check_jit(struct report *report)
{
    int bytes = jited_bytes(), setting = doctor_number("/proc/sys/net/core/bpf_jit_enable");

    if (bytes > 0 || (bytes < 0 && setting > 0)) {
        report_add(report, "JIT", LEVEL_GOOD, "programs become machine code%s",
                   bytes < 0 ? ", says the setting; it could not be tried" : "");
    } else if (bytes == 0 || setting == 0) {
        report_add(report, "JIT", LEVEL_DEGRADED, "programs are interpreted, many times slower");
        report_remedy(report, "sysctl -w net.core.bpf_jit_enable=1, in the first network "
                              "namespace; kept in /etc/sysctl.d");
    } else {
        report_add(report, "JIT", LEVEL_DEGRADED, "can't be tried by this user, nor be read here");
        report_remedy(report, "run as root: sudo flowsplit doctor");
    }
}

static void check_lockdown(struct report *report)
{
    if (!rights_locked_down()) {
        report_add(report, "lockdown", LEVEL_GOOD, "none that concerns BPF");
        return;
    }
    report_add(report, "lockdown", LEVEL_DEGRADED,
               "the kernel is locked down for confidentiality: programs may not read its memory, "
               "so sockets can't be observed");
    report_remedy(report, "boot without lockdown=confidentiality");
}

void check_kernel(struct report *report, const struct patient *patient)
{
    (void)patient;
    check_version(report);
    check_btf(report);
    check_jit(report);
    check_lockdown(report);
}
