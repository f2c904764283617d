// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Veth pairs: whether an end takes redirected frames, and whether the other sends whole checksums.
 */
#include "doctor.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "namespaces.h"
#include "netlink.h"

/* The other end of a veth, where it was found. */
struct peer {
    const struct link *link; /* this end */
    int home;                /* its network namespace, open; -1 if both are there */
    int home_number;         /* by which the one being searched knows it */
    char name[16];
    bool found;
    bool gro, xdp, checksums_left;
};

struct look {
    struct report *report;
    unsigned seen, good;
};

/* Of the present network namespace. */
static bool is_on(const char *name, uint32_t question)
{
    struct ethtool_value value = {.cmd = question};
    struct ifreq request = {.ifr_data = (char *)&value};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool on;

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    on = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data;
    if (fd >= 0)
        close(fd);
    return on;
}

static void compare(void *context, const struct link *link)
{
    struct peer *peer = context;
    LIBBPF_OPTS(bpf_xdp_query_opts, query);

    if (link->index != peer->link->peer || link->peer != peer->link->index ||
        strcmp(link->kind, "veth") != 0 || link->abroad != peer->home_number)
        return;
    peer->found = true;
    memcpy(peer->name, link->name, sizeof(peer->name));
    peer->gro = is_on(link->name, ETHTOOL_GGRO);
    peer->checksums_left = is_on(link->name, ETHTOOL_GTXCSUM);
    peer->xdp = bpf_xdp_query((int)link->index, 0, &query) == 0 && query.drv_prog_id;
}

static bool search(void *context, ino_t inode)
{
    struct peer *peer = context;

    (void)inode;
    peer->home_number = netlink_namespace(peer->home);
    if (peer->home_number >= 0)
        netlink_each_link(compare, peer);
    return peer->found;
}

static void tell(struct look *look, const struct peer *peer)
{
    bool deaf = !peer->gro && !peer->xdp;
    const char *name = peer->link->name;

    if (!deaf && !peer->checksums_left) {
        look->good++;
        return;
    }
    report_add(look->report, "veth", LEVEL_DEGRADED, "%s: its other end, %s%s,%s%s%s", name,
               peer->name, peer->link->abroad >= 0 ? " in another network namespace" : "",
               deaf ? " has neither GRO nor XDP, so it takes no frames that XDP redirects" : "",
               deaf && peer->checksums_left ? ", and" : "",
               peer->checksums_left ? " leaves checksums to be completed, which XDP can't pass on "
                                      "when it redirects"
                                    : "");
    report_remedy(look->report, "%sethtool -K %s%s%s",
                  peer->link->abroad >= 0 ? "in that namespace: " : "", peer->name,
                  deaf ? " gro on" : "", peer->checksums_left ? " tx off" : "");
}

static void look_at(void *context, const struct link *link)
{
    struct look *look = context;
    struct peer peer = {.link = link, .home = -1, .home_number = -1};

    if (strcmp(link->kind, "veth") != 0 || !link->up)
        return;
    look->seen++;
    if (link->abroad < 0) {
        netlink_each_link(compare, &peer);
    } else {
        peer.home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        namespaces_each(search, &peer);
        close(peer.home);
    }
    if (peer.found) {
        tell(look, &peer);
        return;
    }
    report_add(look->report, "veth", LEVEL_DEGRADED,
               "%s: its other end, number %u of another network namespace, can't be looked at",
               link->name, link->peer);
    report_remedy(look->report, "there: ethtool -k PEER shows generic-receive-offload, which "
                                "should be on, and tx-checksumming, which should be off");
}

void check_offloads(struct report *report, const struct patient *patient)
{
    struct look look = {.report = report};

    (void)patient;
    netlink_each_link(look_at, &look);
    if (!look.seen)
        report_add(report, "veth", LEVEL_GOOD, "there are none, whose offloads would matter");
    else if (look.good)
        report_add(report, "veth", LEVEL_GOOD,
                   "%u of %u have an other end that takes redirected frames and sends whole "
                   "checksums",
                   look.good, look.seen);
}
