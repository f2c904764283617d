// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Others that hold XDP and TC of the interfaces. */
#include "doctor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "netlink.h"

/* Of linux/bpf.h since 6.6. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, TCX_MOST = 64 };

struct look {
    struct report *report;
    const struct patient *patient;
    const struct link *link;
    bool egress;
    bool tcx;      /* the kernel has it: then flowsplit is in front of all filters */
    uint32_t ours; /* without it: priority of flowsplit's filter, or the best that it could have */
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
static void report_holder(struct look *look, bool before, const char *what, const char *see)
{
    look->found++;
    report_add(look->report, "holder", before ? LEVEL_DEGRADED : LEVEL_GOOD, "%s: TC %s has %s, %s",
               look->link->name, way(look), what,
               before ? "before flowsplit's: what it takes, flowsplit doesn't see"
                      : "after flowsplit's");
    if (before)
        report_remedy(look->report, "see what it does: %s dev %s%s%s", see, look->link->name,
                      strncmp(see, "tc", 2) == 0 ? " " : "",
                      strncmp(see, "tc", 2) == 0 ? way(look) : "");
}

static void find_ours(void *context, const struct filter *filter)
{
    struct look *look = context;

    if (filter->program && is_ours(look->patient, filter->program))
        look->ours = filter->priority;
}

static void look_at_filter(void *context, const struct filter *filter)
{
    struct look *look = context;
    char name[64] = "", what[192];

    if (filter->program && is_ours(look->patient, filter->program))
        return;
    if (filter->program)
        doctor_program(filter->program, name);
    snprintf(what, sizeof(what), "a filter of kind %s %s%s, priority %u", filter->kind,
             filter->name, name, filter->priority);
    report_holder(look, !look->tcx && filter->priority < look->ours, what, "tc filter show");
}

static void look_at_filters(struct look *look)
{
    look->ours = 2; /* `attach` gets in front of all but the first */
    netlink_each_filter(look->link->index, look->egress, find_ours, look);
    netlink_each_filter(look->link->index, look->egress, look_at_filter, look);
}

/* Those in front of the instance's own program. Where it has none, it would be put in front. */
static void look_at_tcx(struct look *look)
{
    uint32_t ids[TCX_MOST] = {0}, count = TCX_MOST, flags, ours = 0;
    char name[64], what[128];

    look->tcx = !bpf_prog_query((int)look->link->index,
                                (enum bpf_attach_type)(look->egress ? TCX_EGRESS : TCX_INGRESS), 0,
                                &flags, ids, &count);
    count = !look->tcx ? 0 : count < TCX_MOST ? count : TCX_MOST;
    for (uint32_t i = 0; i < count; i++)
        if (is_ours(look->patient, ids[i]))
            ours = i;
    for (uint32_t i = 0; i < count; i++) {
        if (is_ours(look->patient, ids[i]))
            continue;
        snprintf(what, sizeof(what), "%s (tcx)", doctor_program(ids[i], name));
        report_holder(look, i < ours, what, "bpftool net show");
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
        look_at_tcx(look);
        look_at_filters(look);
    }
}

void check_holders(struct report *report, const struct patient *patient)
{
    struct look look = {.report = report, .patient = patient};

    netlink_each_link(look_at, &look);
    if (!look.found)
        report_add(report, "holder", LEVEL_GOOD, "no one else's programs at XDP or TC");
}
