// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Others that hold XDP and TC of the interfaces. */
#include "doctor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "netlink.h"

/* Of linux/bpf.h since 6.6. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, TCX_MOST = 64 };
enum { OUR_PRIORITY = 0xf500, OUR_PRIORITIES = 16 }; /* of TC's filters, see hook.c */

struct look {
    struct report *report;
    const struct patient *patient;
    const struct link *link;
    bool egress;
    unsigned found;
};

static bool is_ours(const struct patient *patient, uint32_t id)
{
    for (int i = 0; patient->instance && i < PROGRAM_COUNT; i++) {
        struct bpf_prog_info info = {0};
        uint32_t bytes = sizeof(info);

        if (!bpf_obj_get_info_by_fd(patient->instance->programs[i], &info, &bytes) && info.id == id)
            return true;
    }
    return false;
}

static void look_at_xdp(struct look *look, uint32_t id, const char *mode, const char *off)
{
    char name[64];

    if (!id || is_ours(look->patient, id))
        return;
    look->found++;
    report_add(look->report, "holder", LEVEL_DEGRADED,
               "%s: XDP (%s) is held by %s; an interface has one XDP program, so only mode tc is "
               "left, behind it",
               look->link->name, mode, doctor_program(id, name));
    report_remedy(look->report,
                  "flowsplit attach %s --mode tc; or stop who attached it, or: ip link set dev %s "
                  "%s off",
                  look->link->name, look->link->name, off);
}

static const char *way(const struct look *look)
{
    return look->egress ? "egress" : "ingress";
}

/* What comes first may take packets away. */
static void look_at_filter(void *context, const struct filter *filter)
{
    struct look *look = context;
    bool before = filter->priority < OUR_PRIORITY;
    bool flowsplits = filter->priority - OUR_PRIORITY < OUR_PRIORITIES;
    char name[64] = "";

    if (filter->program && is_ours(look->patient, filter->program))
        return;
    if (filter->program)
        doctor_program(filter->program, name);
    look->found++;
    report_add(look->report, "holder", before ? LEVEL_DEGRADED : LEVEL_GOOD,
               "%s: TC %s has a filter of kind %s %s%s, priority %u, %s", look->link->name,
               way(look), filter->kind, filter->name, name, filter->priority,
               flowsplits ? "where another instance of flowsplit has its own"
               : before   ? "before flowsplit's: what it takes, flowsplit doesn't see"
                          : "after flowsplit's");
    if (before)
        report_remedy(look->report, "see what it does: tc filter show dev %s %s", look->link->name,
                      way(look));
}

static void look_at_tcx(struct look *look)
{
    uint32_t ids[TCX_MOST] = {0}, count = TCX_MOST, flags;
    char name[64];

    if (bpf_prog_query((int)look->link->index,
                       (enum bpf_attach_type)(look->egress ? TCX_EGRESS : TCX_INGRESS), 0, &flags,
                       ids, &count))
        return;
    for (uint32_t i = 0; i < count && i < TCX_MOST; i++) {
        look->found++;
        report_add(look->report, "holder", LEVEL_DEGRADED,
                   "%s: TC %s (tcx) is held by %s, before flowsplit's: what it takes, flowsplit "
                   "doesn't see",
                   look->link->name, way(look), doctor_program(ids[i], name));
        report_remedy(look->report, "see what it does: bpftool net show dev %s", look->link->name);
    }
}

static void look_at(void *context, const struct link *link)
{
    struct look *look = context;
    LIBBPF_OPTS(bpf_xdp_query_opts, query);

    look->link = link;
    if (bpf_xdp_query((int)link->index, 0, &query) == 0) {
        look_at_xdp(look, query.drv_prog_id, "native", "xdpdrv");
        look_at_xdp(look, query.skb_prog_id, "generic", "xdpgeneric");
        look_at_xdp(look, query.hw_prog_id, "offloaded", "xdpoffload");
    }
    for (int egress = 0; egress <= 1; egress++) {
        look->egress = egress;
        netlink_each_filter(link->index, egress, look_at_filter, look);
        look_at_tcx(look);
    }
}

void check_holders(struct report *report, const struct patient *patient)
{
    struct look look = {.report = report, .patient = patient};

    netlink_each_link(look_at, &look);
    if (!look.found)
        report_add(report, "holder", LEVEL_GOOD, "no one else's programs at XDP or TC");
}
