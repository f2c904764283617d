/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a command beside the event loop: what it says last and how it ended, within a time. */
#ifndef FLOWSPLIT_PROCESS_H
#define FLOWSPLIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"

enum {
    PROCESS_OUTPUT_MAX = 512, /* what is kept of the output: its end */
    PROCESS_TEXT_MAX = 200,   /* room for process_text() */
};

enum process_end {
    PROCESS_EXITED,    /* `status` is its exit status */
    PROCESS_KILLED,    /* by a signal that wasn't ours; `status` is its number */
    PROCESS_TIMED_OUT, /* killed with its children; `status` is how many ms it was given */
};

/* How a command ended. */
struct process_result {
    enum process_end end;
    int status;
    char output[PROCESS_OUTPUT_MAX]; /* the end of stdout and stderr, any bytes */
    size_t output_length;
};

/* Called from the event loop, once, when the command has ended. The process is gone by then, and
 * the callback may do anything. */
typedef void process_done(void *context, const struct process_result *result);

/* What is to be run. Needed only for the call of process_start(). */
struct process_spec {
    char *const *command;           /* words, ended by NULL; the first is looked for in PATH */
    const char *const *environment; /* "NAME=VALUE" in addition to ours, ended by NULL; or NULL */
    const char *input;              /* its stdin; NULL: /dev/null */
    uint64_t timeout_ns; /* then its process group gets SIGTERM, and is reported as timed out */
    uint64_t grace_ns;   /* until SIGKILL, and then until it is given up, killed or not */
};

struct process;

/* Starts a command in a session of its own, with no descriptors but 0 to 2, nothing blocked and
 * nothing ignored. It has ended when it has exited and nobody holds its stdout and stderr any more:
 * a child that does is part of it, until the time is over. A child that has redirected its output
 * elsewhere is left alone then, except at a time-out.
 *
 * If SIGCHLD is ignored, which parents may leave behind, it is so no longer. Returns 0, and
 * *process is valid until `done` is called; or -errno with *err set, when there is nothing to run.
 */
int process_start(sd_event *event, const struct process_spec *spec, process_done *done,
                  void *context, struct process **process, struct error *err);

/* Kills what is still running (SIGKILL, children too) without calling `done`, and without waiting:
 * the event loop reaps it. NULL is allowed. */
void process_free(struct process *process);

/* "exited with 3: out of coffee", "was killed by SIGSEGV", "timed out after 10.0s: ..."; printable.
 * buf holds PROCESS_TEXT_MAX. Returns buf. */
const char *process_text(const struct process_result *result, char *buf);

#endif
