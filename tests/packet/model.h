/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A model of the data path: what may become of a frame, worked out byte by byte from what the
 * documents say. It shares no code with bpf/. What depends on flows, it leaves open: which backend
 * of a service, and whether a reply is one to the VIP. */
#ifndef FLOWSPLIT_MODEL_H
#define FLOWSPLIT_MODEL_H

#include "data_path.h"
#include "dissect.h"

#define MODEL_BACKENDS 3

/* A service of the host's; a backend that no interface leads to is local. */
struct model_service {
    uint8_t proto;
    struct end vip, backends[MODEL_BACKENDS];
};

/* All that there are; the array stays the caller's. */
void model_begin(const struct model_service *services, size_t count);

/* A frame that came in by cl0, or leaves there, and is for this host if it came in. */
struct model_case {
    enum program program;
    bool for_host;
    const struct frame *in;
    struct packet_parts parts, quote; /* of it */
};

/* Is this a lawful fate of the frame? If not, notes one that would have been. `changed`: whether
 * anything had to be. */
bool model_allows(const struct model_case *at, enum verdict verdict, const struct frame *out,
                  bool *changed);

#endif
