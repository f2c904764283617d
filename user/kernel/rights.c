// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks /proc and /sys who this process is. */
#include "rights.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct right rights_table[] = {
    {"CAP_BPF", "programs can't be loaded", true, CAP_BPF, CAP_SYS_ADMIN},
    {"CAP_NET_ADMIN", "nothing can be attached", true, CAP_NET_ADMIN, CAP_NET_ADMIN},
    {"CAP_PERFMON", "the programs read memory in ways that the kernel then refuses", true,
     CAP_PERFMON, CAP_SYS_ADMIN},
    {"CAP_SYS_ADMIN",
     "others' programs have no names, and other network namespaces can't be looked into", false,
     CAP_SYS_ADMIN, CAP_SYS_ADMIN},
    {NULL, NULL, false, 0, 0},
};

/* A number behind NAME in this process's status, in base 10 or 16; 0 if it isn't there. */
static uint64_t status_number(const char *name, int base)
{
    FILE *file = fopen("/proc/self/status", "re");
    uint64_t number = 0;
    char line[256];

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtoull(line + strlen(name), NULL, base);
    if (file)
        fclose(file);
    return number;
}

bool rights_have(const struct right *right)
{
    uint64_t set = status_number("CapEff:", 16);

    return (set >> right->number | set >> right->stand_in) & 1;
}

bool rights_confined(void)
{
    enum { FIRST_USER_NAMESPACE = 0xeffffffd }; /* include/linux/proc_ns.h, PROC_USER_INIT_INO */
    struct stat namespace_;

    return stat("/proc/self/ns/user", &namespace_) == 0 &&
           namespace_.st_ino != FIRST_USER_NAMESPACE;
}

bool rights_filtered(void)
{
    return status_number("Seccomp:", 10) == SECCOMP_MODE_FILTER;
}

/* "[none] integrity confidentiality": what is in brackets is in force. */
bool rights_locked_down(void)
{
    FILE *file = fopen("/sys/kernel/security/lockdown", "re");
    char line[128] = "";
    bool locked = file && fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");

    if (file)
        fclose(file);
    return locked;
}

const char *rights_lacking(char *buf, size_t bytes)
{
    size_t length = 0;

    *buf = '\0';
    for (const struct right *right = rights_table; right->name; right++)
        if (right->needed && !rights_have(right))
            length += (size_t)snprintf(buf + length, bytes - length, "%s%s",
                                       length ? ", " : "this process lacks ", right->name);
    if (!length && rights_confined())
        snprintf(buf, bytes,
                 "this process is in a user namespace, whose capabilities don't count for BPF");
    else if (!length && rights_filtered())
        snprintf(buf, bytes, "a seccomp filter is in force, which may refuse bpf()");
    else if (!length && rights_locked_down())
        snprintf(
            buf, bytes,
            "the kernel is locked down (confidentiality), which refuses BPF that reads memory");
    return buf;
}
