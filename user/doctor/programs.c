// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The BPF programs: each is loaded, with all the kernel's functions that it calls. */
#include "doctor.h"

#include <errno.h>
#include <string.h>

#include "trial.h"

static const char *remedy_of(int code)
{
    switch (code) {
    case -EPERM:
    case -EACCES:
        return "give this process CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (see rights, seccomp and "
               "lockdown above)";
    case -ENOMEM:
        return "free some memory, or raise the cgroup's limit (see memory below)";
    default:
        return "boot Linux 6.1 or newer with CONFIG_BPF_SYSCALL, CONFIG_DEBUG_INFO_BTF, "
               "CONFIG_BPF_EVENTS and CONFIG_NET_CLS_BPF";
    }
}

/* What an instance can do without is only missed; what it can't keeps it from being made. */
static void tell(void *context, const struct tried *tried)
{
    struct report *report = context;

    if (!tried->code) {
        report_add(report, "program", LEVEL_GOOD, "%s (%s): taken; helpers: %u", tried->name,
                   tried->section, tried->helpers);
        return;
    }
    report_add(report, "program", tried->left_out ? LEVEL_DEGRADED : LEVEL_FAILING,
               "%s (%s): %s%s%s; %s", tried->name, tried->section, strerror(-tried->code),
               *tried->complaint ? ": " : "", tried->complaint,
               tried->left_out   ? "what it observes isn't seen"
               : tried->observes ? "it only observes, but no instance can be made without it"
                                 : "nothing can be steered");
    report_remedy(report, "%s", remedy_of(tried->code));
}

void check_programs(struct report *report, const struct patient *patient)
{
    struct error err;
    int code = trial_run(tell, report, &err);

    (void)patient;
    if (!code)
        return;
    report_add(report, "program", LEVEL_FAILING, "none could be tried: %s", err.text);
    report_remedy(report, "%s", remedy_of(code));
}
