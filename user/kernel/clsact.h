/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filters of the clsact qdisc, for kernels that have no tcx. Kernels that have it run them
 * after it. They go with the qdisc: by `tc qdisc del`, and when the interface moves to another
 * network namespace. */
#ifndef FLOWSPLIT_CLSACT_H
#define FLOWSPLIT_CLSACT_H

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "chain.h"

/* Where a filter is. */
#define CLSACT_IN   TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define CLSACT_BACK TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* Reads the filters that every packet meets (chain 0) onto the end of `chain`. Returns 0, also if
 * there is no qdisc, or -errno. Through an `ingress` qdisc, which has no way back, the kernel shows
 * the filters of the way in as those of the way back. */
int clsact_read(unsigned ifindex, uint32_t parent, struct chain *chain);

/* Does an `ingress` qdisc hold the place of clsact? Not for each look at each interface: the kernel
 * tells the answer to all who listen to changes. */
bool clsact_is_displaced(unsigned ifindex);

/* The lowest priority that no filter of the chain has. Pure. */
uint32_t clsact_free_priority(const struct chain *chain);

/* Puts a program in, and makes the qdisc if there is none. Returns 0 or -errno: -EADDRINUSE if
 * an `ingress` qdisc holds its place, and `parent` is the way back. */
int clsact_put(unsigned ifindex, uint32_t parent, uint32_t priority, int program);

/* Puts a program where another is, in one step. Returns 0 or -errno. */
int clsact_replace(unsigned ifindex, uint32_t parent, const struct chain_item *old, int program);

/* Takes a filter out. Returns 0 or -errno. */
int clsact_remove(unsigned ifindex, uint32_t parent, const struct chain_item *item);

/* Reads a dump of filters as the kernel writes it, onto the end of the chain. Pure. Returns 1 if
 * more comes, 0 at its end, or -errno. */
int clsact_parse(const void *bytes, size_t length, struct chain *chain);

#endif
