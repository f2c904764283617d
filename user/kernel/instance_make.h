/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How an instance comes to be: the programs are loaded, and all of it is pinned. What is pinned
 * where is known here alone. */
#ifndef FLOWSPLIT_INSTANCE_MAKE_H
#define FLOWSPLIT_INSTANCE_MAKE_H

#include <stdbool.h>

#include "instance.h"

struct bpf_object;

/* Directories below the pin directory. */
#define PINS_MAPS     "maps"
#define PINS_PROGRAMS "programs"
#define PINS_LINKS    "links"

enum pin_need {
    PIN_NEEDED,
    PIN_OBSERVES, /* pinned by observers_load(), and perhaps not at all */
    PIN_HELPS,    /* instances of other builds may be without it */
};

/* Where in struct instance a pinned map's or program's descriptor goes. */
struct pin {
    const char *name;
    size_t offset;
    enum pin_need need;
};

/* Both ended by a name of NULL. */
extern const struct pin instance_maps[];
extern const struct pin instance_programs[];

/* Loads the programs and pins a new, empty instance. The caller holds the lock. What a killed
 * command left half-made is removed first. Returns 0 or -errno with *err set. */
int instance_make(const char *pin_dir, struct error *err);

/* Tells the programs of an object that isn't loaded yet what this kernel withholds from them. */
void instance_adapt(struct bpf_object *object);

/* The BPF programs as an ELF file, for who only wants to try them. */
const void *instance_programs_elf(size_t *bytes);

#endif
