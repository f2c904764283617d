/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet meets, one after the other, in one direction of an interface. */
#ifndef FLOWSPLIT_CHAIN_H
#define FLOWSPLIT_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#define CHAIN_MAX     128
#define CHAIN_MAX_TCX 64 /* as many as the kernel allows there */

/* One of them. */
struct chain_item {
    uint32_t program;  /* its id; 0 is a filter that is no program */
    uint32_t link;     /* its id; 0: by none */
    uint32_t priority; /* 0: in tcx, in front of all that have one */
    uint32_t handle;
    char kind[16]; /* "tcx", or the filter's */
};

/* In the order in which packets meet them; those beyond CHAIN_MAX are left out. */
struct chain {
    struct chain_item items[CHAIN_MAX];
    unsigned count;
};

#endif
