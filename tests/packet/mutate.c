// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spoils frames. */
#include "mutate.h"

#include <string.h>

#include "dissect.h"
#include "host.h"

static uint32_t below(size_t limit)
{
    return limit ? host_random() % (uint32_t)limit : 0;
}

/* A byte near the beginning, where the headers are. */
static size_t some_place(const struct frame *frame)
{
    size_t limit = host_random() % 4 ? 128 : frame->bytes;

    return below(limit < frame->bytes ? limit : frame->bytes);
}

static void flip_bit(struct frame *frame)
{
    frame->data[some_place(frame)] ^= (uint8_t)(1u << below(8));
}

static void set_byte(struct frame *frame)
{
    static const uint8_t telling[] = {0, 1, 4, 5, 6, 8, 17, 40, 0x7f, 0x80, 0xff};

    frame->data[some_place(frame)] =
        host_random() % 2 ? telling[below(sizeof(telling))] : (uint8_t)host_random();
}

static void set_word(struct frame *frame)
{
    static const uint16_t telling[] = {0,      1,      8,      20,      28,
                                       40,     0x3fff, 0x4000, 0x8000,  0xffff,
                                       0x0800, 0x86dd, VLAN_Q, VLAN_AD, 0x0806};
    uint16_t word = telling[below(sizeof(telling) / sizeof(*telling))];
    size_t at = some_place(frame) & ~1u;

    if (at + 2 > frame->bytes)
        return;
    frame->data[at] = (uint8_t)(word >> 8);
    frame->data[at + 1] = (uint8_t)word;
}

/* The fields that say where everything else is. */
static void set_structure(struct frame *frame)
{
    static const uint8_t protocols[] = {0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 255};
    struct packet_parts parts;
    size_t at;

    dissect(frame->data, frame->bytes, &parts);
    if (!parts.from.family)
        return;
    at = parts.ip_at;
    switch (below(5)) {
    case 0: /* header length, or version */
        frame->data[at] = (uint8_t)host_random();
        break;
    case 1: /* length, by a little */
        frame->data[at + (parts.from.family == 4 ? 3 : 5)] += (uint8_t)(below(64) - 32);
        break;
    case 2:
        frame->data[at + (parts.from.family == 4 ? 9 : 6)] = protocols[below(sizeof(protocols))];
        break;
    case 3: /* fragment, or flow label */
        frame->data[at + (parts.from.family == 4 ? 6 : 1) + below(2)] = (uint8_t)host_random();
        break;
    default: /* TTL, or hop limit */
        frame->data[at + (parts.from.family == 4 ? 8 : 7)] = (uint8_t)below(3);
    }
}

/* Writes an endpoint over the source or the destination of the packet, or of the one it quotes. */
static void set_end(struct frame *frame, const struct end *ends, size_t count)
{
    const struct end *end = &ends[below(count)];
    bool source = host_random() % 2, address = host_random() % 4;
    struct packet_parts parts, quote;
    size_t at;

    dissect(frame->data, frame->bytes, &parts);
    if (parts.kind == KIND_ICMP_ERROR && host_random() % 2) {
        dissect_quote(frame->data, frame->bytes, &parts, &quote);
        parts = quote;
    }
    if (parts.from.family != end->family)
        return;
    at = parts.ip_at + (end->family == 4 ? (source ? 12u : 16u) : (source ? 8u : 24u));
    if (address)
        memcpy(frame->data + at, end->addr, end->family == 4 ? 4 : 16);
    at = parts.transport_at + (source ? 0 : 2);
    if ((parts.kind == KIND_TCP || parts.kind == KIND_UDP) && host_random() % 4) {
        frame->data[at] = (uint8_t)(end->port >> 8);
        frame->data[at + 1] = (uint8_t)end->port;
    }
}

static void cut_end(struct frame *frame)
{
    size_t less = host_random() % 2 ? below(64) : below(frame->bytes);

    if (frame->bytes >= 14 + less)
        frame->bytes -= less;
}

static void add_end(struct frame *frame)
{
    size_t more = below(64);

    if (frame->bytes + more > MUTATE_MAX)
        return;
    for (size_t i = 0; i < more; i++)
        frame->data[frame->bytes++] = (uint8_t)host_random();
}

/* Takes bytes out, or doubles some: everything behind them is elsewhere. */
static void shift(struct frame *frame)
{
    size_t at = some_place(frame), by = 4 * (1 + below(5));

    if (at < 12 || at + by > frame->bytes)
        return;
    if (host_random() % 2 && frame->bytes >= 14 + by) {
        memmove(frame->data + at, frame->data + at + by, frame->bytes - at - by);
        frame->bytes -= by;
    } else if (frame->bytes + by <= MUTATE_MAX) {
        memmove(frame->data + at + by, frame->data + at, frame->bytes - at);
        frame->bytes += by;
    }
}

void mutate(struct frame *frame, const struct end *ends, size_t count)
{
    unsigned times = 1 + below(4);

    while (times--)
        switch (below(9)) {
        case 0:
            flip_bit(frame);
            break;
        case 1:
            set_byte(frame);
            break;
        case 2:
            set_word(frame);
            break;
        case 3:
            cut_end(frame);
            break;
        case 4:
            add_end(frame);
            break;
        case 5:
            shift(frame);
            break;
        case 6:
            set_structure(frame);
            break;
        default:
            set_end(frame, ends, count);
        }
}
