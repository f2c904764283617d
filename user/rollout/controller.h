/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Conducts rollouts until it is told to stop: one event loop, one look a second. */
#ifndef FLOWSPLIT_CONTROLLER_H
#define FLOWSPLIT_CONTROLLER_H

#include <stddef.h>

#include "error.h"

/* What `flowsplit run` was given. */
struct controller_options {
    const char *pin_dir;
    const char *state_dir;
    const char *metrics; /* where to serve them, or NULL */
    char **files;        /* plans */
    size_t file_count;
};

/* Runs. Returns 0 after SIGTERM or SIGINT, or -errno with *err set. */
int controller_run(const struct controller_options *options, struct error *err);

#endif
