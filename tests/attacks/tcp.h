/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One end of a TCP connection, as RFC 9293 and RFC 5961 have it, but simple: it has one segment
 * under way at a time and takes nothing that is out of order. */
#ifndef FLOWSPLIT_ATTACKS_TCP_H
#define FLOWSPLIT_ATTACKS_TCP_H

#include "wire.h"

enum tcp_state { ENDED, SYN_SENT, SYN_RECEIVED, ESTABLISHED };

struct tcp {
    enum tcp_state state;
    uint32_t una, nxt; /* what isn't acknowledged yet, and what is sent next */
    uint32_t rcv;      /* what is expected */
    uint16_t sent;     /* bytes of data that are under way */
    bool fin_sent, fin_received;
};

/* Initial numbers are this much higher. Another one for each run, and none takes what tables still
 * hold of an earlier one for its own. */
extern uint32_t tcp_first;

/* These give `out` its flags, numbers and length, and leave its ends alone. Those that return a
 * bool say whether there is anything to send. */

void tcp_connect(struct tcp *tcp, struct packet *out);

/* A packet for a port that listens, and no connection: begins one if it is a SYN. */
bool tcp_listen(struct tcp *tcp, const struct packet *in, struct packet *out);

/* A packet for nothing that is there: RFC 9293, 3.10.7.1. */
bool tcp_refuse(const struct packet *in, struct packet *out);

/* A packet for this connection. New data is acknowledged with `answer` bytes, if nothing else is
 * under way. */
bool tcp_receive(struct tcp *tcp, const struct packet *in, uint16_t answer, struct packet *out);

/* Sends again what isn't acknowledged; else so much data, or a FIN for none; else a keepalive. */
void tcp_speak(struct tcp *tcp, uint16_t bytes, struct packet *out);

/* Nothing is under way. */
bool tcp_is_idle(const struct tcp *tcp);

/* The RST that ends it. */
void tcp_abort(struct tcp *tcp, struct packet *out);

#endif
