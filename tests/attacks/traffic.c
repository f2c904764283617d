// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ways of packets, and what must become of them. */
#include "traffic.h"

#include <netinet/in.h>
#include <string.h>

#include "chance.h"
#include "promise.h"
#include "records.h"

#define PARCELS 64
#define SPEED   24 /* packets that follow from one at once: hosts limit how often they challenge */

/* A packet between clients and this host. */
struct parcel {
    bool any, to_client;
    int origin;        /* to a client: the backend that has sent it, or -1 */
    struct conn *conn; /* to this host: the flow whose packet it is, as it was then; or NULL */
    unsigned number;
    struct packet packet;
};

bool traffic_reliable;

static struct parcel parcels[PARCELS];

static void client_receives(const struct packet *in, int origin);
static void host_receives(const struct packet *in, struct conn *conn);

void traffic_reset(void)
{
    memset(parcels, 0, sizeof(parcels));
    traffic_reliable = false;
}

/* --- between the clients and this host */

static void arrive(const struct parcel *parcel)
{
    struct conn *conn = parcel->conn;
    static unsigned following;

    if (following > SPEED)
        return;
    following++;
    if (parcel->to_client)
        client_receives(&parcel->packet, parcel->origin);
    else
        host_receives(&parcel->packet, conn && conn->number == parcel->number ? conn : NULL);
    following--;
}

/* A RST isn't kept back: when it arrived, what its forger has guessed might have become right. */
static void deliver(struct parcel parcel)
{
    unsigned luck = traffic_reliable ? 100 : chance_below(100);

    parcel.any = true;
    if (luck < 3)
        return;
    if (luck < 12 && !(parcel.packet.flags & RST))
        parcels[chance_below(PARCELS)] = parcel;
    if (luck >= 8)
        arrive(&parcel);
}

void traffic_arrives(void)
{
    struct parcel *parcel = &parcels[chance_below(PARCELS)], now = *parcel;

    parcel->any = false;
    if (now.any)
        arrive(&now);
}

void client_sends(struct conn *conn, struct packet *packet)
{
    deliver((struct parcel){.conn = conn, .number = conn ? conn->number : 0, .packet = *packet});
}

/* --- what is promised */

static bool same_but_ends(const struct packet *a, const struct packet *b)
{
    return a->seq == b->seq && a->ack == b->ack && a->flags == b->flags && a->payload == b->payload;
}

/* Is it known to which backend this packet must go? While the backend awaits the end of the
 * handshake, a forged one makes it say that it knows of none, and the other owner is asked. */
static bool goes_to_one(const struct conn *conn, const struct packet *packet)
{
    const struct link *link = conn_link(conn);

    if (conn->direct)
        return true;
    return conn->life == LIVE && conn->backend >= 0 && !(packet->flags & SYN) &&
           services_declared[conn->service].follow && !(link && link->tcp.state == SYN_RECEIVED);
}

static void check_forth(struct conn *conn, const struct packet *in, const struct packet *out,
                        int backend)
{
    bool right;

    if (conn->life != OPENING && conn->life != LIVE)
        return;
    right = goes_to_one(conn, in) ? backend == conn->backend
                                  : backend >= 0 && backends[backend].service == conn->service;
    if (right && same_end(&in->from, &out->from) && same_but_ends(in, out))
        return;
    promise_broken(PACKETS_ARRIVE, "%s of a flow that is with %s became %s", packet_text(in),
                   backend_text(conn->backend), packet_text(out));
    conn->life = ENDING;
}

static void check_back(struct conn *conn, const struct packet *in, const struct packet *out)
{
    if (conn->life != OPENING && conn->life != LIVE)
        return;
    if (same_end(&out->from, &conn->to) && same_end(&in->to, &out->to) && same_but_ends(in, out))
        return;
    promise_broken(ANSWERS_ARRIVE, "%s, an answer to a client that asked %s, became %s",
                   packet_text(in), conn->direct ? "its own address" : "the VIP", packet_text(out));
    conn->life = ENDING;
}

/* --- to backends */

static void backend_takes(unsigned backend, struct conn *conn, const struct packet *in)
{
    struct packet out = {.from = backends[backend].at, .to = in->from, .proto = IPPROTO_UDP};

    if (conn) {
        conn->asked = true;
        conn->backend = conn->backend < 0 ? (int)backend : conn->backend;
    }
    out.payload = (uint16_t)(1 + chance_below(50));
    if (!chance_in(4))
        backend_sends(backend, conn, &out);
}

/* A segment for no connection. */
static bool backend_accepts(unsigned backend, struct conn *conn, const struct packet *in,
                            struct packet *out)
{
    struct tcp tcp = {0};
    struct link *link;
    bool send = tcp_listen(&tcp, in, out);

    if (!tcp.state)
        return send && !backends[backend].silent;
    link = link_make(backend, &in->from);
    link->tcp = tcp;
    if (conn && conn->life == OPENING) {
        link->conn = conn;
        link->number = conn->number;
    }
    return true;
}

static bool backend_goes_on(struct link *link, const struct packet *in, struct packet *out)
{
    bool opening = link->tcp.state == SYN_RECEIVED;
    uint16_t answer = (uint16_t)(chance_in(2) ? 1 + chance_below(1000) : 0);
    bool send = tcp_receive(&link->tcp, in, answer, out);

    if (opening && link->tcp.state == ESTABLISHED)
        records_confirm(&in->from);
    return send;
}

