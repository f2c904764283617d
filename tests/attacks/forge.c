// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The attacker. */
#include "forge.h"

#include <netinet/in.h>
#include <string.h>

#include "chance.h"
#include "promise.h"
#include "traffic.h"

static uint32_t guess(uint32_t number)
{
    if (chance_in(2))
        return chance();
    return number + 1 + chance_below(1u << chance_below(20));
}

static uint8_t some_flags(void)
{
    static const uint8_t flags[] = {SYN, SYN,       SYN | ACK, SYN | ACK, ACK,       ACK, ACK | PSH,
                                    RST, RST | ACK, RST,       FIN | ACK, FIN | ACK, FIN};
    unsigned i = chance_below(sizeof(flags) + 2);

    return i < sizeof(flags) ? flags[i] : (uint8_t)chance();
}

static unsigned some_backend(const struct conn *victim)
{
    if (victim->backend >= 0 && chance_in(2))
        return (unsigned)victim->backend;
    return victim->service * SERVICE_BACKENDS + chance_below(SERVICE_BACKENDS);
}

/* Numbers that follow these, or any. */
static struct packet made_up(const struct conn *victim, uint32_t seq, uint32_t ack)
{
    struct packet packet = {.proto = conn_proto(victim),
                            .payload = (uint16_t)(chance_in(2) ? 0 : chance_below(200))};

    if (packet.proto == IPPROTO_TCP) {
        packet.flags = some_flags();
        packet.seq = guess(seq);
        packet.ack = guess(ack);
    }
    return packet;
}

/* As if the client had sent it. */
static struct packet of_client(const struct conn *victim, const struct end *to)
{
    struct packet packet = made_up(victim, victim->tcp.nxt, victim->tcp.rcv);

    packet.from = victim->at;
    packet.to = *to;
    return packet;
}

/* As if that backend had. */
static struct packet of_backend(const struct conn *victim, unsigned backend)
{
    struct packet packet = made_up(victim, victim->tcp.rcv, victim->tcp.nxt);

    packet.from = backends[backend].at;
    packet.to = victim->at;
    return packet;
}

/* A UDP client that talks to the backend itself isn't told from one whose packets are forged to
 * the VIP: there the steered flow wins. */
static void to_the_vip(const struct conn *victim)
{
    struct packet packet = of_client(victim, &services_declared[victim->service].vip);

    if (packet.proto == IPPROTO_UDP && victim->direct)
        return;
    anybody_sends(client_by_xdp(&victim->at), &packet);
}

/* Shortly after an attach, what a connection's own numbers show is all that tells it from another
 * that is older: there only those count who don't know the numbers at all (docs/threats.md). */
static void to_a_backend(const struct conn *victim)
{
    struct packet packet = of_client(victim, &backends[some_backend(victim)].at);

    if (services_just_attached()) {
        packet.seq = (uint32_t)chance();
        packet.ack = (uint32_t)chance();
    }
    anybody_sends(client_by_xdp(&victim->at), &packet);
}

static void from_outside(const struct conn *victim)
{
    struct packet packet = of_backend(victim, some_backend(victim));

    anybody_sends(client_by_xdp(&victim->at), &packet);
}

/* A backend says something about another's flow. About itself it may lie. */
static void from_a_backend(const struct conn *victim)
{
    unsigned backend = victim->service * SERVICE_BACKENDS + chance_below(SERVICE_BACKENDS);
    struct packet packet = of_backend(victim, backend);

    if (packet.flags & SYN) /* it doesn't know what somebody else will forge to complete this */
        packet.seq = (uint32_t)chance();
    if (packet.proto == IPPROTO_TCP && (int)backend != victim->backend)
        backend_sends(backend, NULL, &packet);
}

