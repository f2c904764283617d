/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tries each of the programs by itself: does the kernel take it? Nothing is pinned or attached, and
 * all is gone when it has been tried. */
#ifndef FLOWSPLIT_TRIAL_H
#define FLOWSPLIT_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct tried {
    const char *name, *section; /* "xdp_ingress", "xdp.frags" */
    int code;                   /* 0: the kernel took it; or -errno */
    bool left_out;              /* an instance does without it on this kernel */
    bool observes;              /* it steers nothing */
    unsigned helpers;           /* functions of the kernel that it calls, each counted once */
    char complaint[256];        /* the verifier's, or "" */
};

/* Loads the maps, then each program with them, and calls `tell` for each. Returns 0, or -errno with
 * *err set if not even the maps can be had. */
int trial_run(void (*tell)(void *context, const struct tried *tried), void *context,
              struct error *err);

/* What the verifier says against a program, out of all it says. Pure. */
void trial_complaint(const char *log, char complaint[256]);

#endif
