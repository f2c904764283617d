// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The declared services: whether VIPs are here, and backends answer. */
#include "doctor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "iface.h"
#include "knock.h"
#include "namespaces.h"
#include "parse.h"

enum { KNOCK_MS = 250 };

static void check_vip(struct report *report, const char *name, const struct fs_endpoint *vip)
{
    char text[FORMAT_ENDPOINT_MAX];

    format_vip(vip, text);
    if (iface_is_local(vip)) {
        report_add(report, "VIP", LEVEL_GOOD, "%s: %s is on this host", name, text);
    } else if (namespaces_have(vip)) {
        report_add(report, "VIP", LEVEL_DEGRADED,
                   "%s: %s is on this host, but in another network namespace", name, text);
        report_remedy(report, "attach there: nsenter --net=/run/netns/NAME flowsplit attach IFACE");
    } else {
        report_add(report, "VIP", LEVEL_DEGRADED,
                   "%s: %s is no address of this host: its packets come only if others route them "
                   "here",
                   name, text);
        report_remedy(report, "ip address add ADDRESS/%d dev IFACE, unless it is routed here",
                      vip->family == 4 ? 32 : 128);
    }
}

/* One that gets no new flows may be down. */
static void tell_silent(struct report *report, const char *name,
                        const struct draft_version *version, const struct door *door)
{
    bool idle = !version->weight_bp || version->withdrawn;
    char text[FORMAT_ENDPOINT_MAX];

    report_add(report, "backend", idle ? LEVEL_DEGRADED : LEVEL_FAILING,
               "%s/%s: %s doesn't answer (%s)%s", name, version->name,
               format_endpoint(&door->at, text), strerror(-door->code),
               idle ? "; its version gets no new flows" : "");
    report_remedy(report,
                  door->code == -ECONNREFUSED
                      ? "start what should listen there, or take it out of the pool"
                      : "see that it is up and that there is a route: ip route get ADDRESS");
}

static void check_version(struct report *report, const struct model *model, const char *name,
                          const struct draft_version *version)
{
    struct door *doors = calloc(version->member_count + 1, sizeof(*doors));
    uint32_t answered = 0;

    if (!doors)
        return;
    for (uint32_t i = 0; i < version->member_count; i++)
        doors[i].at = model->backends[version->members[i]].at;
    knock(doors, version->member_count, KNOCK_MS);
    for (uint32_t i = 0; i < version->member_count; i++)
        if (doors[i].code)
            tell_silent(report, name, version, &doors[i]);
        else
            answered++;
    if (answered)
        report_add(report, "backend", LEVEL_GOOD, "%s/%s: %u of %u answer", name, version->name,
                   answered, version->member_count);
    free(doors);
}

static void check_service(struct report *report, const struct model *model, uint32_t number)
{
    const struct model_service *service = &model->services[number];

    if (!service->draft)
        return;
    check_vip(report, service->draft->name, &service->record.vip);
    if (service->record.vip.proto == IPPROTO_UDP) {
        report_add(report, "backend", LEVEL_GOOD,
                   "%s: not tried, for UDP has no answer that all would give",
                   service->draft->name);
        return;
    }
    for (int v = 0; v < FS_VERSION_SLOTS; v++)
        if (service->draft->versions[v].member_count)
            check_version(report, model, service->draft->name, &service->draft->versions[v]);
}

void check_services(struct report *report, const struct patient *patient)
{
    for (uint32_t i = 0; patient->model && i < patient->model->service_count; i++)
        check_service(report, patient->model, i);
}
