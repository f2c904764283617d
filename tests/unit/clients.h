/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients with TCP connections through the data path's text, each of which must stay with the
 * backend that answered it first. What steers, and when it changes, is the including test's. */
#ifndef FLOWSPLIT_UNIT_CLIENTS_H
#define FLOWSPLIT_UNIT_CLIENTS_H

#include "datapath.h"
#include "random.h"
#include "unit.h"

#define CLIENTS_MAX 64
#define ASKED_MAX   6
#define NEVER       UINT64_MAX

/* A backend that got a SYN, and when it will answer. */
struct asked {
    uint32_t id;
    uint32_t seq;        /* of its answer */
    uint64_t answers_at; /* NEVER: it has */
};

enum client_state { CLIENT_AWAY, CLIENT_ASKING, CLIENT_OPEN };

struct client {
    __be32 addr[4];
    __be16 port_be;
    enum client_state state;
    uint32_t backend; /* id; while open */
    uint32_t syn_seq; /* sequence number of its SYN */
    uint32_t seq;     /* of its next packet */
    uint32_t ack;     /* of the backend's next packet; while open */
    uint64_t next;    /* tick of what it does next */
    uint64_t asking_since;
    struct asked asked[ASKED_MAX];
    uint32_t asked_count;
    bool client_fin, backend_fin;
};

/* All clients of the one service with number 0. */
struct clients {
    struct client list[CLIENTS_MAX];
    uint32_t count;
    struct rng rng;
    uint64_t seed;  /* named when something fails */
    uint32_t drain; /* ticks; no open connection is silent for as long */
    bool closing;   /* who ends stays away */
    bool only_live; /* nobody ends */
    uint64_t packets, connections;
};

#define clients_fail(clients, client, format, ...)                                             \
    fail_msg("seed %llu, tick %llu, client %td: " format, (unsigned long long)(clients)->seed, \
             (unsigned long long)clock_tick, (client) - (clients)->list, __VA_ARGS__)

static inline struct flow_ref client_ref(const struct client *client, struct fs_flow_key *key)
{
    fs_ref dir = directory_now();
    struct flow_ref ref;

    flow_ref_init(&ref, key, dir, 0, client->addr, client->port_be, service_at(dir, 0)->vip.family,
                  IPPROTO_TCP);
    return ref;
}

/* A packet from the client, as choose_backend() in bpf/steer.bpf.h: the number of the backend. */
static inline uint32_t client_send(struct clients *clients, struct client *client, uint8_t flags)
{
    struct fs_flow_key key;
    struct flow_ref ref = client_ref(client, &key);

    clients->packets++;
    if (!ref.unsettled)
        return ref.current;
    if (flags == TCP_SYN)
        return flow_begin(&ref);
    ref.tcp_flags = flags;
    ref.client_seq = client->seq;
    ref.backend_seq = client->ack;
    ref.end = client->seq + !!(flags & TCP_FIN);
    return flow_continue(&ref);
}

/* A packet from a backend on this host with the number `seq`, as reply_note() there. */
static inline void client_hear(struct client *client, uint32_t id, uint8_t flags, uint32_t seq)
{
    struct fs_flow_key key;
    struct flow_ref ref = client_ref(client, &key);

    ref.tcp_flags = flags;
    ref.client_seq = flags & TCP_SYN ? client->syn_seq + 1 : client->seq;
    ref.backend_seq = seq;
    if (flags & TCP_SYN)
        flow_note_answer(&ref, id & FS_SLOT_BACKEND, false);
    else
        flow_note_tcp(&ref, id, true, false);
}

/* The client sends, and its backend acknowledges it. */
static inline void client_talk(struct clients *clients, struct client *client, uint8_t flags)
{
    uint32_t number = client_send(clients, client, flags);
    const struct fs_backend *backend;

    if (number == FS_NO_BACKEND)
        clients_fail(clients, client, "no backend for flags %#x of a live flow", flags);
    backend = backend_at(directory_now(), number);
    if (backend->id != client->backend)
        clients_fail(clients, client, "a packet with flags %#x of a flow with %#x went to %#x",
                     flags, client->backend, backend->id);
    client->seq += !!(flags & TCP_FIN);
    if (!(flags & TCP_RST))
        client_hear(client, client->backend, TCP_ACK, client->ack);
}

/* Up to `max` ticks, mostly few. */
static inline uint64_t clients_pause(struct clients *clients, uint32_t max)
{
    switch (rng_below(&clients->rng, 4)) {
    case 0:
        return rng_below(&clients->rng, max);
    case 1:
        return max - 1;
    default:
        return rng_below(&clients->rng, 1 + max / 8);
    }
}

static inline void client_ask(struct clients *clients, struct client *client)
{
    struct fs_flow_key key;
    struct flow_ref ref = client_ref(client, &key);
    uint32_t number = client_send(clients, client, TCP_SYN), i;
    const struct fs_backend *backend = backend_at(ref.dir, number);

    if (number == FS_NO_BACKEND || number != ref.current)
        clients_fail(clients, client, "a SYN went to number %u, not the owner %u", number,
                     ref.current);
    for (i = 0; i < client->asked_count && client->asked[i].id != backend->id;)
        i++;
    if (i == client->asked_count && i < ASKED_MAX)
        client->asked[client->asked_count++] =
            (struct asked){backend->id, (uint32_t)rng_next(&clients->rng),
                           clock_tick + clients_pause(clients, clients->drain / 4)};
    client->next = clock_tick + 1 + clients_pause(clients, clients->drain / 4);
}

