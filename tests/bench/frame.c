// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Builds the frames that are sent through the programs, and looks at what comes out. */
#include "bench.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

#include "parse.h"

#define PAYLOAD 32
#define TTL     64

/* Where things are in a frame. */
struct place_in_frame {
    bool v6;
    uint8_t proto;
    size_t l4, l4_bytes, check; /* `check` is the offset of the checksum of TCP or UDP */
};

static struct place_in_frame frame_look(const struct frame *frame)
{
    const struct ethhdr *eth = (const void *)frame->bytes;
    struct place_in_frame at = {.v6 = eth->h_proto == htons(ETH_P_IPV6)};

    at.l4 = sizeof(*eth) + (at.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
    at.proto = at.v6 ? ((const struct ipv6hdr *)(eth + 1))->nexthdr
                     : ((const struct iphdr *)(eth + 1))->protocol;
    at.l4_bytes = frame->size - at.l4;
    at.check = at.l4 + (at.proto == IPPROTO_TCP ? offsetof(struct tcphdr, check)
                                                : offsetof(struct udphdr, check));
    return at;
}

static uint32_t sum_bytes(const uint8_t *bytes, size_t count, uint32_t sum)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return count & 1 ? sum + ((uint32_t)bytes[count - 1] << 8) : sum;
}

static uint16_t sum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The sum of everything that the checksum of TCP or UDP covers, that itself included. */
static uint16_t l4_sum(const struct frame *frame)
{
    struct place_in_frame at = frame_look(frame);
    size_t addr_bytes = at.v6 ? 32 : 8;
    uint32_t sum = at.proto + (uint32_t)at.l4_bytes;

    sum = sum_bytes(frame->bytes + at.l4 - addr_bytes, addr_bytes, sum);
    return sum_fold(sum_bytes(frame->bytes + at.l4, at.l4_bytes, sum));
}

static void put_check(uint8_t *at, uint16_t sum)
{
    uint16_t check = htons((uint16_t)~sum);

    memcpy(at, &check, sizeof(check));
}

static void build_ip(struct frame *frame, const struct fs_endpoint *source,
                     const struct fs_endpoint *dest, uint8_t proto, size_t l4_bytes)
{
    struct ethhdr *eth = (void *)frame->bytes;

    memcpy(eth->h_dest, (const __u8[])NETWORK_MAC, ETH_ALEN);
    memset(eth->h_source, 0x06, ETH_ALEN);
    if (source->family == 4) {
        struct iphdr *ip = (void *)(eth + 1);

        eth->h_proto = htons(ETH_P_IP);
        *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = TTL, .protocol = proto};
        ip->tot_len = htons((uint16_t)(sizeof(*ip) + l4_bytes));
        ip->saddr = source->addr[0];
        ip->daddr = dest->addr[0];
        put_check((uint8_t *)&ip->check, sum_fold(sum_bytes((uint8_t *)ip, sizeof(*ip), 0)));
    } else {
        struct ipv6hdr *ip = (void *)(eth + 1);

        eth->h_proto = htons(ETH_P_IPV6);
        *ip = (struct ipv6hdr){.version = 6, .nexthdr = proto, .hop_limit = TTL};
        ip->payload_len = htons((uint16_t)l4_bytes);
        memcpy(&ip->saddr, source->addr, sizeof(ip->saddr));
        memcpy(&ip->daddr, dest->addr, sizeof(ip->daddr));
    }
}

static struct fs_endpoint endpoint(const char *text)
{
    struct fs_endpoint at = {0};
    struct error err;
    bool has_port;

    parse_client(text, &at, &has_port, &err); /* constants of ours: always right */
    return at;
}

void frame_build(struct frame *frame, const struct frame_spec *spec)
{
    struct fs_endpoint source = endpoint(spec->source), dest = endpoint(spec->dest);
    bool tcp = spec->proto == IPPROTO_TCP;
    size_t l4_bytes = (tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr)) + PAYLOAD;
    struct place_in_frame at;

    memset(frame, 0, sizeof(*frame));
    frame->size = sizeof(struct ethhdr) + l4_bytes +
                  (source.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
    memset(frame->bytes + frame->size - PAYLOAD, 0x5a, PAYLOAD);
    build_ip(frame, &source, &dest, spec->proto, l4_bytes);
    at = frame_look(frame);
    memcpy(frame->bytes + at.l4, &source.port_be, 2);
    memcpy(frame->bytes + at.l4 + 2, &dest.port_be, 2);
    if (tcp) {
        struct tcphdr *header = (void *)(frame->bytes + at.l4);

        header->doff = sizeof(*header) / 4;
        ((uint8_t *)header)[13] = spec->tcp_flags;
    } else {
        ((struct udphdr *)(frame->bytes + at.l4))->len = htons((uint16_t)l4_bytes);
    }
    put_check(frame->bytes + at.check, l4_sum(frame));
}

bool frame_is_sound(const struct frame *frame)
{
    struct place_in_frame at = frame_look(frame);
    const uint8_t *ip = frame->bytes + sizeof(struct ethhdr);

    if (!at.v6 && sum_fold(sum_bytes(ip, sizeof(struct iphdr), 0)) != 0xffff)
        return false;
    return l4_sum(frame) == 0xffff;
}

static struct fs_endpoint frame_end(const struct frame *frame, bool dest)
{
    struct place_in_frame at = frame_look(frame);
    struct fs_endpoint end = {.proto = at.proto, .family = at.v6 ? 6 : 4};
    size_t bytes = at.v6 ? 16 : 4;

    memcpy(end.addr, frame->bytes + at.l4 - (dest ? bytes : 2 * bytes), bytes);
    memcpy(&end.port_be, frame->bytes + at.l4 + (dest ? 2 : 0), 2);
    return end;
}

struct fs_endpoint frame_source(const struct frame *frame)
{
    return frame_end(frame, false);
}

struct fs_endpoint frame_dest(const struct frame *frame)
{
    return frame_end(frame, true);
}

bool frame_same(const struct frame *before, const struct frame *after, struct frame_changes may)
{
    struct place_in_frame at = frame_look(before);
    size_t addr = at.v6 ? 16 : 4;
    struct frame copy = *after;

    if (before->size != after->size)
        return false;
    if (may.macs)
        memcpy(copy.bytes, before->bytes, 2 * ETH_ALEN);
    if (may.client) {
        memcpy(copy.bytes + at.l4 - 2 * addr, before->bytes + at.l4 - 2 * addr, addr);
        memcpy(copy.bytes + at.l4, before->bytes + at.l4, 2);
    }
    return memcmp(before->bytes, copy.bytes, before->size) == 0;
}
