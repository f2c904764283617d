/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets as `ss` sees them, for kernels that refuse the programs which know more. */
#ifndef FLOWSPLIT_SOCKETS_DIAG_H
#define FLOWSPLIT_SOCKETS_DIAG_H

#include "instance.h"

/* Calls `visit` for each TCP connection of the present network namespace that is at the address of
 * a backend. Of `socket` only `backend` and `state` are set. Returns 0 or -errno. */
int sockets_diagnose(const struct instance *instance,
                     void (*visit)(void *context, const struct fs_connection *connection),
                     void *context);

/* Calls `visit` with the own end of each TCP connection of the present network namespace that lives
 * or is about to. Returns 0 or -errno. */
int sockets_diagnose_local(void (*visit)(void *context, const struct fs_endpoint *local),
                           void *context);

#endif
