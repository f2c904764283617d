/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program, loaded into the running kernel, and what the kernel's verifier says of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct verdict {
    char program[64];
    bool observes;   /* is on a tracepoint or an iterator: flowsplit goes without it where a kernel
                        doesn't have that */
    bool verified;   /* the verifier has looked at it */
    int error;       /* 0: loaded */
    long processed;  /* instructions, by the verifier */
    int stack;       /* bytes of the deepest chain of frames; -1: cannot be told */
    size_t size;     /* bytes of instructions */
    char words[512]; /* why it is refused */
};

/* Loads nothing of the object but program number INDEX, and unloads it. False if there is no such
 * program. */
bool load_program(const char *path, size_t index, struct verdict *verdict);