void backend_ends(struct conn *conn, const struct link *link)
{
    if (conn->life == LIVE && link->tcp.fin_sent && link->tcp.fin_received)
        conn->life = ENDING;
}

static void backend_receives(unsigned backend, struct conn *conn, const struct packet *in)
{
    struct packet out = {.from = backends[backend].at, .to = in->from, .proto = IPPROTO_TCP};
    struct link *link = link_find(backend, &in->from);
    bool send = link ? backend_goes_on(link, in, &out) : backend_accepts(backend, conn, in, &out);
    struct link then = {0};

    link = link ? link : link_find(backend, &in->from);
    conn = link ? link_conn(link) : NULL;
    if (link)
        then = *link;
    if (link && !link->tcp.state)
        link_drop(link);
    if (send)
        backend_sends(backend, out.flags & RST ? NULL : conn, &out);
    if (conn)
        backend_ends(conn, &then);
}

/* What comes in from the clients' side, for a backend in the end. Returns which, or -1. */
static int come_in(bool xdp, const struct packet *in, struct packet *out)
{
    enum verdict verdict = wire_run(FROM_CLIENTS, xdp, in, out);
    int backend = verdict == DROP ? -1 : backend_of(&out->to, out->proto);
    struct packet before = *out;

    if (backend < 0 || !backends[backend].remote || verdict != PASS)
        return backend;
    wire_run(OUT_TO_BACKENDS, xdp, &before, out);
    return backend_of(&out->to, out->proto);
}

static void host_receives(const struct packet *in, struct conn *conn)
{
    struct packet out;
    int backend = come_in(client_by_xdp(&in->from), in, &out);

    if (conn)
        check_forth(conn, in, &out, backend);
    if (backend < 0 || !out.from.family)
        return;
    if (in->proto == IPPROTO_TCP)
        backend_receives((unsigned)backend, conn, &out);
    else
        backend_takes((unsigned)backend, conn, &out);
}

/* In a backend's name. */
static void anybody_answers(bool xdp, int backend, const struct packet *in)
{
    struct packet out, then;
    enum verdict verdict = wire_run(FROM_CLIENTS, xdp, in, &out);
    bool same = same_end(&out.from, &in->from) && same_end(&out.to, &in->to);

    if (!backends[backend].remote) {
        if (verdict != PASS || !same || !same_but_ends(in, &out))
            promise_broken(OUTSIDE_IS_NO_REPLY, "%s became %s", packet_text(in), packet_text(&out));
        return;
    }
    if (verdict == DROP)
        return;
    if (verdict == PASS) {
        then = out;
        wire_run(OUT_TO_CLIENTS_FROM_CLIENTS, xdp, &then, &out);
    }
    client_receives(&out, -1);
}

void anybody_sends(bool xdp, const struct packet *in)
{
    int backend = backend_of(&in->from, in->proto);
    struct packet out;

    if (backend >= 0) {
        anybody_answers(xdp, backend, in);
        return;
    }
    backend = come_in(xdp, in, &out);
    if (backend < 0 || !out.from.family)
        return;
    if (in->proto == IPPROTO_TCP)
        backend_receives((unsigned)backend, NULL, &out);
    else
        backend_takes((unsigned)backend, NULL, &out);
}

/* --- to clients */

void backend_sends(unsigned backend, struct conn *conn, const struct packet *packet)
{
    bool xdp = client_by_xdp(&packet->to);
    struct packet out, before;

    if (!backends[backend].remote) {
        wire_run(OUT_TO_CLIENTS_FROM_HERE, xdp, packet, &out);
    } else if (wire_run(FROM_BACKENDS, xdp, packet, &out) == PASS) {
        before = out;
        wire_run(OUT_TO_CLIENTS_FROM_BACKENDS, xdp, &before, &out);
    }
    if (conn)
        check_back(conn, packet, &out);
    if (packet->proto == IPPROTO_TCP && !(packet->flags & (SYN | RST)))
        records_confirm(&packet->to);
    if (out.from.family && client_at(&out.to) >= 0)
        deliver((struct parcel){.to_client = true, .origin = (int)backend, .packet = out});
}

static void conn_hears(struct conn *conn, enum tcp_state was, int origin)
{
    conn->tries = 0;
    if (conn->life == OPENING && was == SYN_SENT && conn->tcp.state == ESTABLISHED) {
        conn->life = LIVE;
        conn->backend = origin;
    }
    if (conn->tcp.state)
        return;
    conn->clean = conn->tcp.fin_sent && conn->tcp.fin_received;
    if (conn->life == LIVE && !conn->clean)
        promise_broken(CONNECTIONS_GO_ON, "the flow with %s was reset",
                       backend_text(conn->backend));
    conn->life = NONE;
}

static void client_receives(const struct packet *in, int origin)
{
    struct packet out = {.from = in->to, .to = in->from, .proto = in->proto};
    struct conn *conn = conn_at(&in->to, &in->from, in->proto);
    int client = client_at(&in->to);
    enum tcp_state was;
    bool send;

    if (client < 0 || in->proto != IPPROTO_TCP) {
        if (conn)
            conn->tries = 0;
        return;
    }
    if (conn && conn->tcp.state) {
        was = conn->tcp.state;
        send = tcp_receive(&conn->tcp, in, 0, &out);
        conn_hears(conn, was, origin);
    } else {
        conn = NULL;
        send = !client_is_silent((unsigned)client) && tcp_refuse(in, &out);
    }
    if (send)
        client_sends(conn, &out);
}
