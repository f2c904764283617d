// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What this process may do: root, capabilities, seccomp. */
#include "rights.h"

#include <unistd.h>

#include "doctor.h"

static void check_user(struct report *report)
{
    if (geteuid() == 0) {
        report_add(report, "user", LEVEL_GOOD, "root");
        return;
    }
    report_add(report, "user", LEVEL_FAILING,
               "user %u, not root: what needs root below could not be looked at", geteuid());
    report_remedy(report, "sudo flowsplit doctor");
}

static void check_capabilities(struct report *report)
{
    bool all = true;

    for (const struct right *right = rights_table; right->name; right++) {
        if (rights_have(right))
            continue;
        all = false;
        report_add(report, "rights", right->needed ? LEVEL_FAILING : LEVEL_DEGRADED,
                   "without %s: %s", right->name, right->without);
        report_remedy(report, "give it: sudo; in a container, --cap-add %s",
                      right->name + sizeof("CAP_") - 1);
    }
    if (rights_confined()) {
        report_add(report, "rights", LEVEL_FAILING,
                   "this process is in a user namespace, whose capabilities don't count for BPF");
        report_remedy(report,
                      "run it as root of the host; a rootless container can't load programs");
    } else if (all) {
        report_add(report, "rights", LEVEL_GOOD, "all capabilities that are needed");
    }
}

static void check_seccomp(struct report *report)
{
    if (!rights_filtered()) {
        report_add(report, "seccomp", LEVEL_GOOD, "no filter of system calls");
        return;
    }
    report_add(report, "seccomp", LEVEL_DEGRADED,
               "a filter of system calls is in force; where bpf() fails below, it may be why");
    report_remedy(report, "in a container: --security-opt seccomp=unconfined, or a profile that "
                          "allows bpf()");
}

void check_rights(struct report *report, const struct patient *patient)
{
    (void)patient;
    check_user(report);
    check_capabilities(report);
    check_seccomp(report);
}