static inline void client_begin(struct clients *clients, struct client *client)
{
    client->state = CLIENT_ASKING;
    client->asked_count = 0;
    client->asking_since = clock_tick;
    client->syn_seq = client->seq = (uint32_t)rng_next(&clients->rng);
    client->client_fin = client->backend_fin = false;
    clients->connections++;
    client_ask(clients, client);
}

static inline void client_away(struct clients *clients, struct client *client)
{
    static const uint32_t pauses[] = {3, 100, 2000};

    client->state = CLIENT_AWAY;
    client->asked_count = 0;
    client->next = clients->closing
                       ? NEVER
                       : clock_tick + rng_below(&clients->rng, pauses[rng_below(&clients->rng, 3)]);
}

/* The first answer says which backend it is; the client ignores others. One of a backend that is no
 * longer on record never reaches it. */
static inline void client_answered(struct clients *clients, struct client *client,
                                   struct asked *asked)
{
    asked->answers_at = NEVER;
    if (!backend_by_id(directory_now(), asked->id)) {
        if (client->state == CLIENT_ASKING && client->next == NEVER)
            client_away(clients, client);
        return;
    }
    client_hear(client, asked->id, TCP_SYN | TCP_ACK, asked->seq);
    if (client->state != CLIENT_ASKING)
        return;
    client->state = CLIENT_OPEN;
    client->seq++;
    client->ack = asked->seq + 1;
    client->backend = asked->id;
    client->next = clock_tick + clients_pause(clients, clients->drain / 4);
}

/* One of the ways to end, or a step towards one. */
static inline void client_end(struct clients *clients, struct client *client)
{
    switch (rng_below(&clients->rng, 8)) {
    case 0:
        client_talk(clients, client, TCP_RST);
        client_away(clients, client);
        return;
    case 1:
        client_hear(client, client->backend, TCP_RST, client->ack);
        client_away(clients, client);
        return;
    case 2:
    case 3:
    case 4:
        client->backend_fin = true;
        client_hear(client, client->backend, TCP_FIN | TCP_ACK, client->ack);
        client->ack++;
        client_talk(clients, client, TCP_ACK);
        break;
    default:
        client->client_fin = true;
        client_talk(clients, client, TCP_FIN | TCP_ACK);
    }
    if (client->client_fin && client->backend_fin) {
        client_talk(clients, client, TCP_ACK);
        client_away(clients, client);
    }
}

static inline void client_act(struct clients *clients, struct client *client)
{
    if (client->state == CLIENT_AWAY) {
        client_begin(clients, client);
    } else if (client->state == CLIENT_ASKING) {
        if (clock_tick - client->asking_since > clients->drain / 3)
            client->next = NEVER; /* has asked enough; an answer is on its way */
        else
            client_ask(clients, client);
    } else {
        client->next = clock_tick + clients_pause(clients, clients->drain);
        client_talk(clients, client, TCP_ACK);
        client->seq += rng_below(&clients->rng, 3) ? rng_below(&clients->rng, 2000) : 1 << 30;
        client->ack += rng_below(&clients->rng, 2) * rng_below(&clients->rng, 2000);
        if (!clients->only_live && (clients->closing || rng_below(&clients->rng, 6) == 0))
            client_end(clients, client);
    }
}

/* What is to happen to a client next: *asked is the backend that answers, or NULL. */
static inline uint64_t client_next(struct client *client, struct asked **asked)
{
    uint64_t next = client->next;

    *asked = NULL;
    for (uint32_t i = 0; i < client->asked_count; i++)
        if (client->asked[i].answers_at <= next) {
            *asked = &client->asked[i];
            next = client->asked[i].answers_at;
        }
    if (next == NEVER)
        *asked = NULL;
    return next;
}

/* Lets time pass until `tick`; all packets in it are sent and checked. */
static inline void clients_run(struct clients *clients, uint64_t tick)
{
    for (;;) {
        struct client *first = NULL;
        struct asked *answer = NULL;
        uint64_t at = tick;

        for (uint32_t i = 0; i < clients->count; i++) {
            struct asked *asked;
            uint64_t next = client_next(&clients->list[i], &asked);

            if (next < at) {
                at = next;
                first = &clients->list[i];
                answer = asked;
            }
        }
        clock_tick = at;
        if (!first)
            return;
        if (answer)
            client_answered(clients, first, answer);
        else
            client_act(clients, first);
    }
}

/* Lets all that is open end, and nothing begin. */
static inline void clients_close(struct clients *clients)
{
    clients->closing = true;
    clients->only_live = false;
    for (uint32_t i = 0; i < clients->count; i++)
        if (clients->list[i].state == CLIENT_AWAY)
            clients->list[i].next = NEVER;
    clients_run(clients, clock_tick + 200 * (uint64_t)clients->drain);
    for (uint32_t i = 0; i < clients->count; i++)
        assert_int_equal(clients->list[i].state, CLIENT_AWAY);
}

/* Makes `count` clients, IPv4 or IPv6 as the VIP is, whose hashes fall in the first `buckets`. */
static inline void clients_init(struct clients *clients, uint64_t seed, uint32_t count,
                                uint32_t drain, uint32_t buckets)
{
    *clients = (struct clients){.count = count, .rng = {seed}, .seed = seed, .drain = drain};
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = &clients->list[i];
        const struct fs_service *service = service_at(directory_now(), 0);
        uint64_t hash;

        do {
            for (int word = 0; word < (service->vip.family == 4 ? 1 : 4); word++)
                client->addr[word] = (__be32)rng_next(&clients->rng);
            client->port_be = (__be16)rng_next(&clients->rng);
            hash = fs_hash_client(hash_key(), service->salt, client->addr, client->port_be,
                                  service->vip.family, service->affinity);
        } while (fs_hash_bucket(hash) >= buckets);
        client->next = clock_tick + rng_below(&clients->rng, 300);
    }
}

#endif
