// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What this process may do: root, capabilities, seccomp. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NET_ADMIN = 12, SYS_ADMIN = 21, PERFMON = 38, BPF = 39 };

static const struct right {
    const char *name;
    int number;
    int stand_in; /* another that includes it, or itself */
    enum level without;
    const char *what;
} rights[] = {
    {"CAP_BPF", BPF, SYS_ADMIN, LEVEL_FAILING, "programs can't be loaded"},
    {"CAP_NET_ADMIN", NET_ADMIN, NET_ADMIN, LEVEL_FAILING, "nothing can be attached"},
    {"CAP_PERFMON", PERFMON, SYS_ADMIN, LEVEL_FAILING,
     "the programs read memory in ways that the kernel then refuses"},
    {"CAP_SYS_ADMIN", SYS_ADMIN, SYS_ADMIN, LEVEL_DEGRADED,
     "others' programs have no names, and other network namespaces can't be looked into"},
};

/* What stands behind "\nNAME:" in /proc/self/status, as a number of this base; 0 if it isn't there.
 */
static unsigned long long status_number(const char *name, int base)
{
    char text[4096];
    const char *found = NULL;

    if (doctor_read(text, sizeof(text), "/proc/self/status"))
        found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, base) : 0;
}

static void check_capabilities(struct report *report)
{
    unsigned long long set = status_number("\nCapEff:", 16);
    bool all = true;

    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const struct right *right = &rights[i];

        if ((set >> right->number | set >> right->stand_in) & 1)
            continue;
        all = false;
        report_add(report, "rights", right->without, "without %s: %s", right->name, right->what);
        report_remedy(report, "give it: sudo; in a container, --cap-add %s", right->name + 4);
    }
    if (all)
        report_add(report, "rights", LEVEL_GOOD,
                   "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN");
}

void check_rights(struct report *report, const struct patient *patient)
{
    (void)patient;
    if (geteuid() == 0) {
        report_add(report, "user", LEVEL_GOOD, "root");
    } else {
        report_add(report, "user", LEVEL_FAILING,
                   "user %u, not root: what needs root below could not be looked at", geteuid());
        report_remedy(report, "sudo flowsplit doctor");
    }
    check_capabilities(report);
    if (status_number("\nSeccomp:", 10) == 0) {
        report_add(report, "seccomp", LEVEL_GOOD, "no filter of system calls");
        return;
    }
    report_add(report, "seccomp", LEVEL_DEGRADED,
               "a filter of system calls is in force; where bpf() fails below, it may be why");
    report_remedy(report, "in a container: --security-opt seccomp=unconfined, or a profile that "
                          "allows bpf()");
}
