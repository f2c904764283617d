// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes packets apart. */
#include "dissect.h"

#include <netinet/in.h>
#include <string.h>

#define EXTENSIONS_MAX 7 /* as many as the data path walks over */

static unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static bool is_error(uint8_t family, uint8_t type)
{
    return family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

/* What is at transport_at: `need` of its bytes must be within the packet and the data. Of a quoted
 * packet's own length no more is asked than that it has a header. */
static void dissect_transport(const uint8_t *data, size_t bytes, struct packet_parts *parts,
                              bool quoted)
{
    uint8_t icmp = parts->from.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    size_t room = quoted || bytes < parts->ip_end ? bytes : parts->ip_end;
    size_t need = parts->proto == IPPROTO_TCP && !quoted ? 20 : 8;
    const uint8_t *at = data + parts->transport_at;

    parts->kind = KIND_OTHER;
    if (parts->proto != IPPROTO_TCP && parts->proto != IPPROTO_UDP && parts->proto != icmp)
        return;
    if (parts->transport_at + need > room) {
        parts->kind = KIND_STRANGE;
        return;
    }
    if (parts->proto == icmp) {
        if (is_error(parts->from.family, at[0]))
            parts->kind = parts->first ? KIND_OTHER : KIND_ICMP_ERROR;
        return;
    }
    if (parts->proto == IPPROTO_TCP && !quoted &&
        (at[12] >> 4 < 5 || parts->transport_at + (size_t)(at[12] >> 4) * 4 > parts->ip_end)) {
        parts->kind = KIND_STRANGE;
        return;
    }
    parts->kind = parts->proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP;
    parts->from.port = (uint16_t)get16(at);
    parts->to.port = (uint16_t)get16(at + 2);
}

/* Do the options lead the packet on to another address, or make no sense? */
static bool odd_options(const uint8_t *data, size_t bytes, size_t at, size_t end)
{
    while (at < end) {
        const uint8_t *option = data + at;

        if (at + 3 > bytes)
            return true;
        if (option[0] == 0)
            return false;
        if (option[0] == 1) {
            at++;
            continue;
        }
        if (option[1] < 2 || at + option[1] > end ||
            ((option[0] == 131 || option[0] == 137) && option[2] <= option[1]))
            return true;
        at += option[1];
    }
    return false;
}

static void dissect_ipv4(const uint8_t *data, size_t bytes, struct packet_parts *parts, bool quoted)
{
    const uint8_t *ip = data + parts->ip_at;
    unsigned fragment;

    if (parts->ip_at + 20 > bytes || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
        return;
    parts->from.family = parts->to.family = 4;
    memcpy(parts->from.addr, ip + 12, 4);
    memcpy(parts->to.addr, ip + 16, 4);
    parts->proto = ip[9];
    parts->ip_header = (size_t)(ip[0] & 15) * 4;
    parts->ip_end = parts->ip_at + get16(ip + 2);
    parts->transport_at = parts->ip_at + parts->ip_header;
    if (parts->ip_end < parts->transport_at)
        return;
    if (!quoted && odd_options(data, bytes, parts->ip_at + 20, parts->transport_at))
        return;
    fragment = get16(ip + 6);
    parts->first = (fragment & 0x3fff) == 0x2000;
    if (fragment & 0x1fff)
        parts->kind = KIND_FRAGMENT;
    else
        dissect_transport(data, bytes, parts, quoted);
}

/* Steps over one extension header. Returns false at another header, or at a dead end. */
static bool step(const uint8_t *data, size_t bytes, struct packet_parts *parts, bool *dead)
{
    const uint8_t *at = data + parts->transport_at;
    size_t length;

    *dead = false;
    switch (parts->proto) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
    case IPPROTO_FRAGMENT:
        break;
    default:
        return false;
    }
    *dead = true;
    if (parts->transport_at + 8 > bytes)
        return false;
    if (parts->proto == IPPROTO_ROUTING && at[3]) /* segments left */
        return false;
    length = (size_t)(at[1] + 1) * 8;
    if (parts->proto == IPPROTO_FRAGMENT) {
        if (get16(at + 2) & 0xfff8) {
            parts->kind = KIND_FRAGMENT;
            return false;
        }
        parts->first |= get16(at + 2) & 1;
        length = 8;
    }
    parts->proto = at[0];
    parts->transport_at += length;
    *dead = false;
    return true;
}

static void dissect_ipv6(const uint8_t *data, size_t bytes, struct packet_parts *parts, bool quoted)
{
    const uint8_t *ip = data + parts->ip_at;
    bool dead;
    int walked = 0;

    if (parts->ip_at + 40 > bytes || ip[0] >> 4 != 6)
        return;
    parts->from.family = parts->to.family = 6;
    memcpy(parts->from.addr, ip + 8, 16);
    memcpy(parts->to.addr, ip + 24, 16);
    parts->proto = ip[6];
    parts->ip_header = 40;
    parts->ip_end = get16(ip + 4) ? parts->ip_at + 40 + get16(ip + 4) : bytes;
    parts->transport_at = parts->ip_at + 40;
    while (step(data, bytes, parts, &dead))
        if (++walked > EXTENSIONS_MAX)
            return;
    if (!quoted && !get16(ip + 4) && parts->proto == IPPROTO_ICMPV6)
        return; /* only what is cut into segments may have no length */
    if (!quoted && parts->first && !get16(ip + 4))
        return; /* no jumbogram has a fragment header (RFC 2675) */
    if (!dead && (parts->ip_end >= parts->transport_at || quoted))
        dissect_transport(data, bytes, parts, quoted);
}

void dissect(const uint8_t *data, size_t bytes, struct packet_parts *parts)
{
    size_t at = 12;
    int tags = 0;

    memset(parts, 0, sizeof(*parts));
    if (bytes < 14)
        return;
    while (tags < 2 && (get16(data + at) == VLAN_Q || get16(data + at) == VLAN_AD)) {
        if (at + 6 > bytes)
            return;
        at += 4;
        tags++;
    }
    parts->ip_at = at + 2;
    if (get16(data + at) == 0x0800)
        dissect_ipv4(data, bytes, parts, false);
    else if (get16(data + at) == 0x86dd)
        dissect_ipv6(data, bytes, parts, false);
}

void dissect_quote(const uint8_t *data, size_t bytes, const struct packet_parts *error,
                   struct packet_parts *quote)
{
    size_t there = error->ip_end < bytes ? error->ip_end : bytes;

    memset(quote, 0, sizeof(*quote));
    quote->ip_at = error->transport_at + 8;
    if (error->from.family == 4)
        dissect_ipv4(data, there, quote, true);
    else
        dissect_ipv6(data, there, quote, true);
}
