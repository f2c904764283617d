/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only user of bpf_map_*: flow tables, counters and flags by their meaning. */
#ifndef FLOWSPLIT_MAPS_H
#define FLOWSPLIT_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/abi.h>
#include <flowsplit/reasons.h>

/* Which flow table an entry stands in. */
enum flow_map { FLOW_MAP_UNPROVEN, FLOW_MAP_FLOWS, FLOW_MAP_UDP, FLOW_MAP_COUNT };

/* File descriptors of an instance's maps; owned by the instance. */
struct maps {
    int arena;
    int flow[FLOW_MAP_COUNT];
    int backend_counters;
    int reason_counters;
    int direct_seen;
    int no_redirect;
    int trips;
    int health;
    int events;
    int handshakes;
    int served;
    int answers;
    int fragments;
    int sweeps;
    int samples;
    int sockets;
    int close_waits;
    int close_wait_clock;
    int namespaces;
    int stood_in_for;
};

/* Called for an entry, which is deleted if it returns true. */
typedef bool maps_visit(void *context, enum flow_map map, const struct fs_flow_key *key,
                        const struct fs_flow *flow);

/* Visits entries of one table from *position on, which is 0 at first, until *budget of them are
 * visited, or a few more, and takes them from it. What is in the table all the time is visited once
 * from the beginning to the end, however long that takes. Returns 1 at the end of the table, 0
 * where the budget was used up before, or -errno. */
int maps_visit_flows(const struct maps *maps, enum flow_map map, uint32_t *position,
                     uint64_t *budget, maps_visit *visit, void *context);

/* The position at which a table ends. */
uint32_t maps_flows_end(const struct maps *maps, enum flow_map map);

/* Visits all entries. Those that appear or move on while this runs are seen at least once if they
 * stay in the tables: unproven ones are visited first, and become proven, not the reverse. Returns
 * 0 or -errno. */
int maps_each_flow(const struct maps *maps, maps_visit *visit, void *context);

/* The entry of a flow, if there is one. */
bool maps_find_flow(const struct maps *maps, uint8_t proto, const struct fs_flow_key *key,
                    struct fs_flow *flow);

/* Adds one set of counters to another; they are all words. */
void maps_add_counters(struct fs_backend_counters *to, const struct fs_backend_counters *from);

/* A backend's counters, all CPUs together. Returns 0 or -errno. */
int maps_backend_counters(const struct maps *maps, uint32_t number,
                          struct fs_backend_counters *sum);

/* Clears what the kernel keeps for a backend's number, for its next owner. Returns 0 or -errno. */
int maps_backend_reset(const struct maps *maps, uint32_t number);

/* What the programs have counted of each reason, all CPUs together. Returns 0 or -errno. */
int maps_reasons(const struct maps *maps, uint64_t counts[FS_REASON_COUNT]);

/* Has a backend's socket been seen in the network namespace with this number? */
bool maps_knows_namespace(const struct maps *maps, uint32_t inum);

/* Lets packets be redirected to an interface again. */
void maps_allow_redirect(const struct maps *maps, unsigned ifindex);

/* Bytes of a map's value, or 0. */
uint32_t maps_value_size(int fd);

/* Waits until every packet that was under way has left the programs. Returns 0 or -errno. */
int maps_grace_period(void);

#endif
