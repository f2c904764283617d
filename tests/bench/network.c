// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The network that forwarded packets are routed in: a namespace of our own, which goes when the
 * process ends. */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything goes to one neighbour whose link-layer address is known. Test runs say that packets
 * come in by `lo`, so that is where forwarding matters. */
static const char *const setup[] = {
    "ip link set lo up",
    "ip link add bench0 type veth peer name bench1",
    "ip link set bench1 up",
    "ip link set bench0 up",
    "ip addr add 192.0.2.1/24 dev bench0",
    "ip addr add 2001:db8:2::1/64 dev bench0 nodad",
    "ip link set lo address 02:00:00:00:00:02",
    "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev bench0 nud permanent",
    "ip neigh add 2001:db8:2::2 lladdr 02:00:00:00:00:02 dev bench0 nud permanent",
    "ip route add default via 192.0.2.2",
    "ip -6 route add default via 2001:db8:2::2",
    "echo 1 >/proc/sys/net/ipv4/conf/all/forwarding",
    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
};

int network_open(struct error *err)
{
    if (unshare(CLONE_NEWNET))
        return error_set(err, -errno, "no network namespace: %s; root is needed", strerror(errno));
    for (size_t i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
        if (system(setup[i]))
            return error_set(err, -EIO, "`%s` failed", setup[i]);
    return 0;
}
