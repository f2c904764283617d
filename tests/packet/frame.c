// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Builds frames from a description. */
#include "frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "tap.h"

const uint8_t MAC_HOST[6] = {0x02, 0, 0, 0, 0, 0xc0}, MAC_PEER[6] = {0x02, 0, 0, 0, 0x01, 0x10};

struct end end_of(const char *text)
{
    struct end end = {.family = *text == '[' || strchr(text, ':') != strrchr(text, ':') ? 6 : 4};
    const char *port = end.family == 4 ? strchr(text, ':') : strstr(text, "]:");
    char addr[END_TEXT];
    unsigned number = 0;

    snprintf(addr, sizeof(addr), "%.*s", port ? (int)(port - text) : (int)strlen(text), text);
    if (port && sscanf(port + (end.family == 6) + 1, "%u", &number) != 1)
        give_up("no port in %s", text);
    end.port = (uint16_t)number;
    if (inet_pton(end.family == 4 ? AF_INET : AF_INET6, addr + (*text == '['), end.addr) != 1)
        give_up("no address in %s", text);
    return end;
}

const char *end_text(const struct end *end, char *text)
{
    char addr[INET6_ADDRSTRLEN];

    inet_ntop(end->family == 4 ? AF_INET : AF_INET6, end->addr, addr, sizeof(addr));
    snprintf(text, END_TEXT, end->family == 4 ? "%s:%u" : "[%s]:%u", addr, end->port);
    return text;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint8_t protocol(const struct spec *spec)
{
    return spec->proto ? spec->proto : IPPROTO_TCP;
}

static size_t put_payload(const struct spec *spec, uint8_t *at)
{
    for (size_t i = 0; i < spec->payload; i++)
        at[i] = (uint8_t)(i * 7 + 13);
    if (spec->payload_word)
        put16(at, spec->payload_word);
    if (spec->text)
        memcpy(at, spec->text, strnlen(spec->text, spec->payload));
    return spec->payload;
}

static size_t put_tcp(const struct spec *spec, uint8_t *at, struct end from, struct end to)
{
    uint32_t sequence = spec->sequence_zero ? 0 : spec->sequence ? spec->sequence : SEQUENCE;
    uint32_t next = spec->acknowledges ? spec->acknowledges : SEQUENCE + 1;
    size_t header = 20 + spec->tcp_options, bytes;
    unsigned check;

    next = spec->acknowledges_zero ? 0 : next;
    put16(at, from.port);
    put16(at + 2, to.port);
    put16(at + 4, sequence >> 16);
    put16(at + 6, sequence & 0xffff);
    put16(at + 8, next >> 16);
    put16(at + 10, next & 0xffff);
    at[12] = (uint8_t)((spec->data_offset ? spec->data_offset : header / 4) << 4);
    at[13] = spec->tcp_flags ? spec->tcp_flags : ACK;
    put16(at + 14, 0xfaf0);
    memset(at + 20, 1, spec->tcp_options); /* no-operation */
    if (spec->options)
        memcpy(at + 20, spec->options, spec->tcp_options);
    bytes = header + put_payload(spec, at + header);
    check = checksum_transport(&from, &to, IPPROTO_TCP, at, bytes) + spec->wrong_check;
    put16(at + 16, (check & 0xffff) + (check >> 16));
    return bytes;
}

static size_t put_udp(const struct spec *spec, uint8_t *at, struct end from, struct end to)
{
    size_t bytes = 8 + put_payload(spec, at + 8);
    uint16_t check;

    put16(at, from.port);
    put16(at + 2, to.port);
    put16(at + 4, (unsigned)((int)bytes + spec->udp_length_error));
    check = checksum_transport(&from, &to, IPPROTO_UDP, at, bytes);
    put16(at + 6, spec->no_check ? 0 : check ? check : 0xffff);
    return bytes;
}

static size_t put_ip(const struct spec *spec, uint8_t *at, size_t *transport_at);

/* The first part of the quoted packet, as a router quotes it. */
static size_t put_quote(const struct spec *spec, uint8_t *at)
{
    uint8_t whole[FRAME_MAX] = {0};
    size_t transport_at, bytes = put_ip(spec->quote, whole, &transport_at);

    if (spec->quote_bytes)
        bytes = transport_at + spec->quote_bytes;
    memcpy(at, whole, bytes);
    return bytes;
}

static size_t put_icmp(const struct spec *spec, uint8_t *at, struct end from, struct end to)
{
    size_t bytes = 8;
    uint16_t check;

    at[0] = spec->icmp_type;
    at[1] = spec->icmp_code;
    put16(at + 4, spec->icmp_rest >> 16);
    put16(at + 6, spec->icmp_rest & 0xffff);
    bytes += spec->quote ? put_quote(spec, at + 8) : put_payload(spec, at + 8);
    check = from.family == 4 ? checksum(at, bytes)
                             : checksum_transport(&from, &to, IPPROTO_ICMPV6, at, bytes);
    put16(at + 2, check);
    return bytes;
}

static size_t put_transport(const struct spec *spec, uint8_t *at, struct end from, struct end to)
{
    switch (protocol(spec)) {
    case IPPROTO_TCP:
        return put_tcp(spec, at, from, to);
    case IPPROTO_UDP:
        return put_udp(spec, at, from, to);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return put_icmp(spec, at, from, to);
    default:
        return put_payload(spec, at);
    }
}

static size_t put_ipv4(const struct spec *spec, uint8_t *at, struct end from, struct end to)
{
    size_t header = 20 + spec->ip_options, bytes;

    at[0] =
        (uint8_t)((spec->version ? spec->version : 4) << 4 | (spec->ihl ? spec->ihl : header / 4));
    at[1] = spec->tos;
    put16(at + 4, spec->id ? spec->id : 0x1234);
    put16(at + 6, spec->fragment);
    at[8] = spec->ttl ? spec->ttl : 64;
    at[9] = protocol(spec);
    memcpy(at + 12, from.addr, 4);
    memcpy(at + 16, to.addr, 4);
    memset(at + 20, 1, spec->ip_options); /* no-operation */
    if (spec->ip_option[0] || spec->ip_option[1])
        memcpy(at + 20, spec->ip_option,
               spec->ip_options < sizeof(spec->ip_option) ? spec->ip_options
                                                          : sizeof(spec->ip_option));
    bytes = header + put_transport(spec, at + header, from, to);
    put16(at + 2, (unsigned)((int)bytes + spec->length_error));
    put16(at + 10, checksum(at, header));
    return bytes;
}

/* Puts the extension header that `letter` names at `at`; returns its length. */
static size_t put_extension(const struct spec *spec, char letter, uint8_t next, uint8_t *at)
{
    at[0] = next;
    switch (letter) {
    case 'f':
        put16(at + 2, spec->fragment);
        return 8;
    case 'a': /* its length is in words, less two */
        at[1] = 4;
        return 24;
    case 'd': /* two units of eight bytes */
        at[1] = 1;
        at[2] = 1; /* PadN */
        at[3] = 12;
        return 16;
    case 's':
        at[1] = 2;
        at[2] = 4; /* segment routing, RFC 8754 */
        at[3] = 1;
        return 24;
    case 'r':
        at[2] = 253; /* experimental type, no segments left */
        return 8;
    default:
        at[2] = 1;
        at[3] = 4;
        return 8;
    }
}

static uint8_t extension_type(char letter)
{
    return letter == 'h'                    ? IPPROTO_HOPOPTS
           : letter == 'r' || letter == 's' ? IPPROTO_ROUTING
           : letter == 'd'                  ? IPPROTO_DSTOPTS
           : letter == 'f'                  ? IPPROTO_FRAGMENT
                                            : IPPROTO_AH;
}

static size_t put_ipv6(const struct spec *spec, uint8_t *at, struct end from, struct end to,
                       size_t *transport_at)
{
    const char *letters = spec->extension ? spec->extension : "";
    size_t bytes = 40;

    at[0] = (uint8_t)((spec->version ? spec->version : 6) << 4 | spec->tos >> 4);
    at[1] = (uint8_t)(spec->tos << 4 | 0x0a); /* and a flow label */
    put16(at + 2, 0xbcde);
    at[6] = *letters ? extension_type(*letters) : protocol(spec);
    at[7] = spec->ttl ? spec->ttl : 64;
    memcpy(at + 8, from.addr, 16);
    memcpy(at + 24, to.addr, 16);
    for (; *letters; letters++)
        bytes += put_extension(
            spec, *letters, letters[1] ? extension_type(letters[1]) : protocol(spec), at + bytes);
    *transport_at = bytes;
    bytes += put_transport(spec, at + bytes, from, to);
    put16(at + 4, (unsigned)((int)bytes - 40 + spec->length_error));
    return bytes;
}

static size_t put_ip(const struct spec *spec, uint8_t *at, size_t *transport_at)
{
    struct end from = end_of(spec->from), to = end_of(spec->to);

    assert(from.family == to.family);
    *transport_at = 20 + spec->ip_options;
    return from.family == 4 ? put_ipv4(spec, at, from, to)
                            : put_ipv6(spec, at, from, to, transport_at);
}

void frame_build(const struct spec *spec, struct frame *frame)
{
    uint8_t *at = frame->data;
    unsigned type = spec->ether_type;
    size_t transport_at;

    memset(frame, 0, sizeof(*frame));
    if (!type)
        type = end_of(spec->from).family == 4 ? 0x0800 : 0x86dd;
    memcpy(at, spec->to_mac ? spec->to_mac : MAC_HOST, 6);
    memcpy(at + 6, spec->from_mac ? spec->from_mac : MAC_PEER, 6);
    at += 12;
    for (int i = 0; i < spec->tags; i++, at += 4) {
        put16(at, i == 0 && spec->outer_type ? spec->outer_type : VLAN_Q);
        put16(at + 2, 100u + (unsigned)i);
    }
    put16(at, type);
    at += 2;
    at += put_ip(spec, at, &transport_at);
    memset(at, 0xa5, spec->padding);
    at += spec->padding;
    frame->bytes = (size_t)(at - frame->data) - spec->cut;
    assert(frame->bytes <= FRAME_MAX);
    memset(frame->data + frame->bytes, 0, FRAME_MAX - frame->bytes);
}

void frame_note(const char *what, const uint8_t *data, size_t bytes)
{
    char line[3 * 32 + 1];

    note("%s, %zu bytes:", what, bytes);
    for (size_t i = 0; i < bytes && i < 256; i += 32) {
        size_t used = 0;

        for (size_t k = i; k < bytes && k < i + 32; k++)
            used += (size_t)sprintf(line + used, " %02x", data[k]);
        note("  %4zu:%s", i, line);
    }
}

bool check_frame(const struct frame *got, const struct frame *wished)
{
    size_t at = 0, shorter = got->bytes < wished->bytes ? got->bytes : wished->bytes;

    if (got->bytes == wished->bytes && !memcmp(got->data, wished->data, got->bytes))
        return true;
    while (at < shorter && got->data[at] == wished->data[at])
        at++;
    check(false, "the packet differs from byte %zu on", at);
    frame_note("got", got->data, got->bytes);
    frame_note("wished", wished->data, wished->bytes);
    return false;
}
