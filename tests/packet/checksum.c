// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checksums over whole packets. */
#include "checksum.h"

#include <netinet/in.h>
#include <string.h>

#include "dissect.h"

/* Adds bytes to a sum of big-endian words; an odd last byte is the upper half of one. */
static uint64_t add(uint64_t sum, const uint8_t *data, size_t bytes)
{
    size_t i;

    for (i = 0; i + 1 < bytes; i += 2)
        sum += (uint64_t)(data[i] << 8 | data[i + 1]);
    return i < bytes ? sum + (uint64_t)(data[i] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint16_t checksum(const uint8_t *data, size_t bytes)
{
    return fold(add(0, data, bytes));
}

uint16_t checksum_transport(const struct end *from, const struct end *to, uint8_t proto,
                            const uint8_t *data, size_t bytes)
{
    size_t addr = from->family == 4 ? 4 : 16;
    uint64_t sum = proto + (bytes & 0xffff) + (bytes >> 16);

    return fold(add(add(add(sum, from->addr, addr), to->addr, addr), data, bytes));
}

/* A checksum's place and the value it should have. */
struct place {
    size_t at; /* 0: none that can be judged */
    uint16_t right;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static struct place ip_place(const uint8_t *data, size_t bytes, const struct packet_parts *parts)
{
    uint8_t header[60];

    if (parts->from.family != 4 || parts->ip_at + parts->ip_header > bytes)
        return (struct place){0};
    memcpy(header, data + parts->ip_at, parts->ip_header);
    put16(header + 10, 0);
    return (struct place){parts->ip_at + 10, checksum(header, parts->ip_header)};
}

/* How many bytes the checksum covers, and where in them it is; 0 if that can't be judged. */
static size_t covered(const uint8_t *data, size_t bytes, const struct packet_parts *parts,
                      size_t *check_at)
{
    size_t length = parts->ip_end - parts->transport_at;
    const uint8_t *at = data + parts->transport_at;

    if (parts->ip_end > bytes || parts->ip_end < parts->transport_at || parts->first)
        return 0;
    switch (parts->kind) {
    case KIND_TCP:
        *check_at = 16;
        return length < 20 ? 0 : length;
    case KIND_UDP:
        *check_at = 6;
        if (get16(at + 4) > length || get16(at + 4) < 8)
            return 0;
        return get16(at + 6) ? get16(at + 4) : 0;
    case KIND_ICMP_ERROR:
        *check_at = 2;
        return length;
    default:
        return 0;
    }
}

static struct place transport_place(const uint8_t *data, size_t bytes,
                                    const struct packet_parts *parts)
{
    uint8_t copy[1 << 16];
    size_t check_at, length = covered(data, bytes, parts, &check_at);
    uint16_t right;

    if (!length)
        return (struct place){0};
    memcpy(copy, data + parts->transport_at, length);
    put16(copy + check_at, 0);
    if (parts->kind == KIND_ICMP_ERROR && parts->from.family == 4)
        right = checksum(copy, length);
    else
        right = checksum_transport(&parts->from, &parts->to, parts->proto, copy, length);
    if (parts->kind == KIND_UDP && !right)
        right = 0xffff;
    return (struct place){parts->transport_at + check_at, right};
}

/* Visits the checksums from the innermost to the outermost: each covers those before it. */
static unsigned visit(uint8_t *data, size_t bytes, bool mend)
{
    static const enum wrong_checksum names[] = {WRONG_QUOTE_TRANSPORT, WRONG_QUOTE_IP,
                                                WRONG_TRANSPORT, WRONG_IP};
    struct packet_parts outer, quote = {0};
    unsigned wrong = 0;

    dissect(data, bytes, &outer);
    if (outer.kind == KIND_ICMP_ERROR)
        dissect_quote(data, bytes, &outer, &quote);
    for (int i = 0; i < 4; i++) {
        const struct packet_parts *parts = i < 2 ? &quote : &outer;
        size_t there = i < 2 && outer.ip_end < bytes ? outer.ip_end : bytes;
        struct place place = {0};

        if (parts->from.family)
            place = i % 2 ? ip_place(data, there, parts) : transport_place(data, there, parts);
        if (!place.at || get16(data + place.at) == place.right)
            continue;
        wrong |= names[i];
        if (mend)
            put16(data + place.at, place.right);
    }
    return wrong;
}

unsigned wrong_checksums(const uint8_t *data, size_t bytes)
{
    return visit((uint8_t *)data, bytes, false);
}

void mend_checksums(uint8_t *data, size_t bytes)
{
    visit(data, bytes, true);
}
