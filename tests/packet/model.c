// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What may become of a frame. */
#include "model.h"

#include <netinet/in.h>
#include <string.h>

#include "host.h"
#include "remake.h"
#include "tap.h"

static const struct model_service *services;
static size_t service_count;

void model_begin(const struct model_service *all, size_t count)
{
    services = all;
    service_count = count;
}

/* --- which fates there are */

struct fates {
    const struct model_case *at;
    enum verdict verdict;
    const struct frame *out;
    bool changed, any;
};

/* A checksum that was wrong may have either form of zero. */
static bool is_made(const struct frame *out)
{
    size_t i = 0;

    if (out->bytes != made.bytes)
        return false;
    while (i < made.bytes && out->data[i] == made.data[i])
        i++;
    if (i == made.bytes)
        return true;
    for (i = 0; i + 1 < made.bytes; i += 2) {
        unsigned is = (unsigned)(out->data[i] << 8 | out->data[i + 1]), wished = made_word(i);

        if (is != wished && (is + 1) % 0x10000 > 1 && (wished + 1) % 0x10000 > 1)
            return false;
        if (is != wished && (is ^ wished) != 0xffff)
            return false;
    }
    return true;
}

static void fate_is(struct fates *fates, enum verdict verdict)
{
    bool same =
        made.bytes == fates->at->in->bytes && !memcmp(made.data, fates->at->in->data, made.bytes);

    if (fates->any || fates->verdict != verdict || !is_made(fates->out))
        return;
    fates->any = true;
    fates->changed = !same;
}

static void begin(const struct fates *fates)
{
    made = *fates->at->in;
}

static void untouched(struct fates *fates)
{
    begin(fates);
    fate_is(fates, PASS);
}

static bool same_addr(const struct end *a, const struct end *b)
{
    return a->family == b->family && !memcmp(a->addr, b->addr, 16);
}

static bool same(const struct end *a, const struct end *b)
{
    return same_addr(a, b) && a->port == b->port;
}

static const struct model_service *service_at(const struct packet_parts *parts,
                                              const struct end *vip)
{
    for (size_t i = 0; i < service_count; i++)
        if (parts->kind == (services[i].proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP) &&
            same(vip, &services[i].vip))
            return &services[i];
    return NULL;
}

static const struct model_service *service_with(const struct packet_parts *parts,
                                                const struct end *backend)
{
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < MODEL_BACKENDS; k++)
            if (parts->kind == (services[i].proto == IPPROTO_TCP ? KIND_TCP : KIND_UDP) &&
                same(backend, &services[i].backends[k]))
                return &services[i];
    return NULL;
}

/* Only the address changes: the checksum of what is behind it came in the first fragment. */
static void later_goes(struct fates *fates, bool source, const struct end *to,
                       const struct end *next)
{
    enum verdict verdict;

    begin(fates);
    set_addr(fates->at, &fates->at->parts, source, to, NULL);
    verdict = next ? send_on(fates->at, next) : PASS;
    fate_is(fates, verdict == ANYTHING_ELSE && !source ? PASS : verdict);
}

/* A later fragment: where its first went, or if nobody has seen that, nowhere. */
static void later(struct fates *fates)
{
    const struct packet_parts *parts = &fates->at->parts;
    bool leaves = program_is_egress(fates->at->program);

    untouched(fates);
    for (size_t i = 0; i < service_count; i++)
        for (size_t k = 0; k < MODEL_BACKENDS; k++) {
            const struct end *backend = &services[i].backends[k], *vip = &services[i].vip;

            if (!leaves && same_addr(&parts->to, vip))
                later_goes(fates, false, backend, backend);
            if (same_addr(&parts->from, backend) && (leaves || !host_route(backend).local))
                later_goes(fates, true, vip, leaves ? NULL : &parts->to);
        }
}

/* To one of the service's backends; where the frame can't be sent on from here, the stack does it.
 */
