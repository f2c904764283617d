// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looks whether a program did what its row says, before its time is believed. */
#include "bench.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "parse.h"

int check_counts(const struct object *object, uint64_t counts[FS_REASON_COUNT], struct error *err)
{
    int code = maps_reasons(&object->maps, counts);

    return code ? error_set(err, code, "reading the counters: %s", strerror(-code)) : 0;
}

/* One pass, which must leave the packet as it was, so that the next pass is one of the same kind.
 */
int check_row(const struct object *object, const struct row *row, struct error *err)
{
    struct frame in, out;
    struct run run = {.program = object_program(object, row->program),
                      .in = &in,
                      .out = &out,
                      .repeat = 1,
                      .action = row->action};
    struct error why;
    int code;

    frame_build(&in, &row->spec);
    code = run_program(&run, &why);
    if (code)
        return error_set(err, code, "%s: %s", row->id, why.text);
    if (!frame_same(&in, &out, row->may))
        return error_set(err, -EIO, "%s: a pass leaves another packet than it found", row->id);
    return 0;
}

/* A packet through one of the product's programs. */
struct steering {
    const char *program;
    struct frame_spec spec;
    int action;
    const char
        *service; /* its backend must be the destination, or for replies its VIP the source */
    bool reply;
};

#define TCP4    "10.64.0.1:40000", "198.51.100.1:80"
#define TCP6    "[2001:db8:3::1]:40000", "[2001:db8::1]:80"
#define REPLY4  "10.1.1.1:8080", "10.64.0.1:40000"
#define REPLY6  "[fd00:1::1]:8080", "[2001:db8:3::1]:40000"
#define UDP4    "10.64.0.1:40000", "198.51.100.4:53"
#define FAR4    "10.64.0.1:40000", "198.51.100.2:80"
#define FAR6    "[2001:db8:3::1]:40000", "[2001:db8::2]:80"
#define FROM4   "203.0.113.11:8080", "10.64.0.1:40000"
#define FROM6   "[2001:db8:1::11]:8080", "[2001:db8:3::1]:40000"
#define TCP_ACK IPPROTO_TCP, TCP_ACK_FLAG
#define TCP_SYN IPPROTO_TCP, TCP_SYN_FLAG

static const struct steering steerings[] = {
    {"xdp_ingress", {TCP4, TCP_ACK}, XDP_PASS, "near4", false},
    {"xdp_ingress", {TCP4, TCP_SYN}, XDP_PASS, "near4", false},
    {"xdp_ingress", {TCP6, TCP_ACK}, XDP_PASS, "near6", false},
    {"xdp_ingress", {UDP4, IPPROTO_UDP, 0}, XDP_PASS, "udp4", false},
    {"xdp_ingress", {FAR4, TCP_ACK}, XDP_REDIRECT, "far4", false},
    {"xdp_ingress", {FAR6, TCP_ACK}, XDP_REDIRECT, "far6", false},
    {"xdp_ingress", {FROM4, TCP_ACK}, XDP_REDIRECT, "far4", true},
    {"xdp_ingress", {FROM6, TCP_ACK}, XDP_REDIRECT, "far6", true},
    {"tc_ingress", {TCP4, TCP_ACK}, TC_ACT_UNSPEC, "near4", false},
    {"tc_ingress", {TCP6, TCP_ACK}, TC_ACT_UNSPEC, "near6", false},
    {"tc_ingress", {UDP4, IPPROTO_UDP, 0}, TC_ACT_UNSPEC, "udp4", false},
    {"tc_egress", {REPLY4, TCP_ACK}, TC_ACT_UNSPEC, "near4", true},
    {"tc_egress", {REPLY6, TCP_ACK}, TC_ACT_UNSPEC, "near6", true},
};

static bool same_end(const struct fs_endpoint *a, const struct fs_endpoint *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_backend_of(const struct model *model, int service, const struct fs_endpoint *at)
{
    for (uint32_t i = 0; i < model->backend_count; i++)
        if (model->backends[i].service == service && same_end(&model->backends[i].at, at))
            return true;
    return false;
}

/* Is the one end what it must have become, and the other what it was? */
static bool went_right(const struct model *model, const struct steering *steering,
                       const struct frame *in, const struct frame *out)
{
    int service = model_find(model, steering->service);
    struct fs_endpoint source = frame_source(out), dest = frame_dest(out);
    struct fs_endpoint source_before = frame_source(in), dest_before = frame_dest(in);

    if (service < 0 || !frame_is_sound(out))
        return false;
    if (steering->reply)
        return same_end(&source, &model->services[service].record.vip) &&
               same_end(&dest, &dest_before);
    return is_backend_of(model, service, &dest) && same_end(&source, &source_before);
}

int check_steering(const struct object *object, struct error *err)
{
    struct model *model =
        model_read(object->skel->bss->fs_arena, &object->skel->data_trips->fs_trips, err);
    int code = model ? 0 : -ENOMEM;

    for (size_t i = 0; i < sizeof(steerings) / sizeof(steerings[0]) && !code; i++) {
        const struct steering *steering = &steerings[i];
        struct frame in, out;
        struct run run = {.program = object_program(object, steering->program),
                          .in = &in,
                          .out = &out,
                          .repeat = 1,
                          .action = steering->action};

        frame_build(&in, &steering->spec);
        code = run_program(&run, err);
        if (!code && !went_right(model, steering, &in, &out))
            code = error_set(err, -EIO, "%s steers %s -> %s wrongly", steering->program,
                             steering->spec.source, steering->spec.dest);
    }
    model_free(model);
    return code;
}
