/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The live TCP sockets of backends on this host, in any network namespace. */
#ifndef FLOWSPLIT_SOCKETS_H
#define FLOWSPLIT_SOCKETS_H

#include "instance.h"

/* Calls `visit` for each. Where the kernel doesn't take the observers that know more, socket
 * diagnostics tell of all sockets at a backend's address; then `born_ns` and `state_ns` are 0.
 * Returns 0 or -errno. */
int sockets_each(const struct instance *instance,
                 void (*visit)(void *context, const struct fs_connection *connection),
                 void *context);

/* Adds what live connections have done to the sums of their versions (struct fs_sockets), and
 * judges those in CLOSE_WAIT that have no timer; unless this process has done so less than `age_ms`
 * ago. Without the observers for it, nothing happens. */
void sockets_refresh(const struct instance *instance, unsigned age_ms);

/* "ESTABLISHED" and the like, as in include/net/tcp_states.h; "?" for no such state. */
const char *sockets_state_name(uint32_t state);

#endif
