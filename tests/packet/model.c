// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What may become of a frame. */
#include "model.h"

#include <netinet/in.h>
#include <string.h>

#include "host.h"
#include "tap.h"

static const struct model_service *services;
static size_t service_count;

void model_begin(const struct model_service *all, size_t count)
{
    services = all;
    service_count = count;
}

/* --- a frame in the making */

static struct frame made;

/* A checksum in it, and the one that covers that in turn. */
struct sum {
    size_t at; /* 0: none */
    bool udp;
    const struct sum *outer;
};

static unsigned get16(size_t at)
{
    return (unsigned)(made.data[at] << 8 | made.data[at + 1]);
}

static void put16(size_t at, unsigned value)
{
    made.data[at] = (uint8_t)(value >> 8);
    made.data[at + 1] = (uint8_t)value;
}

/* RFC 1624: HC' = ~(~HC + ~m + m'). */
static void sum_follow(const struct sum *sum, unsigned old, unsigned new)
{
    unsigned was, is;

    if (!sum || !sum->at)
        return;
    was = get16(sum->at);
    is = (~was & 0xffff) + (~old & 0xffff) + new;
    is = (is & 0xffff) + (is >> 16);
    is = ~((is & 0xffff) + (is >> 16)) & 0xffff;
    if (sum->udp)
        is = !was ? 0 : !is ? 0xffff : is;
    put16(sum->at, is);
    sum_follow(sum->outer, was, is);
}

/* Writes words that up to two checksums cover. */
static void put(size_t at, const uint8_t *with, size_t bytes, const struct sum *a,
                const struct sum *b)
{
    for (size_t i = 0; i < bytes; i += 2) {
        unsigned old = get16(at + i), new = (unsigned)(with[i] << 8 | with[i + 1]);

        put16(at + i, new);
        sum_follow(a, old, new);
        sum_follow(b, old, new);
    }
}

/* --- its checksums, by the frame that came */

static bool has(const struct model_case *at, const struct packet_parts *parts, size_t end)
{
    size_t room = at->in->bytes;

    if (parts == &at->quote && at->parts.ip_end < room)
        room = at->parts.ip_end;
    return end <= room;
}

static struct sum ip_sum(const struct packet_parts *parts, const struct sum *outer)
{
    return (struct sum){.at = parts->from.family == 4 ? parts->ip_at + 10 : 0, .outer = outer};
}

static struct sum transport_sum(const struct model_case *at, const struct packet_parts *parts,
                                const struct sum *outer)
{
    size_t place = parts->transport_at + (parts->kind == KIND_TCP   ? 16
                                          : parts->kind == KIND_UDP ? 6
                                                                    : 2);

    if (!has(at, parts, place + 2) ||
        (parts->kind == KIND_ICMP_ERROR && parts->from.family == 4)) /* has no pseudo header */
        place = 0;
    return (struct sum){.at = place, .udp = parts->kind == KIND_UDP, .outer = outer};
}

/* --- what is done to it */

static void set_addr(const struct model_case *at, const struct packet_parts *parts, bool source,
                     const struct end *to, const struct sum *outer)
{
    const struct sum ip = ip_sum(parts, outer), transport = transport_sum(at, parts, outer);
    bool v4 = to->family == 4;
    size_t place = parts->ip_at + (v4 ? 12 : 8) + (source ? 0 : v4 ? 4 : 16);

    if (outer) /* which covers the words themselves, too */
        for (size_t i = 0; i < (v4 ? 4 : 16); i += 2)
            sum_follow(outer, get16(place + i), (unsigned)(to->addr[i] << 8 | to->addr[i + 1]));
    put(place, to->addr, v4 ? 4 : 16, &ip, &transport);
}

static void set_port(const struct model_case *at, const struct packet_parts *parts, bool source,
                     const struct end *to, const struct sum *outer)
{
    const struct sum transport = transport_sum(at, parts, outer);
    const uint8_t port[2] = {(uint8_t)(to->port >> 8), (uint8_t)to->port};

    put(parts->transport_at + (source ? 0 : 2), port, sizeof(port), &transport, outer);
}

static void set_end(const struct model_case *at, bool source, const struct end *to)
{
    set_addr(at, &at->parts, source, to, NULL);
    set_port(at, &at->parts, source, to, NULL);
}