/* About a packet to the client, or one from it. */
static void icmp_error(const struct conn *victim)
{
    static struct frame frame;
    char router[END_TEXT], client[END_TEXT], service[END_TEXT], server[END_TEXT];
    struct end from = victim->at, vip = services_declared[victim->service].vip;
    bool v4 = from.family == 4, to_vip = chance_in(2);
    struct spec quote = {.from =
                             end_text(to_vip ? &vip : &backends[some_backend(victim)].at, server),
                         .to = end_text(&victim->at, client),
                         .proto = conn_proto(victim),
                         .tcp_flags = some_flags(),
                         .sequence = guess(victim->tcp.rcv)};
    struct spec error = {.proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
                         .icmp_type = v4 ? 3 : (uint8_t)(1 + chance_below(4)),
                         .icmp_code = v4 ? (uint8_t)chance_below(5) : 0,
                         .icmp_rest = 576,
                         .quote = &quote,
                         .quote_bytes = chance_in(2) ? 8 : 0};

    from.addr[v4 ? 2 : 14] = 99;
    from.port = vip.port = 0;
    error.from = end_text(&from, router);
    error.to = end_text(&vip, service);
    frame_build(&error, &frame);
    trace("an ICMP error");
    wire_frame(client_by_xdp(&victim->at), &frame);
}

void forge(struct conn *victim)
{
    struct conn absent = *victim;

    if (absent.life == NONE) { /* who may come soon, with that port again */
        victim->service = (conn_proto(victim) == IPPROTO_TCP ? 0 : 4) + conn_client(victim) % 2;
        victim->backend = -1;
    }
    switch (chance_below(16)) {
    case 0 ... 5:
        to_the_vip(victim);
        break;
    case 6 ... 9:
        to_a_backend(victim);
        break;
    case 10 ... 12:
        from_outside(victim);
        break;
    case 13 ... 14:
        from_a_backend(victim);
        break;
    default:
        icmp_error(victim);
    }
    if (absent.life == NONE)
        *victim = absent;
}

/* 100.65.0.0 and on, 2001:db8:f:1::. */
static struct end nobody(bool v6)
{
    static const uint8_t prefix[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0f, 0, 1};
    struct end end = {.family = v6 ? 6 : 4, .port = (uint16_t)(1024 + chance_below(60000))};

    memcpy(end.addr, prefix, 16);
    if (!v6) {
        memset(end.addr, 0, 16);
        end.addr[0] = 100;
    }
    for (int i = v6 ? 12 : 1; i < (v6 ? 16 : 4); i++)
        end.addr[i] = (uint8_t)chance();
    if (!v6)
        end.addr[1] = (uint8_t)(65 + end.addr[1] % 60);
    return end;
}

void forge_flood(void)
{
    static const uint8_t kinds[] = {SYN, SYN, ACK, FIN | ACK, SYN | ACK, ACK | PSH};
    unsigned count = 500 + chance_below(4000), kind = chance_below(3),
             number = chance_below(SERVICES);
    const struct service *service = &services_declared[number];
    unsigned backend = number * SERVICE_BACKENDS + chance_below(SERVICE_BACKENDS);
    uint8_t flags = kinds[chance_below(sizeof(kinds))];
    bool xdp = chance_in(2), told = tracing;

    backend |= kind == 2; /* a remote one */
    trace("a flood of %u packets, flags %x, %s", count, flags,
          kind == 0   ? service->name
          : kind == 1 ? "to a backend"
                      : "from outside in a backend's name");
    tracing = false;
    while (count--) {
        struct end stranger = nobody(service->vip.family == 6);
        const struct end *here = kind ? &backends[backend].at : &service->vip;
        struct packet packet = {.from = kind == 2 ? *here : stranger,
                                .to = kind == 2 ? stranger : *here,
                                .proto = service->proto};

        if (packet.proto == IPPROTO_TCP) {
            packet.flags = flags;
            packet.seq = chance();
            packet.ack = chance();
        }
        anybody_sends(xdp, &packet);
    }
    tracing = told;
}
