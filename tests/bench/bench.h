/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the benchmark share: rows, frames, and the loaded object. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flowsplit/abi.h>
#include <flowsplit/health.h>
#include <flowsplit/reasons.h>

#include "bench.skel.h"
#include "unobserved.skel.h"
#include "error.h"
#include "maps.h"

#define FRAME_MAX 256
#define RUNS_MAX  101

/* --- frames */

/* A packet by its ends, written as on the command line: "10.0.0.1:80", "[2001:db8::1]:80". */
struct frame_spec {
    const char *source, *dest;
    uint8_t proto;
    uint8_t tcp_flags;
};

struct frame {
    uint8_t bytes[FRAME_MAX];
    size_t size;
};

enum { TCP_SYN_FLAG = 0x02, TCP_ACK_FLAG = 0x10 };

/* Ethernet, IP and TCP or UDP with a small payload and right checksums. */
void frame_build(struct frame *frame, const struct frame_spec *spec);

/* Are the checksums of IP and TCP or UDP right, all summed up anew? */
bool frame_is_sound(const struct frame *frame);

/* The ends of an IPv4 or IPv6 frame without options. */
struct fs_endpoint frame_source(const struct frame *frame);
struct fs_endpoint frame_dest(const struct frame *frame);

/* What a pass may leave different from the frame that went in. */
struct frame_changes {
    bool client; /* source address and port, and no checksum fits */
    bool macs;
};

bool frame_same(const struct frame *before, const struct frame *after, struct frame_changes may);

/* --- the object */

struct object {
    struct bench_bpf *skel;
    struct unobserved_bpf *unobserved; /* over the same maps */
    struct maps maps;
};

/* Opens and loads the object, and fills its arena with services. Returns 0 or -errno with *err set.
 */
int object_open(struct object *object, struct error *err);
void object_close(struct object *object);

/* The descriptor of a program by name, or -ENOENT; "unobserved NAME" is that of the same one with
 * nothing observed. */
int object_program(const struct object *object, const char *name);

/* The link-layer address of `lo`, by which test runs come in, and of whom they are sent on to: a
 * packet that was sent on may come again. */
#define NETWORK_MAC            \
    {                          \
        0x02, 0, 0, 0, 0, 0x02 \
    }

/* A network namespace of our own, with a way out for every address. Returns 0 or -errno with *err
 * set. */
int network_open(struct error *err);

/* --- rows */

enum row_kind { ROW_BASELINE, ROW_WRAPPER, ROW_STEERED };

/* One line of the table. */
struct row {
    const char *id; /* stays the same from version to version, for who compares */
    const char *text;
    enum row_kind kind;
    const char *program;
    struct frame_spec spec;
    int action; /* what the program returns */
    int reason; /* enum fs_reason that each pass counts, or NOTHING */
    struct frame_changes may;
    const char *empty; /* ids of rows to compare with; NULL for none */
    const char *floor;
    const char *wrapper; /* the same work around the program, without steering */
};

#define NOTHING (-1)

extern const struct row rows[];
extern const size_t row_count;

/* Filled in by measuring. */
struct result {
    double ns[RUNS_MAX]; /* sorted */
    size_t runs;
    bool wanted;
};

double result_min(const struct result *result);
double result_median(const struct result *result);

/* The place of the row with this id. */
size_t row_find(const char *id);

/* --- checks before a figure is believed */

/* That a pass of this row leaves the packet as it found it. */
int check_row(const struct object *object, const struct row *row, struct error *err);

/* That the product's programs, without wrappers, give packets the right ends and checksums. */
int check_steering(const struct object *object, struct error *err);

/* How often each reason has been counted. */
int check_counts(const struct object *object, uint64_t counts[FS_REASON_COUNT], struct error *err);

/* --- one run */

struct run {
    int program;
    const struct frame *in;
    struct frame *out; /* NULL when nobody asks */
    uint32_t repeat;
    int action;
    double ns; /* per pass */
};

/* Runs a program over a frame. Returns 0 or -errno with *err set. */
int run_program(struct run *run, struct error *err);

/* --- output */

struct machine {
    char cpu[128], kernel[128];
    int pinned;
    bool jit;
    size_t runs;
    uint32_t repeat;
};

void report_table(const struct machine *machine, const struct result *results);

/* Writes JSON to `path`, "-" for stdout. Returns 0 or -errno with *err set. */
int report_json(const char *path, const struct machine *machine, const struct result *results,
                struct error *err);

#endif
