// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The interfaces: which modes of XDP they can have, which one is in force, and whether packets
 * reach the programs of both ways. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

#include "iface.h"
#include "netlink.h"

struct look {
    struct report *report;
    struct iface *attached; /* of the instance */
    int attached_count;
    unsigned seen;
};

/* ", attached: native", or nothing. */
static void attached_text(const struct look *look, unsigned index, char *buf, size_t size)
{
    buf[0] = '\0';
    for (int i = 0; i < look->attached_count; i++)
        if (look->attached[i].index == index)
            snprintf(buf, size, "; attached: %s", iface_mode_name(look->attached[i].mode));
}

static void look_at(void *context, const struct link *link)
{
    struct look *look = context;
    int features = netlink_xdp_features(link->index);
    const char *kind = *link->kind ? link->kind : "device";
    char attached[64];

    look->seen++;
    attached_text(look, link->index, attached, sizeof(attached));
    if (features < 0) {
        report_add(look->report, "interface", LEVEL_GOOD,
                   "%s (%s): generic, tc; this kernel doesn't tell whether native%s", link->name,
                   kind, attached);
    } else if (features & XDP_FEATURE_BASIC) {
        report_add(look->report, "interface", LEVEL_GOOD, "%s (%s): native, generic, tc%s%s",
                   link->name, kind,
                   features & XDP_FEATURE_REDIRECT ? "" : "; native can't redirect", attached);
    } else {
        bool worse = link->up && strcmp(link->name, "lo") != 0;

        report_add(look->report, "interface", worse ? LEVEL_DEGRADED : LEVEL_GOOD,
                   "%s (%s): generic, tc; its driver has no native XDP, which is faster%s",
                   link->name, kind, attached);
        if (worse)
            report_remedy(look->report,
                          "attach the device that it stands on, if there is one; else mode tc is "
                          "as good as generic, and --mode auto takes it");
    }
    if (!link->up && *attached) {
        report_add(look->report, "interface", LEVEL_FAILING, "%s is attached, and down",
                   link->name);
        report_remedy(look->report, "ip link set %s up", link->name);
    }
}

static void check_way(struct report *report, const char *name, const char *way, const char *fault)
{
    if (!*fault) {
        report_add(report, way, LEVEL_GOOD, "%s: packets reach the program", name);
        return;
    }
    report_add(report, way, LEVEL_FAILING, "%s: %s", name, fault);
    report_remedy(report, "flowsplit attach %s, which mends it or says what is in the way", name);
}

static void check_ways(const struct look *look)
{
    for (int i = 0; i < look->attached_count; i++) {
        const struct iface *iface = &look->attached[i];

        if (iface->idle)
            continue;
        check_way(look->report, iface->name, "way in", iface->way_in);
        check_way(look->report, iface->name, "way back", iface->way_back);
    }
}

void check_interfaces(struct report *report, const struct patient *patient)
{
    struct look look = {.report = report};
    struct error ignored;

    if (patient->instance)
        look.attached_count = iface_list(patient->instance, &look.attached, &ignored);
    if (netlink_each_link(look_at, &look) || !look.seen) {
        report_add(report, "interface", LEVEL_DEGRADED, "interfaces can't be listed");
        report_remedy(report, "run as root");
    }
    check_ways(&look);
    free(look.attached);
}
