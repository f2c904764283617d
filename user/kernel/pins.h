/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an instance's pins are, and the file system they are on. */
#ifndef FLOWSPLIT_PINS_H
#define FLOWSPLIT_PINS_H

#include "error.h"

enum { PIN_PATH_MAX = 512 };

/* Makes `dir` on a BPF file system, mounting the usual one if it isn't mounted yet. Returns 0 or
 * -errno with *err set. */
int pins_make_dir(const char *dir, struct error *err);

/* `dir`/`name` in a buffer of PIN_PATH_MAX. Returns buf. */
const char *pins_path(char *buf, const char *dir, const char *name);

/* Removes `dir` and all pins in it. */
void pins_remove(const char *dir);

/* Locks `dir`, made if `make` and missing. Returns a descriptor that holds the lock, or -errno with
 * *err set. `operation` is flock()'s. */
int pins_lock(const char *dir, int operation, int make, struct error *err);

#endif