/* An error's: the quoted packet's end, and if `too`, the opposite address of the error itself. */
static void set_quoted(const struct model_case *at, bool source, const struct end *to, bool too)
{
    const struct sum icmp = {.at = at->parts.transport_at + 2};

    set_addr(at, &at->quote, source, to, &icmp);
    set_port(at, &at->quote, source, to, &icmp);
    if (too)
        set_addr(at, &at->parts, !source, to, NULL);
}

static uint8_t *ttl_at(const struct model_case *at)
{
    return made.data + at->parts.ip_at + (at->parts.from.family == 4 ? 8 : 7);
}

/* Sends the frame on to `to`, if this host may: by what is in it, and where it came in. Returns the
 * verdict, or ANYTHING_ELSE if there is no way. */
static enum verdict send_on(const struct model_case *at, const struct end *to)
{
    const struct sum ip = ip_sum(&at->parts, NULL);
    uint8_t *ttl = ttl_at(at);
    struct host_route way = host_route(to);
    size_t length = at->parts.ip_end - at->parts.ip_at;
    uint8_t less[2];

    if (way.local)
        return PASS;
    if (at->parts.from.family == 6 && at->parts.from.addr[0] == 0xff) /* a group sends nothing */
        return ANYTHING_ELSE;
    if (!way.interface || at->parts.ip_at != 14 || *ttl <= 1 || length > way.mtu)
        return ANYTHING_ELSE;
    memcpy(made.data, way.hop.to, 6);
    memcpy(made.data + 6, way.hop.from, 6);
    if (at->parts.from.family == 4) {
        less[0] = (uint8_t)(*ttl - 1);
        less[1] = ttl[1];
        put(at->parts.ip_at + 8, less, 2, &ip, NULL);
    } else {
        --*ttl;
    }
    return program_is_xdp(at->program) && !strcmp(way.interface, "cl0") ? BACK : FORWARD;
}

/* --- which fates there are */

struct fates {
    const struct model_case *at;
    enum verdict verdict;
    const struct frame *out;
    bool changed, any;
};

/* A checksum that was wrong may have either form of zero. */
static bool is_made(const struct frame *out)
{
    size_t i = 0;

    if (out->bytes != made.bytes)
        return false;
    while (i < made.bytes && out->data[i] == made.data[i])
        i++;
    if (i == made.bytes)
        return true;
    for (i = 0; i + 1 < made.bytes; i += 2) {
        unsigned is = (unsigned)(out->data[i] << 8 | out->data[i + 1]), wished = get16(i);

        if (is != wished && (is + 1) % 0x10000 > 1 && (wished + 1) % 0x10000 > 1)
            return false;
        if (is != wished && (is ^ wished) != 0xffff)
            return false;
    }
    return true;
}

static void fate_is(struct fates *fates, enum verdict verdict)
{
    bool same =
        made.bytes == fates->at->in->bytes && !memcmp(made.data, fates->at->in->data, made.bytes);

    if (fates->any || fates->verdict != verdict || !is_made(fates->out))
        return;
    fates->any = true;
    fates->changed = !same;
}

static void begin(const struct fates *fates)
{
    made = *fates->at->in;
}

static void untouched(struct fates *fates)
{
    begin(fates);
    fate_is(fates, PASS);
}

static bool same_addr(const struct end *a, const struct end *b)
{
    return a->family == b->family && !memcmp(a->addr, b->addr, 16);
}

static bool same(const struct end *a, const struct end *b)
{
    return same_addr(a, b) && a->port == b->port;
}

static const struct model_service *service_at(const struct packet_parts *parts,
                                              const struct end *vip)
{
    for (size_t i = 0; i < service_count; i++)
        if (parts->kind == (services[i].proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP) &&
            same(vip, &services[i].vip))
            return &services[i];
    return NULL;
}

static const struct model_service *service_with(const struct packet_parts *parts,
                                                const struct end *backend)
{
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < MODEL_BACKENDS; k++)
            if (parts->kind == (services[i].proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP) &&
                same(backend, &services[i].backends[k]))
                return &services[i];
    return NULL;
}

