/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes packets apart: the tests' own parser, to compare the data path's with. */
#ifndef FLOWSPLIT_DISSECT_H
#define FLOWSPLIT_DISSECT_H

#include "frame.h"

enum packet_kind {
    KIND_STRANGE,  /* not IP, or headers that don't fit */
    KIND_FRAGMENT, /* a later one: a first is what it is the first of */
    KIND_OTHER,    /* IP with another protocol, ICMP that is no error among them */
    KIND_TCP,
    KIND_UDP,
    KIND_ICMP_ERROR,
};

/* Offsets are into what was dissected. */
struct packet_parts {
    enum packet_kind kind;
    size_t ip_at, ip_end; /* by the header's length; may lie beyond what is there */
    size_t ip_header;     /* bytes of IPv4's header, 40 for IPv6 */
    size_t transport_at;
    bool first; /* of several fragments, so that its checksum is of all of them */
    uint8_t proto;
    struct end from, to; /* with ports for TCP and UDP */
};

/* A frame. */
void dissect(const uint8_t *data, size_t bytes, struct packet_parts *parts);

/* The packet that an ICMP error quotes: `quote` gets offsets into the frame, too. The transport
 * header may be cut off behind its eighth byte; less than that is KIND_STRANGE. */
void dissect_quote(const uint8_t *data, size_t bytes, const struct packet_parts *error,
                   struct packet_parts *quote);

#endif
