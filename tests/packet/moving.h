/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services whose buckets have just moved, and flows in them. */
#ifndef FLOWSPLIT_MOVING_H
#define FLOWSPLIT_MOVING_H

#include "flow.h"

/* Clients whose flows begin in one part and go on in the next. */
struct clients {
    char syn_only[END_TEXT], synned[END_TEXT], connected[END_TEXT], old[END_TEXT];
};

struct moving_way {
    struct path path;
    const char *stable, *canary, *new_stable;
    struct clients clients;
};

#define MOVING_WAYS 4

extern struct moving_way moving_ways[MOVING_WAYS];

/* The services as they begin, all weight with stable; `drain` is longer than any test. And with
 * another backend in the place of stable's. */
extern const char moving_services[], moving_replaced[];

/* A new client whose bucket is moving, and now the canary's; `text` has room for END_TEXT. */
char *moving_client(const struct moving_way *way, char *text);

/* Has the client's flow an entry of those that are proven? */
bool on_record(const char *client, struct fs_flow *flow);

/* Checks that it has, and with these flags of its end. */
void check_flags(const char *client, unsigned flags, const char *when);

/* A connection that begins now, as far as its client's first ACK. */
void connect_to(const struct path *path, const char *client, const char *backend);

#endif
