/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a subcommand is, and what all of them share: options, messages, opening the instance. */
#ifndef FLOWSPLIT_COMMAND_H
#define FLOWSPLIT_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "change.h"
#include "error.h"
#include "instance.h"
#include "settle.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

/* Options that any command takes, wherever they stand. */
struct options {
    const char *pin_dir;
    bool quiet;
    bool json;
    bool help;
    const char *command; /* its name */
    /* of single commands; texts are NULL if not given */
    bool all;
    bool watch;
    bool follow;
    bool keep;
    bool cut;
    const char *drain;
    const char *mode;
    const char *version;
    const char *state;
    const char *rate;
    const char *state_dir;
    const char *metrics;
    const char *timeout;
    bool full;
    bool top;
};

/* Which of the options of single commands a command takes. */
enum option_set {
    OPTION_JSON = 1,
    OPTION_ALL = 2,
    OPTION_WATCH = 4,
    OPTION_MODE = 8,
    OPTION_FOLLOW = 16,
    OPTION_LIVE_FLOWS = 32, /* --keep, --drain, --cut */
    OPTION_FILTER = 64,     /* --version, --state */
    OPTION_RATE = 128,
    OPTION_STATE = 256, /* --state-dir */
    OPTION_METRICS = 512,
    OPTION_TIMEOUT = 1024,
    OPTION_FULL = 2048,
    OPTION_TOP = 4096,
};

/* A subcommand; its file defines one, and main.c lists it. */
struct command {
    const char *name;
    const char *usage;      /* what stands behind the name */
    const char *summary;    /* one line */
    const char *help;       /* the rest of `help NAME`, lines ended */
    int options;            /* enum option_set */
    int args_min, args_max; /* -1: any number */
    int (*run)(const struct options *options, int argc, char **argv); /* returns enum exit_code */
};

/* A line each. */
/* clang-format off */
extern const struct command
    command_apply,
    command_attach,
    command_clear,
    command_conns,
    command_delete,
    command_detach,
    command_doctor,
    command_events,
    command_explain,
    command_guard,
    command_help,
    command_history,
    command_lint,
    command_metrics,
    command_reasons,
    command_restore,
    command_rollout,
    command_run,
    command_save,
    command_set,
    command_status,
    command_top,
    command_version,
    command_wait,
    command_withdraw;
/* clang-format on */

/* All commands, ended by NULL, in the order of help. */
extern const struct command *const commands[];

/* The command of this name, or NULL. */
const struct command *command_find(const char *name);

void command_print_usage(FILE *to, const struct command *command);

/* Prints the one message of a failure and returns EXIT_FAILED. */
int command_failed(const struct error *err);

/* The same for bad words on the command line; returns EXIT_MISUSED. */
int command_misused(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A change under way: instance open, model read and swept. */
struct transaction {
    struct instance instance;
    struct model *model;
    uint32_t now;   /* tick at which the change counts as made */
    uint32_t slack; /* ticks it may take from then to its publication */
    enum settle_way way;
    char *notes; /* what the change says of itself */
    size_t notes_bytes;
    FILE *notes_stream;
    bool acted; /* something was done besides the model, so the notes are an event, too */
};

/* Runs a change from lock to publication: opens the instance, sweeps, lets `change` alter tx->model
 * (returning 0 or -errno with *err set), publishes, and prints the notes unless quiet. A change
 * that took too long to prepare, so that its times would no longer be true, is made anew. Returns
 * 0, or -errno with *err set and nothing changed. */
int transaction_run(const struct options *options, enum instance_access want,
                    int (*change)(struct transaction *tx, void *context, struct error *err),
                    void *context, struct error *err);

/* What a change to tx->model needs to know of the world. */
struct change transaction_change(const struct transaction *tx);

#endif
