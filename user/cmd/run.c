// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit run`. */
#include "command.h"
#include "controller.h"
#include "state_dir.h"

static int run(const struct options *options, int argc, char **argv)
{
    char state_dir[STATE_PATH_MAX];
    struct controller_options controller = {
        .pin_dir = options->pin_dir,
        .state_dir = state_dir_path(state_dir, options->state_dir, options->pin_dir),
        .metrics = options->metrics,
        .files = argv,
        .file_count = (size_t)argc};
    struct error err;

    return controller_run(&controller, &err) ? command_failed(&err) : EXIT_DONE;
}

const struct command command_run = {
    .name = "run",
    .usage = "[FILE...] [--metrics ADDRESS:PORT] [--state-dir DIR]",
    .summary = "Conducts rollouts: the plans in the files, and what the journal has under way",
    .help =
        "Stays in the foreground and says on stderr what it does. A rollout that has ended is\n"
        "not begun again by the same plan (`flowsplit rollout resume` does). If it dies, traffic\n"
        "and guard go on, and the next one takes up where the journal ends. SIGHUP reads the\n"
        "files again; SIGTERM stops. The journal is in --state-dir, by default in\n"
        "/var/lib/flowsplit, below the name of the pin directory.\n\n"
        "  flowsplit run web.yaml --metrics 127.0.0.1:9911\n",
    .options = OPTION_STATE | OPTION_METRICS,
    .args_max = -1,
    .run = run,
};
