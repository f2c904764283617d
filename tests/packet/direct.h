/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clients who talk to the VIP or to a backend itself, with the same ends. */
#ifndef FLOWSPLIT_DIRECT_H
#define FLOWSPLIT_DIRECT_H

#include "flow.h"

extern const char direct_services[];

/* Ways to the services t4 and t6, the first two of which have LOCAL4_BACKEND, the others
 * LOCAL6_BACKEND. */
#define TCP_PATHS 4
extern const struct path tcp_paths[TCP_PATHS];

/* Whom a test is about: set by who runs it, the client by begin(). */
extern const struct path *path;
extern const char *backend;
extern char client[END_TEXT];

/* Begins a test with a client that nobody has seen. */
void begin(const char *sentence);

/* The client to the VIP: always steered. */
void by_vip(unsigned flags);

/* The client, or someone in its name, to the backend's own address: never changed. */
void directly(unsigned flags);

/* The backend's packet to the client leaves from `source`. */
void answered_from(const char *source, unsigned flags);

/* After an attach the directory says until when direct connections that are older are learnt: in so
 * many ticks. */
void learn_until(int ticks);

#endif
