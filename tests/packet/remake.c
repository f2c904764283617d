// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes of a frame what the model says. */
#include "remake.h"

#include <string.h>

#include "host.h"

struct frame made;

unsigned made_word(size_t at)
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
    was = made_word(sum->at);
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
        unsigned old = made_word(at + i), new = (unsigned)(with[i] << 8 | with[i + 1]);

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

    if (!has(at, parts, place + 2) || parts->kind == KIND_FRAGMENT ||
        (parts->kind == KIND_ICMP_ERROR && parts->from.family == 4)) /* has no pseudo header */
        place = 0;
    return (struct sum){.at = place, .udp = parts->kind == KIND_UDP, .outer = outer};
}

/* --- what is done to it */

void set_addr(const struct model_case *at, const struct packet_parts *parts, bool source,
              const struct end *to, const struct sum *outer)
{
    const struct sum ip = ip_sum(parts, outer), transport = transport_sum(at, parts, outer);
    bool v4 = to->family == 4;
    size_t place = parts->ip_at + (v4 ? 12 : 8) + (source ? 0 : v4 ? 4 : 16);

    if (outer) /* which covers the words themselves, too */
        for (size_t i = 0; i < (v4 ? 4 : 16); i += 2)
            sum_follow(outer, made_word(place + i), (unsigned)(to->addr[i] << 8 | to->addr[i + 1]));
    put(place, to->addr, v4 ? 4 : 16, &ip, &transport);
}

static void set_port(const struct model_case *at, const struct packet_parts *parts, bool source,
                     const struct end *to, const struct sum *outer)
{
    const struct sum transport = transport_sum(at, parts, outer);
    const uint8_t port[2] = {(uint8_t)(to->port >> 8), (uint8_t)to->port};

    put(parts->transport_at + (source ? 0 : 2), port, sizeof(port), &transport, outer);
}

void set_end(const struct model_case *at, bool source, const struct end *to)
{
    set_addr(at, &at->parts, source, to, NULL);
    set_port(at, &at->parts, source, to, NULL);
}

/* An error's: the quoted packet's end, and if `too`, the opposite address of the error itself. */
void set_quoted(const struct model_case *at, bool source, const struct end *to, bool too)
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
enum verdict send_on(const struct model_case *at, const struct end *to)
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
