/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets as few numbers, and through the data path as frames. */
#ifndef FLOWSPLIT_ATTACKS_WIRE_H
#define FLOWSPLIT_ATTACKS_WIRE_H

#include "data_path.h"

/* TCP or UDP. */
struct packet {
    struct end from, to;
    uint32_t seq, ack; /* TCP */
    uint16_t payload;  /* bytes */
    uint8_t proto;
    uint8_t flags; /* TCP */
};

bool same_end(const struct end *a, const struct end *b);

/* How much of the sequence space it takes. */
uint32_t packet_length(const struct packet *packet);

/* "SYN|ACK 10.0.0.1:80 > 192.0.2.10:1025 seq 1 ack 2, 0 bytes"; valid until the fourth call
 * after. */
const char *packet_text(const struct packet *packet);

/* Opens the interfaces. */
void wire_open(void);

/* Where a packet meets the data path. */
enum place {
    FROM_CLIENTS,  /* in by the interface of the clients */
    FROM_BACKENDS, /* in by that of the remote backends */
    OUT_TO_CLIENTS_FROM_HERE,
    OUT_TO_CLIENTS_FROM_BACKENDS, /* forwarded by the stack */
    OUT_TO_CLIENTS_FROM_CLIENTS,
    OUT_TO_BACKENDS,
};

/* Runs a packet through the data path; `xdp` says by which program where there are two. `out` gets
 * what it has become: no family where that isn't a packet whose checksums are right. */
enum verdict wire_run(enum place place, bool xdp, const struct packet *in, struct packet *out);

/* The same for any frame that clients send; nobody asks what becomes of it. */
void wire_frame(bool xdp, const struct frame *in);

#endif
