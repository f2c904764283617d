/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A host of its own for the tests: a network namespace with interfaces, routes and neighbours, and
 * an instance of flowsplit. Gone when the program ends.
 *
 *   cl0, MTU 1500: clients 192.0.2.0/24 and 2001:db8:c::/64; behind 192.0.2.10 and 2001:db8:c::10
 *        also 100.64.0.0/10 and 2001:db8:f::/48
 *   be0, MTU 9000: backends 198.51.100.0/24, 2001:db8:b::/64
 *   mt0, MTU 1280: backends 203.0.113.0/24, 2001:db8:d::/64
 *   lo: backends 10.1.0.1 to .9, fd00:1::1 to ::9
 *   10.66.0.1 to .3 and fd00:66::1 to ::3: a black hole, prohibited, unreachable
 *
 * Neighbours: .10, .11, .12, .21, .77 (and ::10 ...) are known on each, nobody else. */
#ifndef FLOWSPLIT_HOST_H
#define FLOWSPLIT_HOST_H

#include <jansson.h>

#include "frame.h"

/* Index of an interface by name. */
unsigned host_interface(const char *name);

/* MACs of a frame that leaves by `interface` for the neighbour whose address ends in `number`. */
struct hop {
    uint8_t to[6], from[6];
};
struct hop host_hop(const char *interface, unsigned number);

/* By which way this host sends what is for an address. */
struct host_route {
    bool local;            /* or there is no route: programs can't tell these apart */
    const char *interface; /* NULL: local, nobody is there, or it is a dead end */
    unsigned mtu;
    struct hop hop;
};
struct host_route host_route(const struct end *to);

/* Makes the namespace and declares the services of a YAML text. Gives up if either fails. */
void host_start(const char *services);

/* The directory of the instance's pins. */
const char *host_pin_dir(void);

/* Runs a command with `sh`; gives up if it fails. */
void host_run(const char *command, ...) __attribute__((format(printf, 1, 2)));

/* Runs flowsplit with these arguments; gives up, with what it said, if it fails. */
void flowsplit(const char *arguments, ...) __attribute__((format(printf, 1, 2)));
void flowsplit_apply(const char *services);

/* The same for a command that prints JSON. The caller drops the reference. */
json_t *flowsplit_json(const char *arguments, ...) __attribute__((format(printf, 1, 2)));

/* The element of the array `list` of `object` that has this name; gives up if there is none. */
json_t *json_named(json_t *object, const char *list, const char *name);
json_int_t json_number(json_t *object, const char *key);
const char *json_text(json_t *object, const char *key);

/* True where everything is slow: make fewer rounds. */
bool host_is_slow(void);

/* Does the kernel show programs its own structures (bpf_cast_to_kern_ctx, Linux 6.2)? */
bool host_shows_itself(void);

void host_sleep(double seconds);

/* Pseudo-random numbers: the same ones each time for a seed, which FS_SEED sets and a note tells.
 */
uint32_t host_random(void);

#endif
