/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process may be refused for being who it is: the capabilities that are needed, and what
 * else can stand between it and bpf(). */
#ifndef FLOWSPLIT_RIGHTS_H
#define FLOWSPLIT_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

struct right {
    const char *name;     /* "CAP_BPF" */
    const char *without;  /* what can't be done without it */
    bool needed;          /* to steer; else something is only not seen */
    int number, stand_in; /* of linux/capability.h; the other includes it, or is the same */
};

/* Ended by a name of NULL. */
extern const struct right rights_table[];

/* Has this process got it? Not, if that can't be told. */
bool rights_have(const struct right *right);

/* Is this process in a user namespace, whose capabilities count for nothing when BPF is loaded? */
bool rights_confined(void);

/* Is a filter of system calls in force for this process? */
bool rights_filtered(void);

/* Is the kernel locked down so far that programs may not read its memory? */
bool rights_locked_down(void);

/* Why the kernel may refuse BPF to this process, for a message; "" if nothing is known to be
 * against it. Returns buf. */
const char *rights_lacking(char *buf, size_t bytes);

#endif
