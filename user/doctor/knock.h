/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether somebody answers: TCP connections to many addresses at once, closed as soon as they are
 * there. */
#ifndef FLOWSPLIT_KNOCK_H
#define FLOWSPLIT_KNOCK_H

#include <stddef.h>

#include <flowsplit/abi.h>

struct door {
    struct fs_endpoint at;
    int code; /* 0: it answered; -ETIMEDOUT, -ECONNREFUSED or another -errno */
};

/* Sets each door's code. Takes no longer than `wait_ms` for each KNOCK_AT_ONCE of them. */
enum { KNOCK_AT_ONCE = 256 };
void knock(struct door *doors, size_t count, int wait_ms);

#endif
