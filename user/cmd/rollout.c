// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit rollout`. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "request.h"
#include "rollout_view.h"
#include "state_dir.h"
#include "terminal.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static json_t *ask(const struct options *options, const char *what, const char *service,
                   struct error *err)
{
    char path[STATE_PATH_MAX];
    json_t *request = json_pack("{s:s, s:s, s:b}", "what", what, "service", service, "full",
                                options->full),
           *answer = request_ask(state_run_path(path, options->pin_dir, "sock"), request, err);
    const char *why = json_string_value(json_object_get(answer, "error"));

    json_decref(request);
    if (!why)
        return answer;
    error_set(err, -EINVAL, "%.1000s", why);
    json_decref(answer);
    errno = EINVAL;
    return NULL;
}

/* --- status --- */

/* The controller's view, or if there is none, what journal and kernel say. */
static json_t *gather(const struct options *options, const char *service, struct error *err)
{
    char state_dir[STATE_PATH_MAX];
    json_t *answer = ask(options, "status", service ? service : "", err), *list;

    if (answer) {
        list = json_incref(json_object_get(answer, "rollouts"));
        json_decref(answer);
    } else {
        list = rollout_view_all(options->pin_dir,
                                state_dir_path(state_dir, options->state_dir, options->pin_dir),
                                service, err);
    }
    if (list && service && !json_array_size(list)) {
        json_decref(list);
        error_set(err, -ENOENT,
                  "service %.64s has no rollout; `flowsplit rollout status` lists those there are",
                  service);
        return NULL;
    }
    return list;
}

static void show(const struct options *options, json_t *list)
{
    const json_t *view;
    size_t i = 0;

    if (options->json) {
        terminal_print_json(json_pack("{s:O}", "rollouts", list));
        fflush(stdout);
        return;
    }
    if (options->watch && isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    if (!json_array_size(list))
        puts("no rollouts");
    json_array_foreach(list, i, view) rollout_print(view);
    fflush(stdout);
}

static int status(const struct options *options, const char *service)
{
    struct sigaction action = {.sa_handler = stop};
    struct error err;
    json_t *list;

    if (options->watch) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
    }
    do {
        list = gather(options, service, &err);
        if (!list)
            return command_failed(&err);
        show(options, list);
        json_decref(list);
        if (options->watch)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    } while (options->watch && !stopped && !ferror(stdout));
    return EXIT_DONE;
}

/* --- what changes something --- */

static int request(const struct options *options, const char *what, const char *service)
{
    struct error err;
    json_t *answer = ask(options, what, service, &err);

    if (!answer && errno == ECONNREFUSED)
        error_set(&err, -ECONNREFUSED,
                  "no controller runs for %s: begin one with `flowsplit run`; `flowsplit set` and "
                  "`withdraw` work without",
                  options->pin_dir);
    if (!answer)
        return command_failed(&err);
    if (options->json)
        terminal_print_json(json_incref(answer));
    else if (!options->quiet)
        rollout_print_head(answer);
    json_decref(answer);
    return EXIT_DONE;
}

static int run(const struct options *options, int argc, char **argv)
{
    static const char *const words[] = {"pause", "resume", "promote", "abort", "undo"};
    const char *what = argv[0];

    if (options->full && strcmp(what, "promote") != 0)
        return command_misused(&command_rollout, "--full is for promote");
    if (strcmp(what, "status") == 0)
        return status(options, argc > 1 ? argv[1] : NULL);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(what, words[i]) == 0)
            return argc > 1 ? request(options, what, argv[1])
                            : command_misused(&command_rollout, "%s: of which service?", what);
    return command_misused(&command_rollout,
                           "unknown word \"%.64s\"; known: status, pause, resume, promote, abort, "
                           "undo",
                           what);
}

const struct command command_rollout = {
    .name = "rollout",
    .usage =
        "status [SERVICE] [--watch] [--json] | pause | resume | promote [--full] | abort | undo "
        "SERVICE",
    .summary = "Shows rollouts, and takes decisions",
    .help =
        "  status   steps, weights wished and got, the verdict by each rule with its evidence;\n"
        "           works without a controller, too\n"
        "  pause    holds the step; a version that gets worse is still rolled back\n"
        "  resume   goes on; begins one that has ended again\n"
        "  promote  on to the next step; with --full, at once to the plan's last weights\n"
        "  abort    rolls back: the weights before the rollout, and the version withdrawn\n"
        "  undo     after promotion, as long as it soaks: the weights before the rollout\n",
    .options = OPTION_JSON | OPTION_WATCH | OPTION_FULL | OPTION_STATE,
    .args_min = 1,
    .args_max = 2,
    .run = run,
};
