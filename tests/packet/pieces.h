/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cuts whole frames into fragments, as a router or a sender does (RFC 791, RFC 8200). */
#ifndef FLOWSPLIT_PIECES_H
#define FLOWSPLIT_PIECES_H

#include <stdint.h>

#include "frame.h"

/* What of a packet's transport header and payload is in a fragment. */
struct piece {
    unsigned at, bytes; /* `bytes` 0: all the rest */
    uint32_t id;
};

/* Builds the fragment, with an IPv4 header checksum of its own; IPv6 gets its fragment header
 * behind all others. */
void piece_cut(const struct frame *whole, const struct piece *piece, struct frame *fragment);

#endif