static void to_backends(struct fates *fates, const struct model_service *service)
{
    for (size_t k = 0; k < MODEL_BACKENDS; k++) {
        const struct end *to = &service->backends[k];
        enum verdict verdict;

        begin(fates);
        if (fates->at->parts.kind == KIND_ICMP_ERROR)
            set_quoted(fates->at, true, to, true);
        else
            set_end(fates->at, false, to);
        if (fates->at->parts.kind != KIND_ICMP_ERROR && !host_route(to).local &&
            same_addr(&fates->at->parts.from, to))
            set_addr(fates->at, &fates->at->parts, true, &service->vip, NULL);
        verdict = send_on(fates->at, to);
        fate_is(fates, verdict == ANYTHING_ELSE ? PASS : verdict);
    }
}

/* What a remote backend sends to the VIP's address is for itself. At TC it comes in once more then.
 */
static void from_backend_to_itself(struct fates *fates, const struct model_service *service)
{
    const struct model_case *at = fates->at;
    enum verdict verdict;

    begin(fates);
    set_addr(at, &at->parts, false, &at->parts.from, NULL);
    fate_is(fates, program_is_xdp(at->program) ? PASS : FORWARD);
    if (!program_is_xdp(at->program))
        return;
    set_end(at, true, &service->vip);
    verdict = send_on(at, &at->parts.from);
    if (verdict != ANYTHING_ELSE)
        fate_is(fates, verdict);
}

/* One that comes in: sent on from here, or left to the stack as it is. */
static void from_backend(struct fates *fates, const struct model_service *service)
{
    enum verdict verdict;

    untouched(fates);
    if (host_route(&fates->at->parts.from).local)
        return;
    if (same_addr(&fates->at->parts.to, &service->vip))
        from_backend_to_itself(fates, service);
    begin(fates);
    set_end(fates->at, true, &service->vip);
    verdict = send_on(fates->at, &fates->at->parts.to);
    if (verdict != ANYTHING_ELSE)
        fate_is(fates, verdict);
}

static void come_in(struct fates *fates)
{
    const struct model_case *at = fates->at;
    const struct model_service *service;

    if (at->parts.kind == KIND_ICMP_ERROR) {
        service = service_at(&at->quote, &at->quote.from);
        if (service && same_addr(&at->parts.to, &service->vip))
            to_backends(fates, service);
        else
            untouched(fates);
        return;
    }
    service = service_at(&at->parts, &at->parts.to);
    if (service) {
        to_backends(fates, service);
        return;
    }
    service = service_with(&at->parts, &at->parts.from);
    if (service)
        from_backend(fates, service);
    else
        untouched(fates);
}

/* A RST for no connection may be held back, where the flow's bucket is moving. */
static bool may_be_held(const struct model_case *at)
{
    return at->parts.kind == KIND_TCP &&
           (at->in->data[at->parts.transport_at + 13] & (RST | ACK)) == RST;
}

static void leave(struct fates *fates)
{
    const struct model_case *at = fates->at;
    bool error = at->parts.kind == KIND_ICMP_ERROR;
    const struct model_service *service =
        error ? service_with(&at->quote, &at->quote.to) : service_with(&at->parts, &at->parts.from);

    untouched(fates);
    if (!service)
        return;
    begin(fates);
    if (may_be_held(at))
        fate_is(fates, DROP);
    if (error)
        set_quoted(at, false, &service->vip, same_addr(&at->parts.from, &at->quote.to));
    else
        set_end(at, true, &service->vip);
    fate_is(fates, PASS);
}

bool model_allows(const struct model_case *at, enum verdict verdict, const struct frame *out,
                  bool *changed)
{
    struct fates fates = {.at = at, .verdict = verdict, .out = out};

    if (at->program == XDP_LEARN || at->program == TC_LEARN ||
        (!program_is_egress(at->program) && !at->for_host))
        untouched(&fates);
    else if (at->parts.kind == KIND_FRAGMENT)
        later(&fates);
    else if (program_is_egress(at->program))
        leave(&fates);
    else
        come_in(&fates);
    if (!fates.any)
        frame_note("lawful were", made.data, made.bytes);
    *changed = fates.changed;
    return fates.any;
}
