/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The live TCP sockets of backends on this host, in any network namespace. */
#ifndef FLOWSPLIT_SOCKETS_H
#define FLOWSPLIT_SOCKETS_H

#include "instance.h"

/* Calls `visit` for each. Returns 0 or -errno. */
int sockets_each(const struct instance *instance,
                 void (*visit)(void *context, const struct fs_connection *connection),
                 void *context);

/* "ESTABLISHED" and the like, as in include/net/tcp_states.h; "?" for no such state. */
const char *sockets_state_name(uint32_t state);

#endif
