/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A TCP socket that listens where the user says. */
#ifndef FLOWSPLIT_LISTEN_H
#define FLOWSPLIT_LISTEN_H

#include "error.h"

enum {
    LISTEN_TEXT_MAX = 64 /* room for any address and port and a terminator */
};

/* Listens at "127.0.0.1:9911", "[::1]:9911", or ":9911" for all addresses of both families; port 0
 * is any that is free. Returns the socket, and where it listens in `at` (LISTEN_TEXT_MAX); or
 * -errno with *err set. */
int listen_at(const char *address, char *at, struct error *err);

#endif
