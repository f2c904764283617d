// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Settings of routing: forwarding, rp_filter, accept_local, route_localnet. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

#include "iface.h"
#include "netlink.h"

/* What the declared backends need; without an instance nothing is known to. */
struct needs {
    bool loopback_v4, remote_v4, remote_v6;
};

struct look {
    struct report *report;
    const struct patient *patient;
    struct needs needs;
    struct iface *attached;
    int attached_count;
};

static struct needs find_needs(const struct model *model)
{
    struct needs needs = {0};

    for (uint32_t i = 0; model && i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];
        bool remote = !(backend->flags & FS_BACKEND_LOCAL);

        if (!(backend->flags & FS_BACKEND_IN_POOL))
            continue;
        if (backend->at.family == 4 && *(const uint8_t *)backend->at.addr == 127)
            needs.loopback_v4 = true;
        else if (remote && backend->at.family == 4)
            needs.remote_v4 = true;
        else if (remote)
            needs.remote_v6 = true;
    }
    return needs;
}

/* With an instance, those it is attached to; else all that might be. */
static bool concerns(const struct look *look, const struct link *link)
{
    for (int i = 0; i < look->attached_count; i++)
        if (look->attached[i].index == link->index)
            return true;
    return !look->attached_count && link->up && strcmp(link->name, "lo") != 0;
}

static void check_forwarding(struct look *look, const char *family, const char *name, bool needed)
{
    int value = doctor_number("/proc/sys/net/%s/conf/%s/forwarding", family, name);

    if (value < 0) /* a machine without IPv6 */
        return;
    if (value) {
        report_add(look->report, "forwarding", LEVEL_GOOD, "%s: %s is on", name, family);
        return;
    }
    if (look->patient->model && !needed) {
        report_add(look->report, "forwarding", LEVEL_GOOD,
                   "%s: %s is off; no declared backend needs it", name, family);
        return;
    }
    report_add(look->report, "forwarding", needed ? LEVEL_FAILING : LEVEL_DEGRADED,
               "%s: %s is off: backends on other hosts %s", name, family,
               needed ? "get no packets" : "would get no packets");
    report_remedy(look->report, "sysctl -w net/%s/conf/%s/forwarding=1; kept in /etc/sysctl.d",
                  family, name);
}

/* Of "all" and the interface's own setting the higher one counts. */
static void check_rp_filter(struct look *look, const char *name)
{
    int all = doctor_number("/proc/sys/net/ipv4/conf/all/rp_filter");
    int own = doctor_number("/proc/sys/net/ipv4/conf/%s/rp_filter", name);
    int value = all > own ? all : own;

    if (value != 1) {
        report_add(look->report, "rp_filter", LEVEL_GOOD, "%s: %s", name,
                   value == 2 ? "loose" : "off");
        return;
    }
    report_add(look->report, "rp_filter", LEVEL_DEGRADED,
               "%s: strict: clients whose way back is by another interface are dropped after they "
               "were steered, which counts against the version",
               name);
    report_remedy(look->report, "sysctl -w net/ipv4/conf/%s/rp_filter=2", name);
}

/* Clients on this host, served from elsewhere: the answer has one of its own addresses as source.
 */
static void check_accept_local(struct look *look, const char *name)
{
    int all = doctor_number("/proc/sys/net/ipv4/conf/all/accept_local");
    int own = doctor_number("/proc/sys/net/ipv4/conf/%s/accept_local", name);
    bool on = all > 0 || own > 0;

    report_add(look->report, "accept_local", LEVEL_GOOD, "%s: %s", name,
               on ? "on: packets from this host's own addresses are let in from outside"
                  : "off; only clients on this host itself (attach lo) that remote backends serve "
                    "would need it");
}

static void check_lo(struct look *look)
{
    if (!look->needs.remote_v4 || doctor_number("/proc/sys/net/ipv4/conf/all/accept_local") > 0)
        return;
    report_add(look->report, "accept_local", LEVEL_DEGRADED,
               "lo is attached and there are remote backends: their answers to clients on this "
               "host have one of its own addresses as source, and are dropped");
    report_remedy(
        look->report,
        "local backends for these clients, or: sysctl -w net.ipv4.conf.all.accept_local=1");
}

static void check_loopback(struct look *look, const char *name)
{
    if (!look->needs.loopback_v4 ||
        doctor_number("/proc/sys/net/ipv4/conf/all/route_localnet") > 0 ||
        doctor_number("/proc/sys/net/ipv4/conf/%s/route_localnet", name) > 0)
        return;
    report_add(look->report, "localnet", LEVEL_FAILING,
               "%s: a backend is in 127.0.0.0/8, to which packets from outside aren't let", name);
    report_remedy(look->report, "sysctl -w net/ipv4/conf/%s/route_localnet=1", name);
}

static void look_at(void *context, const struct link *link)
{
    struct look *look = context;

    if (!concerns(look, link))
        return;
    if (strcmp(link->name, "lo") == 0) {
        check_lo(look);
        return;
    }
    check_forwarding(look, "ipv4", link->name, look->needs.remote_v4);
    check_forwarding(look, "ipv6", link->name, look->needs.remote_v6);
    check_rp_filter(look, link->name);
    check_accept_local(look, link->name);
    check_loopback(look, link->name);
}

void check_settings(struct report *report, const struct patient *patient)
{
    struct look look = {.report = report, .patient = patient, .needs = find_needs(patient->model)};
    struct error ignored;

    if (patient->instance)
        look.attached_count = iface_list(patient->instance, &look.attached, &ignored);
    netlink_each_link(look_at, &look);
    free(look.attached);
}
