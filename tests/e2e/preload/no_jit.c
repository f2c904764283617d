// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A kernel that interprets programs, for who has this preloaded: none is told to have become
 * machine code. */
#include <dlfcn.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* The program that was loaded last. */
static long program = -1;

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    union bpf_attr *attr;
    va_list args;
    long word[6], result;

    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(args, long);
    va_end(args);
    result = real(number, word[0], word[1], word[2], word[3], word[4], word[5]);
    if (number != SYS_bpf || result < 0)
        return result;
    attr = (union bpf_attr *)word[1];
    if (word[0] == BPF_PROG_LOAD)
        program = result;
    else if (word[0] == BPF_OBJ_GET_INFO_BY_FD && attr->info.bpf_fd == program)
        ((struct bpf_prog_info *)attr->info.info)->jited_prog_len = 0;
    return result;
}
