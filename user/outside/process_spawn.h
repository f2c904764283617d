/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A command's beginning: its descriptors, its environment, its signals. */
#ifndef FLOWSPLIT_PROCESS_SPAWN_H
#define FLOWSPLIT_PROCESS_SPAWN_H

#include <sys/types.h>

#include "error.h"
#include "process.h"

/* A running command. */
struct spawned {
    pid_t pid;  /* of the leader, and of its session and group */
    int pidfd;  /* the caller's to close, as is: */
    int output; /* the reading end of its stdout and stderr; doesn't block */
};

/* Returns 0, or -errno with *err set when it could not be started; then nothing is left behind. */
int process_spawn(const struct process_spec *spec, struct spawned *spawned, struct error *err);

#endif
