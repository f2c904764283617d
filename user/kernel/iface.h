/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaches an instance to interfaces in one of several modes, and tells in which. */
#ifndef FLOWSPLIT_IFACE_H
#define FLOWSPLIT_IFACE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "instance.h"

enum iface_mode {
    IFACE_NONE,
    IFACE_NATIVE,  /* XDP in the driver */
    IFACE_GENERIC, /* XDP in the stack */
    IFACE_TC,      /* TC ingress */
    IFACE_AUTO,    /* only to ask for: native, or else TC */
};

#define IFACE_WHY 128

/* An interface that holds programs of an instance, and what was seen when both ways were looked
 * at. */
struct iface {
    char name[16];
    unsigned index;
    enum iface_mode mode; /* IFACE_NONE: none on the way in, or what a killed command left */
    bool idle;            /* what a killed command left: nothing is steered and nobody waits */
    bool up;
    char way_in[IFACE_WHY], way_back[IFACE_WHY]; /* "" if packets reach it, else why they don't */
};

/* Do packets reach the programs of both ways? */
bool iface_trusted(const struct iface *iface);

/* "native", "generic", "tc", "auto". */
const char *iface_mode_name(enum iface_mode mode);
int iface_mode_parse(const char *text, enum iface_mode *mode, struct error *err);

/* Returns 0, or -ENODEV with *err set if there is no interface of this name. */
int iface_exists(const char *name, struct error *err);

/* Attaches to an interface by name, replacing what this instance has there in another mode. *mode
 * becomes the mode in force, *changed tells whether anything was done, mended included, and `why`
 * (256 bytes) why AUTO did not take native, else "". Returns 0 when both ways were looked at and
 * packets reach the programs, or -errno with *err saying what is in the way: an interface that was
 * not attached isn't then either. */
int iface_attach(const struct instance *instance, const char *name, enum iface_mode *mode,
                 bool *changed, char *why, struct error *err);

/* Detaches from an interface by name. Returns 0, or -errno with *err set. */
int iface_detach(const struct instance *instance, const char *name, struct error *err);

/* Finds the interfaces of this network namespace that hold programs of the instance, half of them
 * or all, and looks at both ways of each. Returns how many (the list is malloc'ed, the caller's to
 * free), or -errno with *err set. */
int iface_list(const struct instance *instance, struct iface **list, struct error *err);

/* Is this one of the host's addresses, here? */
bool iface_is_local(const struct fs_endpoint *at);

#endif
