// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pinned programs of the instance under test. */
#include "data_path.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "pinned.h"
#include "tap.h"

/* Since 6.16; not in Debian 12's headers. */
#define TEST_SKB_CHECKSUM_COMPLETE (1u << 2)

const char *const program_names[PROGRAM_COUNT] = {"xdp_ingress",       "tc_ingress", "tc_egress",
                                                  "xdp_learn",         "tc_learn",   "tc_stand_in",
                                                  "tc_egress_stand_in"};
const char *const verdict_names[] = {"pass", "drop", "forward", "back", "anything else"};

static int programs[PROGRAM_COUNT];

int pinned_open(const char *dir, const char *kind, const char *name)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s/%s", dir, kind, name);
    fd = bpf_obj_get(path);
    if (fd < 0)
        give_up("cannot open %s: %s", path, strerror(errno));
    return fd;
}

void data_path_open(const char *pin_dir)
{
    for (int i = 0; i < PROGRAM_COUNT; i++)
        programs[i] = pinned_open(pin_dir, "programs", program_names[i]);
    data_maps_open(pin_dir);
}

static enum verdict xdp_verdict(unsigned returned)
{
    return returned == XDP_PASS       ? PASS
           : returned == XDP_DROP     ? DROP
           : returned == XDP_REDIRECT ? FORWARD
           : returned == XDP_TX       ? BACK
                                      : ANYTHING_ELSE;
}

static enum verdict tc_verdict(unsigned returned)
{
    return (int)returned == TC_ACT_UNSPEC     ? PASS
           : (int)returned == TC_ACT_SHOT     ? DROP
           : (int)returned == TC_ACT_REDIRECT ? FORWARD
                                              : ANYTHING_ELSE;
}

bool program_is_egress(enum program program)
{
    return program == TC_EGRESS || program == TC_EGRESS_STAND_IN;
}

bool program_is_xdp(enum program program)
{
    return program == XDP_INGRESS || program == XDP_LEARN;
}

int data_path_try(const struct run *run, const struct frame *in, struct frame *out,
                  enum verdict *verdict, int *raw)
{
    struct xdp_md xdp = {.data_end = (__u32)in->bytes, .ingress_ifindex = run->ifindex};
    struct __sk_buff skb = {.ifindex = run->ifindex,
                            .ingress_ifindex = run->came_in_by,
                            .gso_size = run->gso_size,
                            .gso_segs = run->gso_size ? (__u32)in->bytes / run->gso_size + 1 : 0};
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_out = out->data,
                .data_size_in = (__u32)in->bytes, .data_size_out = FRAME_MAX, .repeat = 1,
                .ctx_in = program_is_xdp(run->program) ? (void *)&xdp : (void *)&skb,
                .ctx_size_in = program_is_xdp(run->program) ? sizeof(xdp) : sizeof(skb),
                .flags = run->complete ? TEST_SKB_CHECKSUM_COMPLETE : 0);
    int err = bpf_prog_test_run_opts(programs[run->program], &opts);

    if (err)
        return err;
    out->bytes = opts.data_size_out;
    *verdict = program_is_xdp(run->program) ? xdp_verdict(opts.retval) : tc_verdict(opts.retval);
    if (raw)
        *raw = (int)opts.retval;
    return 0;
}

enum verdict data_path_run(const struct run *run, const struct frame *in, struct frame *out)
{
    enum verdict verdict;
    int raw, err = data_path_try(run, in, out, &verdict, &raw);

    if (err) {
        frame_note("the frame", in->data, in->bytes);
        give_up("cannot run %s: %s", program_names[run->program], strerror(-err));
    }
    check(verdict != ANYTHING_ELSE, "%s returned %d", program_names[run->program], raw);
    return verdict;
}
