// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit events`. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "command.h"
#include "events.h"
#include "terminal.h"

#define FOLLOW_MS 200

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void print_moment(const char *what, uint64_t ns, uint64_t since)
{
    char span[CLOCK_TEXT_MAX];

    if (!ns)
        return;
    printf("      %s%-26s %s%s%s\n", terminal_style(STYLE_DIM), what, ns < since ? "-" : "+",
           clock_span(ns < since ? since - ns : ns - since, span), terminal_style(STYLE_OFF));
}

/* The four moments of a trip, counted from the first bad outcome. */
static void print_timeline(const struct fs_trip *trip)
{
    print_moment("first bad outcome", trip->first_bad_ns, trip->first_bad_ns);
    print_moment("last new flow before", trip->last_new_ns, trip->first_bad_ns);
    print_moment("trip", trip->trip_ns, trip->first_bad_ns);
    print_moment("first new flow diverted", trip->diverted_ns, trip->first_bad_ns);
}

static void print_text(const struct fs_event *event, const json_t *object)
{
    const char *service, *version, *what, *who, *why, *when;
    enum style style = event->kind == FS_EVENT_TRIP ? STYLE_WARN : STYLE_BOLD;

    json_unpack((json_t *)object, "{s:s, s:s, s:s, s:s, s:s, s:s}", "time", &when, "service",
                &service, "version", &version, "what", &what, "who", &who, "why", &why);
    printf("%s  %s%-9s%s %s%s%s  %s  (%s)\n", when, terminal_style(style), what,
           terminal_style(STYLE_OFF), service, *version ? "/" : "", version, why, who);
    if (event->kind == FS_EVENT_TRIP)
        print_timeline(&event->trip);
}

static void show(void *context, const struct fs_event *event)
{
    const struct options *options = context;
    json_t *object = events_json(event);

    if (options->json) {
        terminal_print_json(object);
        return;
    }
    print_text(event, object);
    json_decref(object);
}

static void show_lost(const struct options *options, uint64_t lost)
{
    if (!lost)
        return;
    if (options->json)
        printf("{\"lost\":%llu}\n", (unsigned long long)lost);
    else
        printf("(%llu earlier events are no longer kept)\n", (unsigned long long)lost);
}

static int follow(const struct options *options, const struct instance *instance, uint64_t from)
{
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!stopped && !ferror(stdout)) {
        nanosleep(&(struct timespec){.tv_nsec = FOLLOW_MS * 1000000L}, NULL);
        show_lost(options, events_skip_gone(instance, &from));
        show_lost(options, events_each(instance, &from, show, (void *)options));
        fflush(stdout);
    }
    return EXIT_DONE;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct instance instance;
    struct error err;
    uint64_t from = 0;
    int code = instance_open(&instance, options->pin_dir, INSTANCE_READ, &err);

    (void)argc;
    (void)argv;
    if (code)
        return command_failed(&err);
    show_lost(options, events_skip_gone(&instance, &from));
    show_lost(options, events_each(&instance, &from, show, (void *)options));
    fflush(stdout);
    instance_unlock(&instance);
    if (options->follow)
        follow(options, &instance, from);
    instance_close(&instance);
    return EXIT_DONE;
}

const struct command command_events = {
    .name = "events",
    .usage = "[--follow] [--json]",
    .summary = "Tells what happened: trips, withdrawals, changes of weight, attachments",
    .help = "The kernel keeps the last 2,048, also while no process runs; how many are no longer\n"
            "kept is said first. A trip is followed by its moments, counted from the first bad\n"
            "outcome of the evidence. --json prints a line each.\n",
    .options = OPTION_JSON | OPTION_FOLLOW,
    .run = run,
};
