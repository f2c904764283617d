/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to the kernel by netlink: links, TC filters, what a device's driver can do. */
#ifndef FLOWSPLIT_NETLINK_H
#define FLOWSPLIT_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

/* An interface of this network namespace. */
struct link {
    unsigned index;
    char name[16];
    char kind[16]; /* "veth", "vlan"; "" for hardware and lo */
    bool up;
    unsigned peer; /* a veth's other end: its number there; 0 for others */
    int abroad;    /* the number of the network namespace where that is; -1: this one */
};

/* Calls `visit` for each. Returns 0 or -errno. */
int netlink_each_link(void (*visit)(void *context, const struct link *link), void *context);

/* The number by which this network namespace knows the one that `fd` is of; -1 if by none. */
int netlink_namespace(int fd);

/* A filter of TC's at clsact (or ingress). */
struct filter {
    char kind[16];     /* "bpf", "flower" */
    unsigned priority; /* lower ones come first */
    uint32_t program;  /* of kind bpf: its id */
    char name[64];     /* and name */
};

/* Calls `visit` for each filter at an interface's ingress or egress. Returns 0 or -errno. */
int netlink_each_filter(unsigned ifindex, bool egress,
                        void (*visit)(void *context, const struct filter *filter), void *context);

enum { XDP_FEATURE_BASIC = 1, XDP_FEATURE_REDIRECT = 2, XDP_FEATURE_TAKES_REDIRECTED = 4 };

/* What a driver says it can do with XDP: a set of XDP_FEATURE_*, or -errno if this kernel (before
 * 6.3) doesn't tell. */
int netlink_xdp_features(unsigned ifindex);

#endif
