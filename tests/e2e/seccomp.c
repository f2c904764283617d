// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer seccomp`: becomes a command under a filter of system calls that refuses bpf(), as container
// runtimes have it.
#include "peer.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int cmd_seccomp(char **argv)
{
    struct sock_filter refuse_bpf[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {ARRAY_LEN(refuse_bpf), refuse_bpf};

    if (!argv[0])
        misuse("seccomp: COMMAND...");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        die("seccomp: %s", strerror(errno));
    execvp(argv[0], argv);
    die("%s: %s", argv[0], strerror(errno));
}
