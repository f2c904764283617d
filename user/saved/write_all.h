/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writing that goes on where a write() stopped short. */
#ifndef FLOWSPLIT_WRITE_ALL_H
#define FLOWSPLIT_WRITE_ALL_H

#include <stddef.h>

/* Writes all of it. Returns 0, or -errno with perhaps a part written. */
int write_all(int fd, const char *text, size_t length);

#endif
