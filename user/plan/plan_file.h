/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file that declares services, the plan of a rollout, or both. */
#ifndef FLOWSPLIT_PLAN_FILE_H
#define FLOWSPLIT_PLAN_FILE_H

#include <stdio.h>

#include "plan.h"
#include "spec.h"

/* What a file declares. Owns what its parts do; release with plan_file_free(). */
struct plan_file {
    bool has_spec, has_plan; /* one of them at least */
    struct spec spec;
    struct plan plan;
};

/* Reads a YAML stream and checks all that can be checked without the running state: services, plan,
 * and if both are there, the plan against its service. `file` names the stream in messages
 * (file:line:column) and must outlive *out. Returns 0; or -EINVAL, -ENOMEM or the errno of reading
 * with *err set and *out empty. */
int plan_file_read(FILE *stream, const char *file, struct plan_file *out, struct error *err);
void plan_file_free(struct plan_file *contents);

/* The same by the name of a file, or of standard input for "-". */
int plan_file_open(const char *file, struct plan_file *out, struct error *err);

/* Leaves the services alone, which become the caller's, and frees *contents. Returns 0, or -EINVAL
 * with *err set and *out empty when there are none. */
int plan_file_take_spec(struct plan_file *contents, struct spec *out, struct error *err);

/* plan_file_read() and plan_file_take_spec(). */
int plan_file_read_spec(FILE *stream, const char *file, struct spec *out, struct error *err);

#endif
