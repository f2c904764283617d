// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cuts whole frames into fragments. */
#include "pieces.h"

#include <netinet/in.h>
#include <string.h>

#include "checksum.h"
#include "dissect.h"
#include "tap.h"

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Where the type of the transport stands: in the header in front of it. */
static size_t type_at(const struct frame *whole, const struct packet_parts *parts)
{
    size_t type = parts->ip_at + 6, at = parts->ip_at + 40;

    while (at < parts->transport_at) {
        type = at;
        at += (size_t)(whole->data[at + 1] + 1) * 8;
    }
    return type;
}

static void cut_ipv4(const struct packet_parts *parts, const struct piece *piece, size_t bytes,
                     bool more, struct frame *fragment)
{
    uint8_t *ip = fragment->data + parts->ip_at;

    put16(ip + 2, (unsigned)(parts->ip_header + bytes));
    put16(ip + 4, piece->id);
    put16(ip + 6, piece->at / 8 | (more ? 0x2000u : 0));
    put16(ip + 10, 0);
    put16(ip + 10, checksum(ip, parts->ip_header));
}

static void cut_ipv6(const struct frame *whole, const struct packet_parts *parts,
                     const struct piece *piece, size_t bytes, bool more, struct frame *fragment)
{
    uint8_t *ip = fragment->data + parts->ip_at, *at = fragment->data + parts->transport_at;

    fragment->data[type_at(whole, parts)] = IPPROTO_FRAGMENT;
    at[0] = parts->proto;
    at[1] = 0;
    put16(at + 2, piece->at | more);
    put16(at + 4, piece->id >> 16);
    put16(at + 6, piece->id & 0xffff);
    put16(ip + 4, (unsigned)(parts->transport_at + 8 + bytes - parts->ip_at - 40));
}

void piece_cut(const struct frame *whole, const struct piece *piece, struct frame *fragment)
{
    struct packet_parts parts;
    size_t total, bytes, header = 0;
    bool more;

    dissect(whole->data, whole->bytes, &parts);
    total = parts.ip_end - parts.transport_at;
    if (!parts.from.family || piece->at >= total || piece->at % 8)
        give_up("no such fragment");
    bytes = piece->bytes ? piece->bytes : total - piece->at;
    more = piece->at + bytes < total;
    memset(fragment, 0, sizeof(*fragment));
    memcpy(fragment->data, whole->data, parts.transport_at);
    if (parts.from.family == 4) {
        cut_ipv4(&parts, piece, bytes, more, fragment);
    } else {
        cut_ipv6(whole, &parts, piece, bytes, more, fragment);
        header = 8;
    }
    memcpy(fragment->data + parts.transport_at + header,
           whole->data + parts.transport_at + piece->at, bytes);
    fragment->bytes = parts.transport_at + header + bytes;
}
