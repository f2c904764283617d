// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP connections, segment by segment. */
#include "talk.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dissect.h"
#include "evidence.h"
#include "host.h"
#include "tap.h"

#define ETHERNET_BYTES 14
#define PAYLOAD        60
#define TRIES          60000

/* A service's number is in its VIP and in its backends' ports. */
#define LOCAL4(number)                                                                     \
    .vip = "10.0.0." number ":80", .client = "192.0.2.10", .stable = "10.1.0.1:80" number, \
    .canary = "10.1.0.2:80" number
#define LOCAL6(number)                                            \
    .vip = "[fd00::" number "]:80", .client = "[2001:db8:c::10]", \
    .stable = "[fd00:1::1]:80" number, .canary = "[fd00:1::2]:80" number
#define REMOTE4(number)                                                    \
    .remote = true, .vip = "10.0.0." number ":80", .client = "192.0.2.10", \
    .stable = "198.51.100.11:80" number, .canary = "198.51.100.12:80" number
#define REMOTE6(number)                                                           \
    .remote = true, .vip = "[fd00::" number "]:80", .client = "[2001:db8:c::10]", \
    .stable = "[2001:db8:b::11]:80" number, .canary = "[2001:db8:b::12]:80" number

const struct way ways[WAYS] = {
    {.name = "XDP, IPv4, local", .service = "xl4", .in = XDP_INGRESS, LOCAL4("21")},
    {.name = "TC, IPv4, local", .service = "tl4", .in = TC_INGRESS, LOCAL4("22")},
    {.name = "XDP, IPv6, local", .service = "xl6", .in = XDP_INGRESS, LOCAL6("23")},
    {.name = "TC, IPv6, local", .service = "tl6", .in = TC_INGRESS, LOCAL6("24")},
    {.name = "XDP, IPv4, remote", .service = "xr4", .in = XDP_INGRESS, REMOTE4("25")},
    {.name = "TC, IPv4, remote", .service = "tr4", .in = TC_INGRESS, REMOTE4("26")},
    {.name = "XDP, IPv6, remote", .service = "xr6", .in = XDP_INGRESS, REMOTE6("27")},
    {.name = "TC, IPv6, remote", .service = "tr6", .in = TC_INGRESS, REMOTE6("28")},
};

static struct {
    const char *backend;
    struct fs_backend_counters sent;
} traffic;

const char *ways_declare(const char *options, const char *stable_weight, const char *canary_weight)
{
    static char text[8192];
    size_t used = (size_t)snprintf(text, sizeof(text), "services:\n");

    for (size_t i = 0; i < WAYS; i++)
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "  - {name: %s, vip: '%s/tcp', mode: nat, affinity: flow, baseline: stable, %s\n"
            "     versions: [{name: stable, weight: %s, backends: ['%s']},\n"
            "     {name: canary, weight: %s, backends: ['%s']}]}\n",
            ways[i].service, ways[i].vip, options, stable_weight, ways[i].stable, canary_weight,
            ways[i].canary);
    if (used >= sizeof(text))
        give_up("no room for the services");
    return text;
}

void ways_renew(const char *options, const char *stable_weight, const char *canary_weight)
{
    for (size_t i = 0; i < WAYS; i++)
        flowsplit("delete %s", ways[i].service);
    flowsplit_apply(ways_declare(options, stable_weight, canary_weight));
    tables_clear();
}

void way_test(const struct way *way, const char *sentence)
{
    test_begin("%s (%s)", sentence, way->name);
}

char *way_client(const struct way *way, char *text)
{
    static unsigned port = 1024;

    port = port == 65535 ? 1024 : port + 1;
    snprintf(text, END_TEXT, "%s:%u", way->client, port);
    return text;
}

static bool fits(const struct talk *talk, char *led)
{
    hash_leads(talk->way->service, talk->client, led);
    return (!talk->backend || !strcmp(led, talk->backend)) &&
           handshake_has_room(talk->way->service, talk->client);
}

struct talk talk_new(const struct way *way, const char *backend)
{
    struct talk talk = {.way = way, .backend = backend, .isn = host_random() | 1};
    char led[END_TEXT];
    int tries = 0;

    talk.answer = host_random() | 1;
    do {
        if (tries++ == TRIES)
            give_up("the hash leads nobody to %s", backend ? backend : "any backend");
        way_client(way, talk.client);
    } while (!fits(&talk, led));
    served_set(way->service, talk.client, true);
    if (!backend)
        talk.backend = !strcmp(led, way->stable) ? way->stable : way->canary;
    return talk;
}

static struct spec describe(const char *from, const char *to, const struct segment *segment,
                            uint32_t seq, uint32_t ack)
{
    seq += segment->seq;
    ack += segment->ack;
    return (struct spec){.from = from,
                         .to = to,
                         .proto = IPPROTO_TCP,
                         .tcp_flags = (uint8_t)segment->flags,
                         .sequence = seq,
                         .sequence_zero = segment->refusal || !seq,
                         .tcp_options = segment->flags & SYN ? 20 : 12,
                         .acknowledges = ack,
                         .acknowledges_zero = segment->without_ack || !ack,
                         .payload = segment->payload,
                         .text = segment->text,
                         .wrong_check = segment->wrong_check,
                         .options = segment->options,
                         .data_offset = segment->data_offset,
                         .ttl = segment->ttl,
                         .ip_options = segment->ip_options};
}

