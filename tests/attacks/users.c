// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What clients and backends do that mean well. */
#include "users.h"

#include <netinet/in.h>

#include "chance.h"
#include "promise.h"
#include "traffic.h"

/* Packets that a client sends in vain before it gives up. */
#define PATIENCE  60 /* in a live connection */
#define OTHERWISE 8

static void new_target(struct conn *conn)
{
    unsigned v6 = conn_client(conn) % 2;

    if (conn_proto(conn) == IPPROTO_TCP)
        conn->service = v6 + 2 * chance_below(2);
    else
        conn->service = v6 ? 5 : 4 + 2 * chance_below(2);
    conn->direct = services_declared[conn->service].follow && chance_in(4);
    conn->backend = (int)(conn->service * SERVICE_BACKENDS + chance_below(SERVICE_BACKENDS));
    conn->to = conn->direct ? backends[conn->backend].at : services_declared[conn->service].vip;
}

static struct packet of_client(const struct conn *conn)
{
    return (struct packet){.from = conn->at, .to = conn->to, .proto = conn_proto(conn)};
}

/* A port may be used again, for the same or, after an end in peace, for anything. */
static void begin(struct conn *conn)
{
    struct packet out;
    bool again = conn->number && conn_proto(conn) == IPPROTO_TCP && chance_in(2);

    if (!again)
        conn->at.port = client_port(conn_client(conn));
    if (!again || conn->clean)
        new_target(conn);
    if (!conn->direct)
        conn->backend = -1;
    conn->number++;
    conn->tries = 0;
    conn->clean = false;
    conn->sleeps = chance_in(6);
    conn->life = OPENING;
    out = of_client(conn);
    tcp_connect(&conn->tcp, &out);
    client_sends(conn, &out);
}

static void client_speaks(struct conn *conn, uint16_t bytes)
{
    struct packet out = of_client(conn);

    conn->tries++;
    tcp_speak(&conn->tcp, bytes, &out);
    client_sends(conn, &out);
}

static void backend_speaks(struct conn *conn, uint16_t bytes)
{
    struct link *link = conn_link(conn), then;
    struct packet out;

    if (!link)
        return;
    out = (struct packet){.from = backends[conn->backend].at, .to = conn->at, .proto = IPPROTO_TCP};
    tcp_speak(&link->tcp, bytes, &out);
    then = *link;
    backend_sends((unsigned)conn->backend, conn, &out);
    backend_ends(conn, &then);
}

static void client_aborts(struct conn *conn)
{
    struct packet out = of_client(conn);

    tcp_abort(&conn->tcp, &out);
    client_sends(conn, &out);
    conn->life = NONE;
}

static void backend_aborts(struct conn *conn)
{
    struct link *link = conn_link(conn);
    struct packet out;

    if (!link || link->tcp.state != ESTABLISHED)
        return;
    out = (struct packet){.from = backends[conn->backend].at, .to = conn->at, .proto = IPPROTO_TCP};
    tcp_abort(&link->tcp, &out);
    link_drop(link);
    conn->life = ENDING;
    backend_sends((unsigned)conn->backend, NULL, &out);
}

static uint16_t some_bytes(void)
{
    return (uint16_t)(1 + chance_below(chance_in(8) ? 1400 : 100));
}

static void live(struct conn *conn)
{
    const struct link *link = conn_link(conn);
    unsigned what = chance_below(1000);

    if (conn->sleeps && link && link->tcp.state == ESTABLISHED && !chance_in(300))
        return;
    if (what < 8)
        client_speaks(conn, 0);
    else if (what < 16)
        backend_speaks(conn, 0);
    else if (what < 19)
        client_aborts(conn);
    else if (what < 22)
        backend_aborts(conn);
    else if (what < 25) /* the client's power is cut */
        conn->life = NONE;
    else if (what < 600)
        client_speaks(conn, some_bytes());
    else
        backend_speaks(conn, some_bytes());
}

static void no_answer(const struct conn *conn)
{
    char at[END_TEXT], to[END_TEXT];

    promise_broken(CONNECTIONS_GO_ON, "%s > %s, with %s, gets no answer", end_text(&conn->at, at),
                   end_text(&conn->to, to), backend_text(conn->backend));
}

static void tcp_user(struct conn *conn)
{
    unsigned patience = conn->life == LIVE ? PATIENCE : OTHERWISE;

    if (conn->life == NONE) {
        begin(conn);
        return;
    }
    if (conn->tries > patience) {
        if (conn->life == LIVE)
            no_answer(conn);
        conn->life = NONE;
    } else if (conn->life == LIVE) {
        live(conn);
    } else {
        client_speaks(conn, 0);
    }
}

static void udp_user(struct conn *conn)
{
    struct packet out;

    if (conn->life == NONE || chance_in(500)) {
        conn->at.port = client_port(conn_client(conn));
        new_target(conn);
        if (!conn->direct)
            conn->backend = -1;
        conn->number++;
        conn->asked = false;
        conn->life = LIVE;
    }
    out = of_client(conn);
    out.payload = (uint16_t)chance_below(100);
    if (!conn->asked || chance_in(2)) {
        client_sends(conn, &out);
    } else if (conn->direct || services_declared[conn->service].follow) {
        out.from = backends[conn->backend].at; /* an answer that has taken its time */
        out.to = conn->at;
        backend_sends((unsigned)conn->backend, conn, &out);
    }
}

void users_do(struct conn *conn)
{
    if (conn_proto(conn) == IPPROTO_TCP)
        tcp_user(conn);
    else
        udp_user(conn);
}

void users_exchange(struct conn *conn)
{
    unsigned number = conn->number;
    bool done = false;

    if (conn->life != LIVE || conn_proto(conn) != IPPROTO_TCP)
        return;
    traffic_reliable = true;
    for (int i = 0; i < 4 && !done && conn->life == LIVE; i++) {
        conn->tries = 0;
        client_speaks(conn, 10);
        if (conn->life == LIVE && conn->number == number)
            backend_speaks(conn, 10);
        done = !conn->tries && tcp_is_idle(&conn->tcp);
    }
    traffic_reliable = false;
    if (!done && conn->life == LIVE)
        no_answer(conn);
}

void users_forget_handshakes(unsigned service)
{
    for (int i = 0; i < FLOWS_MAX; i++)
        if (conns[i].life == OPENING && conns[i].service == service)
            conns[i].life = NONE;
}
