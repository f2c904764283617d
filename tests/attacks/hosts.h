/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the ends know: the connections that clients have, and those that backends have. */
#ifndef FLOWSPLIT_ATTACKS_HOSTS_H
#define FLOWSPLIT_ATTACKS_HOSTS_H

#include "services.h"
#include "tcp.h"

/* --- clients. The odd ones speak IPv6; of both some come by XDP, the others by TC. */

enum { CLIENTS = 48, CLIENT_TCP = 4, CLIENT_FLOWS = 6, FLOWS_MAX = CLIENTS * CLIENT_FLOWS };

enum life {
    NONE,
    OPENING,
    LIVE,   /* promises hold */
    ENDING, /* an end has ended it, or it broke */
};

/* A client's connection, or its UDP socket. */
struct conn {
    enum life life;
    unsigned number;    /* how many there have been in its place: which one it is */
    unsigned service;   /* or that of the backend it talks to */
    bool direct, clean; /* `clean`: the last one has come to its end properly */
    bool sleeps;        /* hardly ever says anything by itself */
    bool asked;         /* UDP: the backend has got something of it */
    int backend;        /* it is with; -1: not known yet */
    unsigned tries;     /* since anything came back */
    struct end at, to;  /* to: the VIP, or the backend's own address */
    struct tcp tcp;
};

extern struct conn conns[FLOWS_MAX];

unsigned conn_client(const struct conn *conn);
uint8_t conn_proto(const struct conn *conn);

/* The client that has an address, or -1: nobody does. */
int client_at(const struct end *at);
bool client_by_xdp(const struct end *at);

/* A client that drops what belongs to no connection, as firewalls do. */
bool client_is_silent(unsigned client);

/* A port of the client's that has not been in use. */
uint16_t client_port(unsigned client);

/* Whose end this is on the client's side; towards `to`, or if NULL any. Or NULL. */
struct conn *conn_at(const struct end *at, const struct end *to, uint8_t proto);

/* --- backends */

/* A backend's end of a connection. */
struct link {
    bool used;
    unsigned backend;
    struct end client;
    struct conn *conn; /* which began it, as it was then; NULL: somebody else */
    unsigned number;
    struct tcp tcp;
    struct link *next;
};

struct link *link_find(unsigned backend, const struct end *client);
struct link *link_make(unsigned backend, const struct end *client);
void link_drop(struct link *link);

/* The client's end of it, if that is still there and has no other backend; or NULL. */
struct conn *link_conn(const struct link *link);

/* The backend's end of a connection, or NULL. */
struct link *conn_link(const struct conn *conn);

/* Nobody knows anything. */
void hosts_begin(void);

#endif
