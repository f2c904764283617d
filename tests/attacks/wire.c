// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets to frames and back, through the data path. */
#include "wire.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "host.h"
#include "promise.h"

#define ETHERNET 14

static const struct {
    const char *name;
    bool out, be0; /* leaves; the interface is that of the backends */
    int from;      /* leaves, and came in by cl0 (1), be0 (2) or is from here (0) */
} places[] = {
    [FROM_CLIENTS] = {"in at cl0", false, false, 0},
    [FROM_BACKENDS] = {"in at be0", false, true, 0},
    [OUT_TO_CLIENTS_FROM_HERE] = {"out at cl0 from here", true, false, 0},
    [OUT_TO_CLIENTS_FROM_BACKENDS] = {"out at cl0 from be0", true, false, 2},
    [OUT_TO_CLIENTS_FROM_CLIENTS] = {"out at cl0 from cl0", true, false, 1},
    [OUT_TO_BACKENDS] = {"out at be0 from cl0", true, true, 1},
};

static unsigned indices[3]; /* none, cl0, be0 */
static struct hop hops[2];  /* from this host: at cl0, at be0 */

void wire_open(void)
{
    indices[1] = host_interface("cl0");
    indices[2] = host_interface("be0");
    hops[0] = host_hop("cl0", 10);
    hops[1] = host_hop("be0", 10);
}

bool same_end(const struct end *a, const struct end *b)
{
    return a->port == b->port && a->family == b->family && !memcmp(a->addr, b->addr, 16);
}

uint32_t packet_length(const struct packet *packet)
{
    return packet->payload + !!(packet->flags & SYN) + !!(packet->flags & FIN);
}

const char *packet_text(const struct packet *packet)
{
    static char texts[4][256];
    static unsigned turn;
    char *text = texts[turn++ % 4], from[END_TEXT], to[END_TEXT], flags[32] = "";
    static const char *const names[] = {"FIN ", "SYN ", "RST ", "PSH ", "ACK "};

    if (!packet->from.family)
        return "no packet with right checksums";
    for (int i = 0; i < 5 && packet->proto == IPPROTO_TCP; i++)
        if (packet->flags & 1 << i)
            strcat(flags, names[i]);
    snprintf(text, sizeof(*texts), "%s%s > %s seq %u ack %u, %u bytes",
             packet->proto == IPPROTO_UDP ? "UDP " : flags, end_text(&packet->from, from),
             end_text(&packet->to, to), packet->seq, packet->ack, packet->payload);
    return text;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static size_t put_transport(const struct packet *packet, uint8_t *at)
{
    bool tcp = packet->proto == IPPROTO_TCP;
    size_t header = tcp ? 20 : 8, bytes = header + packet->payload;
    uint16_t check;

    memset(at, 0, header);
    memset(at + header, 0x5a, packet->payload);
    put16(at, packet->from.port);
    put16(at + 2, packet->to.port);
    if (tcp) {
        put32(at + 4, packet->seq);
        put32(at + 8, packet->ack);
        at[12] = 5 << 4;
        at[13] = packet->flags;
        put16(at + 14, 0xfaf0);
    } else {
        put16(at + 4, (unsigned)bytes);
    }
    check = checksum_transport(&packet->from, &packet->to, packet->proto, at, bytes);
    put16(at + (tcp ? 16 : 6), check || tcp ? check : 0xffff);
    return bytes;
}

static void put_packet(const struct packet *packet, uint8_t *at, size_t *ip_bytes)
{
    bool v4 = packet->from.family == 4;
    size_t header = v4 ? 20 : 40, bytes = put_transport(packet, at + header);

    memset(at, 0, header);
    if (v4) {
        at[0] = 0x45;
        put16(at + 2, (unsigned)(header + bytes));
        put16(at + 6, 0x4000);
        at[8] = 64;
        at[9] = packet->proto;
        memcpy(at + 12, packet->from.addr, 4);
        memcpy(at + 16, packet->to.addr, 4);
        put16(at + 10, checksum(at, header));
    } else {
        at[0] = 0x60;
        put16(at + 4, (unsigned)bytes);
        at[6] = packet->proto;
        at[7] = 64;
        memcpy(at + 8, packet->from.addr, 16);
        memcpy(at + 24, packet->to.addr, 16);
    }
    *ip_bytes = header + bytes;
}

static void put_frame(enum place place, const struct packet *packet, struct frame *frame)
{
    const struct hop *hop = &hops[places[place].be0];

    memcpy(frame->data, places[place].out ? hop->to : hop->from, 6);
    memcpy(frame->data + 6, places[place].out ? hop->from : hop->to, 6);
    put16(frame->data + 12, packet->from.family == 4 ? 0x0800 : 0x86dd);
    put_packet(packet, frame->data + ETHERNET, &frame->bytes);
    frame->bytes += ETHERNET;
}

/* The reverse. The data path keeps headers where they are. */
static void get_packet(const struct frame *frame, struct packet *packet)
{
    const uint8_t *at = frame->data + ETHERNET;
    bool v4 = at[0] == 0x45, tcp;
    size_t header = v4 ? 20 : 40, bytes = frame->bytes - ETHERNET - header;

    *packet = (struct packet){.proto = at[v4 ? 9 : 6]};
    memcpy(packet->from.addr, at + (v4 ? 12 : 8), v4 ? 4 : 16);
    memcpy(packet->to.addr, at + (v4 ? 16 : 24), v4 ? 4 : 16);
    tcp = packet->proto == IPPROTO_TCP;
    packet->from.family = packet->to.family = v4 ? 4 : 6;
    packet->from.port = (uint16_t)get16(at + header);
    packet->to.port = (uint16_t)get16(at + header + 2);
    packet->payload = (uint16_t)(bytes - (tcp ? 20 : 8));
    if (tcp) {
        packet->seq = get32(at + header + 4);
        packet->ack = get32(at + header + 8);
        packet->flags = at[header + 13];
    }
    if ((v4 && checksum(at, header)) ||
        checksum_transport(&packet->from, &packet->to, packet->proto, at + header, bytes))
        packet->from.family = 0;
}

static struct run run_at(enum place place, bool xdp)
{
    return (struct run){.program = places[place].out ? TC_EGRESS
                                   : xdp             ? XDP_INGRESS
                                                     : TC_INGRESS,
                        .ifindex = indices[1 + places[place].be0],
                        .came_in_by = indices[places[place].from]};
}

enum verdict wire_run(enum place place, bool xdp, const struct packet *in, struct packet *out)
{
    static struct frame before, after;
    struct run run = run_at(place, xdp);
    enum verdict verdict;

    put_frame(place, in, &before);
    verdict = data_path_run(&run, &before, &after);
    get_packet(&after, out);
    if (tracing) {
        trace("%s by %s: %s", places[place].name, program_names[run.program], packet_text(in));
        trace("    %s: %s", verdict_names[verdict], packet_text(out));
    }
    return verdict;
}

void wire_frame(bool xdp, const struct frame *in)
{
    static struct frame out;
    struct run run = run_at(FROM_CLIENTS, xdp);

    data_path_run(&run, in, &out);
}
