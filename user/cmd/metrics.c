// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit metrics`. */
#include <errno.h>

#include "command.h"
#include "metrics.h"
#include "state_dir.h"

static int run(const struct options *options, int argc, char **argv)
{
    struct metrics_text text = {0};
    char state_dir[STATE_PATH_MAX];
    struct error err;
    int code =
        metrics_exposition(&text, options->pin_dir,
                           state_dir_path(state_dir, options->state_dir, options->pin_dir), &err);

    (void)argc;
    (void)argv;
    fwrite(text.bytes, 1, text.length, stdout);
    metrics_text_free(&text);
    return code && code != -ENOENT && code != -ENOTDIR ? command_failed(&err) : EXIT_DONE;
}

const struct command command_metrics = {
    .name = "metrics",
    .usage = "[--state-dir DIR]",
    .summary = "Prints all that is counted once, in the text format of Prometheus",
    .help = "docs/metrics.md describes each metric. Without an instance, flowsplit_up is 0,\n"
            "and a comment says why.\n"
            "For node_exporter's textfile collector, write to a file of another name in its\n"
            "directory and rename that to flowsplit.prom.\n",
    .options = OPTION_STATE,
    .run = run,
};