/* As a router sends it on. */
static void send_on(struct spec *spec, struct hop *hop, const char *interface, const char *next)
{
    struct end end = end_of(next);
    unsigned last = end.family == 4 ? end.addr[3] : end.addr[15] / 16 * 10u + end.addr[15] % 16;

    *hop = host_hop(interface, last);
    spec->to_mac = hop->to;
    spec->from_mac = hop->from;
    spec->ttl = 63;
}

static void count_in(const char *backend, const struct frame *frame, unsigned flags)
{
    if (!traffic.backend || strcmp(traffic.backend, backend))
        return;
    traffic.sent.packets_in++;
    traffic.sent.bytes_in += frame->bytes - ETHERNET_BYTES;
    traffic.sent.new_flows += (flags & (SYN | ACK | RST | FIN)) == SYN;
}

const char *client_led(const struct talk *talk, struct segment segment)
{
    struct run run = {.program = talk->way->in, .ifindex = host_interface("cl0")};
    struct spec spec = describe(talk->client, talk->way->vip, &segment, talk->isn, talk->answer);
    static char backend[END_TEXT];
    static struct frame in, out, wished;
    struct packet_parts parts;
    enum verdict verdict;
    struct hop hop;

    frame_build(&spec, &in);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == (talk->way->remote ? FORWARD : PASS), "a packet of %s: verdict %s",
          talk->client, verdict_names[verdict]);
    dissect(out.data, out.bytes, &parts);
    spec.to = end_text(&parts.to, backend);
    if (talk->way->remote)
        send_on(&spec, &hop, "be0", backend);
    frame_build(&spec, &wished);
    check_frame(&out, &wished);
    count_in(backend, &in, segment.flags);
    return backend;
}

void client_says(const struct talk *talk, struct segment segment)
{
    const char *to = client_led(talk, segment);

    check(!strcmp(to, talk->backend), "a packet of %s, flags %02x, went to %s instead of %s",
          talk->client, segment.flags, to, talk->backend);
}

void backend_says(const struct talk *talk, struct segment segment)
{
    bool remote = talk->way->remote;
    struct run run = {.program = remote ? talk->way->in : TC_EGRESS,
                      .ifindex = host_interface(remote ? "be0" : "cl0")};
    struct spec spec = describe(talk->backend, talk->client, &segment, talk->answer, talk->isn);
    static struct frame in, out, wished;
    enum verdict verdict;
    struct hop hop = host_hop("be0", 11);

    if (remote)
        spec.to_mac = hop.from;
    frame_build(&spec, &in);
    spec.from = talk->way->vip;
    if (remote)
        send_on(&spec, &hop, "cl0", talk->client);
    frame_build(&spec, &wished);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == (remote ? FORWARD : PASS), "a packet to %s: verdict %s", talk->client,
          verdict_names[verdict]);
    check_frame(&out, &wished);
    if (traffic.backend && !strcmp(traffic.backend, talk->backend)) {
        traffic.sent.packets_out++;
        traffic.sent.bytes_out += in.bytes - ETHERNET_BYTES;
    }
}

void talk_syn(const struct talk *talk)
{
    client_says(talk, (struct segment){.flags = SYN, .without_ack = true});
}

void talk_answered(const struct talk *talk)
{
    backend_says(talk, (struct segment){.flags = SYN | ACK, .ack = 1});
}

void talk_refused(const struct talk *talk)
{
    backend_says(talk, (struct segment){.flags = RST | ACK, .ack = 1, .refusal = true});
}

void talk_begin(const struct talk *talk)
{
    talk_syn(talk);
    talk_answered(talk);
    client_says(talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
}

void talk_asks(const struct talk *talk)
{
    static const char request[PAYLOAD + 1] =
        "GET / HTTP/1.1\r\nHost: a.example\r\nX: aaaaaaaaaaaaaaaaaaaa\r\n\r\n";

    client_says(talk,
                (struct segment){
                    .flags = PSH | ACK, .seq = 1, .ack = 1, .payload = PAYLOAD, .text = request});
}

void talk_tells(const struct talk *talk, const char *text)
{
    backend_says(
        talk,
        (struct segment){
            .flags = PSH | ACK, .seq = 1, .ack = 1 + PAYLOAD, .payload = PAYLOAD, .text = text});
}

void talk_goes_on(struct talk *talk)
{
    talk->isn += PAYLOAD;
    talk->answer += PAYLOAD;
}

void talk_fails(const struct way *way, const char *backend)
{
    struct talk talk = talk_new(way, backend);

    talk_syn(&talk);
    talk_refused(&talk);
}

void talk_succeeds(const struct way *way, const char *backend)
{
    struct talk talk = talk_new(way, backend);

    talk_begin(&talk);
}

void traffic_begin(const char *backend)
{
    traffic.backend = backend;
    memset(&traffic.sent, 0, sizeof(traffic.sent));
}

struct fs_backend_counters traffic_sent(void)
{
    return traffic.sent;
}
