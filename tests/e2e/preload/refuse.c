// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A kernel that refuses programs, for who has this preloaded: those named in REFUSE, with a space
 * between. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* The kernel keeps only so much of a name. */
static int is_refused(const char *name)
{
    const char *word = getenv("REFUSE");

    while (word && *word) {
        size_t length = strcspn(word, " ");
        size_t kept = length < BPF_OBJ_NAME_LEN - 1 ? length : BPF_OBJ_NAME_LEN - 1;

        if (length && strncmp(name, word, kept) == 0 && strlen(name) == kept)
            return 1;
        word += length + (word[length] == ' ');
    }
    return 0;
}

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    va_list args;
    long word[6];

    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_bpf && word[0] == BPF_PROG_LOAD &&
        is_refused(((const union bpf_attr *)word[1])->prog_name)) {
        errno = EPERM;
        return -1;
    }
    return real(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
