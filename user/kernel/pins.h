/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an instance's pins are, and the file system they are on. */
#ifndef FLOWSPLIT_PINS_H
#define FLOWSPLIT_PINS_H

#include <stdbool.h>

#include "error.h"

enum {
    PIN_PATH_MAX = 512,
    PINS_NETNS_MAX = 64 /* room for the name of a network namespace */
};

/* Where pins are unless another directory is given, recognised by its address: who gives the very
 * same name has chosen it. */
extern const char pins_default_dir[];

/* Is it on a BPF file system? */
bool pins_on_bpffs(const char *path);

/* Is what this process sees at the usual place what the host sees, too? Under `ip netns exec` and
 * in other mount namespaces it may be a file system that vanishes with them. If not, `netns`
 * becomes the name given to `ip netns exec`, or "". */
bool pins_last(char netns[PINS_NETNS_MAX]);

/* Can an instance be in `dir`, already or once it is made? Returns 0, or -errno with *err saying
 * why not: it isn't on a BPF file system, or on one that will not last and nobody has chosen. */
int pins_check_dir(const char *dir, struct error *err);

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
