// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit status`. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "status.h"
#include "terminal.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void show(const struct options *options, json_t *status, const json_t *before)
{
    if (options->json) {
        json_dumpf(status, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
        putchar('\n');
    } else {
        if (options->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        status_print(status, before, 1.0);
        if (options->watch && !isatty(STDOUT_FILENO))
            putchar('\n');
    }
    fflush(stdout);
}

/* Once a second until interrupted, or until nobody reads. *trusted is of what was shown last. */
static int watch(const struct options *options, const char *service, bool *trusted,
                 struct error *err)
{
    json_t *status = NULL, *before = NULL;
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!stopped) {
        status = status_gather(options->pin_dir, service, err);
        if (!status)
            break;
        show(options, status, before);
        *trusted = status_trusted(status);
        json_decref(before);
        before = status;
        if (ferror(stdout))
            break;
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    json_decref(before);
    return status || stopped ? 0 : -1;
}

static int once(const struct options *options, const char *service, bool *trusted,
                struct error *err)
{
    json_t *status = status_gather(options->pin_dir, service, err);

    if (!status)
        return -1;
    show(options, status, NULL);
    *trusted = status_trusted(status);
    json_decref(status);
    return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
    const char *service = argc ? argv[0] : NULL;
    struct error err;
    bool trusted = true;
    int code = options->watch ? watch(options, service, &trusted, &err)
                              : once(options, service, &trusted, &err);

    if (code)
        return command_failed(&err);
    return trusted ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_status = {
    .name = "status",
    .usage = "[SERVICE] [--json] [--watch]",
    .summary = "Shows interfaces, services, weights wished and shares got, counters",
    .help = "GOT is a version's share of the new flows since its backends were declared; with\n"
            "--watch, which shows rates, since the second before. --watch --json prints a line a\n"
            "second.\n\n"
            "Exits with 1 if an interface can't be trusted: a program is missing on its way in or\n"
            "back, or something ahead of it may keep packets from it. `attach` mends that, or\n"
            "says what is in the way. With --watch, what was shown last counts.\n",
    .options = OPTION_JSON | OPTION_WATCH,
    .args_max = 1,
    .run = run,
};
