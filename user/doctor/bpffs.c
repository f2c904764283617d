// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file system of the pins, and what is pinned. */
#include "doctor.h"

#include <errno.h>
#include <unistd.h>

#include "pins.h"

#define USUAL "/sys/fs/bpf"

static void check_view(struct report *report)
{
    char netns[PINS_NETNS_MAX];

    if (pins_last(netns)) {
        report_add(report, "bpffs", LEVEL_GOOD, "%s",
                   pins_on_bpffs(USUAL) ? "mounted at " USUAL ", where the host sees it, too"
                                        : "not mounted at " USUAL
                                          " yet: `flowsplit apply` mounts it");
        return;
    }
    report_add(report, "bpffs", LEVEL_FAILING,
               "this process has a mount namespace of its own, in which " USUAL
               " isn't the host's: pins would vanish with it");
    report_remedy(report,
                  "instead of `ip netns exec`: nsenter --net=/run/netns/%s flowsplit ...; in a "
                  "container, mount the host's " USUAL,
                  *netns ? netns : "NAME");
}

void check_bpffs(struct report *report, const struct patient *patient)
{
    struct error err;

    check_view(report);
    if (patient->instance) {
        report_add(report, "instance", LEVEL_GOOD, "in %s: %u services", patient->pin_dir,
                   patient->model->service_count);
    } else if (pins_check_dir(patient->pin_dir, &err)) {
        report_add(report, "instance", LEVEL_FAILING, "none can be in %s", patient->pin_dir);
        report_remedy(report, "%s", err.text);
    } else {
        bool none = patient->why_none == -ENOENT || patient->why_none == -ENOTDIR;

        report_add(report, "instance", none ? LEVEL_GOOD : LEVEL_FAILING, "%s",
                   patient->words.text);
        if (!none)
            report_remedy(report, "%s",
                          geteuid() ? "sudo flowsplit doctor"
                                    : "see rights above; for the pins, README \"Upgrading\"");
    }
}
