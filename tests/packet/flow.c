// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets of flows. */
#include "flow.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dissect.h"
#include "host.h"
#include "tap.h"

void path_test(const struct path *path, const char *sentence)
{
    test_begin("%s (%s)", sentence, path->name);
}

char *path_client(const struct path *path, char *text)
{
    static unsigned port = 10000;

    snprintf(text, END_TEXT, "%s:%u", path->client, ++port);
    return text;
}

#define FAR_SEQUENCE 0x99887766
#define PAYLOAD      21

static struct spec describe(const struct path *path, const char *from, const char *to,
                            unsigned flags)
{
    uint32_t first = flags & FAR ? FAR_SEQUENCE : SEQUENCE; /* of the SYN, either way */
    uint32_t acknowledges = first + 1 + (flags & (FAST | ACKS_FIN) ? PAYLOAD : 0);
    bool later = !(flags & SYN) && (!(flags & RST) || flags & AWAITED);
    bool begins = path->proto == IPPROTO_TCP && flags & (SYN | REFUSED);

    return (struct spec){.from = from,
                         .to = to,
                         .proto = path->proto,
                         .tcp_flags = flags & REFUSED ? RST | ACK : (uint8_t)flags,
                         .sequence = first + later,
                         .sequence_zero = flags & REFUSED,
                         .acknowledges = acknowledges + !!(flags & ACKS_FIN),
                         .payload = begins && (flags & (FAST | ACK)) != FAST ? 0 : PAYLOAD};
}

static void check_at(const char *interface, const struct path *path, enum program program,
                     const char *from, const char *to, unsigned flags, const char *from_then,
                     const char *to_then)
{
    struct run run = {.program = program, .ifindex = host_interface(interface)};
    struct spec spec = describe(path, from, to, flags);
    static struct frame in, out, wished;
    enum verdict verdict;

    frame_build(&spec, &in);
    spec.from = from_then;
    spec.to = to_then;
    frame_build(&spec, &wished);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == PASS, "%s to %s, flags %02x: verdict %s", from, to, flags,
          verdict_names[verdict]);
    if (!check_frame(&out, &wished))
        note("that was %s to %s, flags %02x, wished %s to %s", from, to, flags, from_then, to_then);
}

void packet_check(const struct path *path, enum program program, const char *from, const char *to,
                  unsigned flags, const char *from_then, const char *to_then)
{
    check_at("cl0", path, program, from, to, flags, from_then, to_then);
}

void packet_check_remote(const struct path *path, enum program program, const char *from,
                         const char *to, unsigned flags, const char *from_then, const char *to_then)
{
    check_at("be0", path, program, from, to, flags, from_then, to_then);
}

const char *packet_sent_to(const struct path *path, const char *client, unsigned flags)
{
    struct run run = {.program = path->in, .ifindex = host_interface("cl0")};
    struct spec spec = describe(path, client, path->vip, flags);
    static char backend[END_TEXT];
    static struct frame in, out, wished;
    struct packet_parts parts;

    frame_build(&spec, &in);
    check(data_path_run(&run, &in, &out) == PASS, "a packet of %s didn't pass", client);
    dissect(out.data, out.bytes, &parts);
    spec.to = end_text(&parts.to, backend);
    frame_build(&spec, &wished);
    check_frame(&out, &wished);
    return backend;
}

void packet_goes(const struct path *path, const char *client, unsigned flags, const char *backend)
{
    const char *to = packet_sent_to(path, client, flags);

    check(!strcmp(to, backend), "a packet of %s, flags %02x, went to %s instead of %s", client,
          flags, to, backend);
}

void packet_goes_counted(const struct path *path, const char *client, unsigned flags,
                         const char *backend, ...)
{
    uint64_t before[FS_REASON_COUNT];
    int reasons[4] = {-1, -1, -1, -1};
    va_list args;

    va_start(args, backend);
    for (int i = 0; i < 3 && (reasons[i] = va_arg(args, int)) >= 0; i++)
        ;
    va_end(args);
    reasons_read(before);
    packet_goes(path, client, flags, backend);
    check_reasons(before, FS_REASON_TO_LOCAL, 1, reasons[0], 1, reasons[1], 1, reasons[2], 1, -1);
}

void packet_answered(const struct path *path, const char *client, const char *backend,
                     unsigned flags)
{
    packet_check(path, TC_EGRESS, backend, client, flags, path->vip, client);
}

void packet_held(const struct path *path, const char *client, const char *backend, unsigned flags)
{
    struct run run = {.program = TC_EGRESS, .ifindex = host_interface("cl0")};
    struct spec spec = describe(path, backend, client, flags);
    static struct frame in, out;
    enum verdict verdict;

    frame_build(&spec, &in);
    verdict = data_path_run(&run, &in, &out);
    check(verdict == DROP, "a reply to %s, flags %02x: verdict %s", client, flags,
          verdict_names[verdict]);
}
