/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ways of packets between clients and backends, through the data path; what each end makes of
 * them; and what must become of those of live flows. */
#ifndef FLOWSPLIT_ATTACKS_TRAFFIC_H
#define FLOWSPLIT_ATTACKS_TRAFFIC_H

#include "hosts.h"

/* Nothing is under way. */
void traffic_reset(void);

/* Between the clients and this host packets get lost, repeated and reordered, unless this is set.
 */
extern bool traffic_reliable;

/* A packet that a client sends; `conn` is what it belongs to, or NULL. */
void client_sends(struct conn *conn, struct packet *packet);

/* One that `backend` sends, or somebody who has its place; `conn` is the flow whose packet it
 * is, or NULL. */
void backend_sends(unsigned backend, struct conn *conn, const struct packet *packet);

/* After the backend's end has said something: with both FINs, and the client's acknowledged,
 * nothing is promised any more. */
void backend_ends(struct conn *conn, const struct link *link);

/* Anybody's packet, as it comes in from the clients' side. */
void anybody_sends(bool xdp, const struct packet *packet);

/* Something that was under way arrives. */
void traffic_arrives(void);

#endif
