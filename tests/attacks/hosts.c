// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the ends know. */
#include "hosts.h"

#include <netinet/in.h>
#include <string.h>

#define LINKS  8192
#define CHAINS 4096

struct conn conns[FLOWS_MAX];

static uint16_t ports[CLIENTS];
static struct link links[LINKS], *chains[CHAINS];
static unsigned hand;

/* 100.64.7.1 and so on; an address's last byte is the client's number plus one. */
static struct end client_end(unsigned client)
{
    static const uint8_t v4[16] = {100, 64, 7, 0}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0f};
    struct end end = {.family = client % 2 ? 6 : 4};

    memcpy(end.addr, client % 2 ? v6 : v4, 16);
    end.addr[client % 2 ? 15 : 3] = (uint8_t)(client + 1);
    return end;
}

unsigned conn_client(const struct conn *conn)
{
    return (unsigned)(conn - conns) / CLIENT_FLOWS;
}

uint8_t conn_proto(const struct conn *conn)
{
    return (conn - conns) % CLIENT_FLOWS < CLIENT_TCP ? IPPROTO_TCP : IPPROTO_UDP;
}

int client_at(const struct end *at)
{
    unsigned client = at->addr[at->family == 4 ? 3 : 15] - 1u;
    struct end end;

    if (client >= CLIENTS)
        return -1;
    end = client_end(client);
    return end.family == at->family && !memcmp(end.addr, at->addr, 16) ? (int)client : -1;
}

bool client_by_xdp(const struct end *at)
{
    return at->addr[at->family == 4 ? 3 : 15] / 2 % 2;
}

bool client_is_silent(unsigned client)
{
    return client / 4 % 4 == 0;
}

uint16_t client_port(unsigned client)
{
    ports[client] = ports[client] < 20000 ? 20000 : (uint16_t)(ports[client] + 1);
    return ports[client];
}

struct conn *conn_at(const struct end *at, const struct end *to, uint8_t proto)
{
    int client = client_at(at);

    for (int i = 0; client >= 0 && i < CLIENT_FLOWS; i++) {
        struct conn *conn = &conns[client * CLIENT_FLOWS + i];

        if (conn->life != NONE && conn_proto(conn) == proto && conn->at.port == at->port &&
            (!to || same_end(&conn->to, to)))
            return conn;
    }
    return NULL;
}

static struct link **chain_of(unsigned backend, const struct end *client)
{
    uint32_t hash = backend * 40503u + client->port;

    for (int i = 0; i < 16; i++)
        hash = hash * 31 + client->addr[i];
    return &chains[hash * 0x9e3779b1u >> 20];
}

struct link *link_find(unsigned backend, const struct end *client)
{
    struct link *link = *chain_of(backend, client);

    while (link && (link->backend != backend || !same_end(&link->client, client)))
        link = link->next;
    return link;
}

struct conn *link_conn(const struct link *link)
{
    struct conn *conn = link->conn;

    if (!conn || conn->life == NONE || conn->number != link->number)
        return NULL;
    return conn->life == OPENING || conn->backend == (int)link->backend ? conn : NULL;
}

struct link *conn_link(const struct conn *conn)
{
    struct link *link = conn->backend < 0 ? NULL : link_find((unsigned)conn->backend, &conn->at);

    return link && link_conn(link) == conn ? link : NULL;
}

void link_drop(struct link *link)
{
    struct link **at = chain_of(link->backend, &link->client);

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->used = false;
}

/* The next place that nobody needs: floods push out only their like. */
static struct link *take_place(void)
{
    struct link *link;

    do
        link = &links[hand++ % LINKS];
    while (link->used && link_conn(link));
    if (link->used)
        link_drop(link);
    return link;
}

struct link *link_make(unsigned backend, const struct end *client)
{
    struct link *link = take_place(), **chain = chain_of(backend, client);

    *link = (struct link){.used = true, .backend = backend, .client = *client, .next = *chain};
    *chain = link;
    return link;
}

void hosts_begin(void)
{
    memset(conns, 0, sizeof(conns));
    memset(links, 0, sizeof(links));
    memset(chains, 0, sizeof(chains));
    memset(ports, 0, sizeof(ports));
    hand = 0;
    for (unsigned i = 0; i < FLOWS_MAX; i++)
        conns[i].at = client_end(i / CLIENT_FLOWS);
}
