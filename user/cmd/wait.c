// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit wait`. */
#include <errno.h>
#include <time.h>

#include "clock.h"
#include "command.h"
#include "parse.h"
#include "rollout.h"
#include "state_dir.h"

enum { EXIT_ROLLED_BACK = 1, EXIT_TIMED_OUT = 3, LOOK_MS = 200 };

/* The exit code once the rollout has ended; -1 as long as it hasn't, -2 with *err set. */
static int look(const char *state_dir, const char *service, struct error *err)
{
    const struct rollout *rollout;
    struct rollouts rollouts;
    int result = -1;

    if (rollouts_read(state_dir, &rollouts, err)) {
        rollouts_free(&rollouts);
        return -2;
    }
    rollout = rollouts_find(&rollouts, service);
    if (rollout && rollout->act == ACT_NONE && !rollout_is_under_way(rollout))
        result = rollout->state == ROLLOUT_PROMOTED ? EXIT_DONE : EXIT_ROLLED_BACK;
    if (result == EXIT_ROLLED_BACK)
        fprintf(stderr, "flowsplit: %s/%s was %s: %s\n", service, rollout->plan.version,
                rollout->state == ROLLOUT_UNDONE ? "undone" : "rolled back", rollout->why);
    rollouts_free(&rollouts);
    return result;
}

static int run(const struct options *options, int argc, char **argv)
{
    uint64_t begin_ns = clock_now_ns();
    char state_dir[STATE_PATH_MAX];
    unsigned timeout_ms = 0;
    struct error err;
    int result;

    (void)argc;
    if (options->timeout && parse_duration(options->timeout, &timeout_ms, &err))
        return command_misused(&command_wait, "--timeout: %s", err.text);
    state_dir_path(state_dir, options->state_dir, options->pin_dir);
    while ((result = look(state_dir, argv[0], &err)) == -1) {
        if (options->timeout && clock_now_ns() - begin_ns >= timeout_ms * 1000000ULL) {
            fprintf(stderr, "flowsplit: the rollout of %s has not ended within %s\n", argv[0],
                    options->timeout);
            return EXIT_TIMED_OUT;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return result == -2 ? command_failed(&err) : result;
}

const struct command command_wait = {
    .name = "wait",
    .usage = "SERVICE [--timeout TIME] [--state-dir DIR]",
    .summary = "Waits until a rollout has ended, for CI",
    .help =
        "Exits with 0 if it is promoted, 1 if it was rolled back or undone, 3 after --timeout.\n"
        "One that hasn't begun yet is waited for, too.\n",
    .options = OPTION_TIMEOUT | OPTION_STATE,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
