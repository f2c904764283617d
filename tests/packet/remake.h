/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes of a frame what the model says, with every checksum that knows of it. */
#ifndef FLOWSPLIT_REMAKE_H
#define FLOWSPLIT_REMAKE_H

#include "model.h"

/* The frame in the making; at first a copy of at->in. */
extern struct frame made;

/* The big-endian word at this offset. */
unsigned made_word(size_t at);

/* A checksum in it, and the one that covers that in turn. */
struct sum {
    size_t at; /* 0: none */
    bool udp;
    const struct sum *outer;
};

/* Puts an address into the source or destination of a packet or the one that it quotes. */
void set_addr(const struct model_case *at, const struct packet_parts *parts, bool source,
              const struct end *to, const struct sum *outer);

/* Puts an endpoint into the packet. */
void set_end(const struct model_case *at, bool source, const struct end *to);

/* Puts one into the packet that an error quotes, and if `too`, its address into the opposite end of
 * the error itself. */
void set_quoted(const struct model_case *at, bool source, const struct end *to, bool too);

/* Sends the frame on to `to`, if this host may: by what is in it, and where it came in. Returns the
 * verdict, or ANYTHING_ELSE if there is no way. */
enum verdict send_on(const struct model_case *at, const struct end *to);

#endif
