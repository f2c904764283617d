/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network namespaces of this host: those that have a process, or a name of `ip netns`. */
#ifndef FLOWSPLIT_NAMESPACES_H
#define FLOWSPLIT_NAMESPACES_H

#include <stdbool.h>

#include <flowsplit/abi.h>

/* Is it an address of any of them? Needs root: without, only the caller's own is asked. */
bool namespaces_have(const struct fs_endpoint *at);

#endif
