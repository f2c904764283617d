/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network namespaces of this host: those that have a process, or a name of `ip netns`. */
#ifndef FLOWSPLIT_NAMESPACES_H
#define FLOWSPLIT_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

#include <flowsplit/abi.h>

/* Calls `visit` in each network namespace, once, beginning with the caller's own, until one call
 * returns true; the caller's thread is in that namespace meanwhile. `inode` is the namespace's
 * number. Without root, only the caller's own is visited. Returns whether a call returned true. */
bool namespaces_each(bool (*visit)(void *context, ino_t inode), void *context);

/* Is it an address of any of them? */
bool namespaces_have(const struct fs_endpoint *at);

#endif