/* Only the address changes: the checksum of what is behind it came in the first fragment. */
static void later_goes(struct fates *fates, bool source, const struct end *to,
                       const struct end *next)
{
    const struct packet_parts *parts = &fates->at->parts;
    const struct sum ip = ip_sum(parts, NULL);
    bool v4 = to->family == 4;
    enum verdict verdict;

    begin(fates);
    put(parts->ip_at + (v4 ? 12 : 8) +
            (source ? 0
             : v4   ? 4
                    : 16),
        to->addr, v4 ? 4 : 16, &ip, NULL);
    verdict = next ? send_on(fates->at, next) : PASS;
    fate_is(fates, verdict == ANYTHING_ELSE && !source ? PASS : verdict);
}

/* A later fragment: where its first went, or if nobody has seen that, nowhere. */
static void later(struct fates *fates)
{
    const struct packet_parts *parts = &fates->at->parts;
    bool leaves = program_is_egress(fates->at->program);

    untouched(fates);
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < MODEL_BACKENDS; k++) {
            const struct end *backend = &services[i].backends[k], *vip = &services[i].vip;

            if (!leaves && same_addr(&parts->to, vip))
                later_goes(fates, false, backend, backend);
            if (same_addr(&parts->from, backend) && (leaves || !host_route(backend).local))
                later_goes(fates, true, vip, leaves ? NULL : &parts->to);
        }
}

/* To one of the service's backends; where the frame can't be sent on from here, the stack does it.
 */
static void to_backends(struct fates *fates, const struct model_service *service)
{
    for (size_t k = 0; k < MODEL_BACKENDS; k++) {
        const struct end *to = &service->backends[k];
        enum verdict verdict;

        begin(fates);
        if (fates->at->parts.kind == KIND_ICMP_ERROR)
            set_quoted(fates->at, true, to, true);
        else
            set_end(fates->at, false, to);
        verdict = send_on(fates->at, to);
        fate_is(fates, verdict == ANYTHING_ELSE ? PASS : verdict);
    }
}

/* A remote backend's, that comes in: sent on from here, or left to the stack as it is. */
static void from_backend(struct fates *fates, const struct model_service *service)
{
    enum verdict verdict;

    untouched(fates);
    if (host_route(&fates->at->parts.from).local)
        return;
    begin(fates);
    set_end(fates->at, true, &service->vip);
    verdict = send_on(fates->at, &fates->at->parts.to);
    if (verdict != ANYTHING_ELSE)
        fate_is(fates, verdict);
}

static void come_in(struct fates *fates)
{
    const struct model_case *at = fates->at;
    const struct model_service *service;

    if (at->parts.kind == KIND_ICMP_ERROR) {
        service = service_at(&at->quote, &at->quote.from);
        if (service && same_addr(&at->parts.to, &service->vip))
            to_backends(fates, service);
        else
            untouched(fates);
        return;
    }
    service = service_at(&at->parts, &at->parts.to);
    if (service) {
        to_backends(fates, service);
        return;
    }
    service = service_with(&at->parts, &at->parts.from);
    if (service)
        from_backend(fates, service);
    else
        untouched(fates);
}

/* A RST for no connection may be held back, where the flow's bucket is moving. */
static bool may_be_held(const struct model_case *at)
{
    return at->parts.kind == KIND_TCP &&
           (at->in->data[at->parts.transport_at + 13] & (RST | ACK)) == RST;
}

static void leave(struct fates *fates)
{
    const struct model_case *at = fates->at;
    bool error = at->parts.kind == KIND_ICMP_ERROR;
    const struct model_service *service =
        error ? service_with(&at->quote, &at->quote.to) : service_with(&at->parts, &at->parts.from);

    untouched(fates);
    if (!service)
        return;
    begin(fates);
    if (may_be_held(at))
        fate_is(fates, DROP);
    if (error)
        set_quoted(at, false, &service->vip, same_addr(&at->parts.from, &at->quote.to));
    else
        set_end(at, true, &service->vip);
    fate_is(fates, PASS);
}

bool model_allows(const struct model_case *at, enum verdict verdict, const struct frame *out,
                  bool *changed)
{
    struct fates fates = {.at = at, .verdict = verdict, .out = out};

    if (at->program == XDP_LEARN || at->program == TC_LEARN ||
        (!program_is_egress(at->program) && !at->for_host))
        untouched(&fates);
    else if (at->parts.kind == KIND_FRAGMENT)
        later(&fates);
    else if (program_is_egress(at->program))
        leave(&fates);
    else
        come_in(&fates);
    if (!fates.any)
        frame_note("lawful were", made.data, made.bytes);
    *changed = fates.changed;
    return fates.any;
}
