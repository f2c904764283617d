/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds frames from a description, every length and checksum worked out from scratch. What a
 * frame must have become is built the same way, from a description that differs. */
#ifndef FLOWSPLIT_FRAME_H
#define FLOWSPLIT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 12288 /* what is beyond a page makes a frame of several buffers */

struct frame {
    size_t bytes;
    uint8_t data[FRAME_MAX];
};

/* An address, and a port or 0. */
struct end {
    uint8_t family; /* 4 or 6 */
    uint8_t addr[16];
    uint16_t port;
};

/* "192.0.2.1:80", "[2001:db8::1]:80", or without a port. Gives up at anything else. */
struct end end_of(const char *text);

/* As end_of() reads it; `text` has room for END_TEXT. */
#define END_TEXT 64
const char *end_text(const struct end *end, char *text);

/* Flags of the TCP header. */
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

/* A frame to build. Whatever is zero has a sensible value. */
struct spec {
    const char *from, *to; /* as end_of() reads them; same family */
    uint8_t proto;         /* 0: TCP */
    uint8_t tcp_flags;     /* 0: ACK */
    uint32_t sequence;     /* TCP; 0: SEQUENCE */
    uint32_t acknowledges; /* TCP; 0: the byte behind SEQUENCE */
    bool sequence_zero;    /* as in the answer to a refused SYN */
    bool acknowledges_zero;
    uint16_t payload;      /* bytes behind the transport header */
    uint16_t payload_word; /* the first two of them: to choose a checksum */
    const char *text;      /* what they begin with */
    uint8_t tcp_options;   /* bytes, a multiple of 4 */
    const char *options;   /* what they are; NULL: no-operations */
    uint8_t data_offset;   /* in place of the right one, in words; 16: 0 */
    bool no_check;         /* UDP's checksum is zero: none */
    bool wrong_check;      /* TCP's is one too high */

    uint8_t ttl;           /* or hop limit; 0: 64 */
    uint8_t tos;           /* or traffic class */
    uint8_t ip_options;    /* bytes, a multiple of 4: IPv4 */
    char ip_option[12];    /* what they begin with; all zero: no-operations */
    uint16_t id;           /* IPv4; 0: one like any other */
    const char *extension; /* IPv6: a letter for each header: h, r, d, f(ragment), a(uthentication),
                              and s(ource route): a routing header with a segment left */
    uint16_t fragment;     /* flags and offset, as in the header */

    const uint8_t *to_mac, *from_mac;
    uint8_t tags;        /* VLAN tags */
    uint16_t outer_type; /* of the first tag; 0: 802.1Q */
    uint16_t ether_type; /* 0: by family */

    uint8_t icmp_type, icmp_code; /* proto 1 or 58 */
    uint32_t icmp_rest;           /* MTU and the like */
    const struct spec *quote;     /* the packet that an error is about */
    uint16_t quote_bytes;         /* of its transport header and payload; 0: all */

    uint16_t padding; /* bytes behind the IP packet's end */
    uint16_t cut;     /* bytes that are missing at its end */
    int length_error; /* added to the length in the IP header */
    int udp_length_error;
    uint8_t version; /* in place of the right one */
    uint8_t ihl;     /* in place of the right one, in words */
};

/* That of a SYN, and since only the order of packets matters, of all others of its connection. */
#define SEQUENCE 0x11223344

#define VLAN_Q   0x8100
#define VLAN_AD  0x88a8

/* The ends of a link, in the absence of others. */
extern const uint8_t MAC_HOST[6], MAC_PEER[6];

void frame_build(const struct spec *spec, struct frame *frame);

/* Prints a frame as hexadecimal notes. */
void frame_note(const char *what, const uint8_t *data, size_t bytes);

/* Are the two the same? If not, notes where they differ. */
bool check_frame(const struct frame *got, const struct frame *wished);

#endif
