// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit top`. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "events.h"
#include "status.h"
#include "top.h"

#define REFRESH_NS 1000000000u
#define KEY_MS     100

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* A screen under way. */
struct session {
    const struct options *options;
    struct instance instance;
    struct top_memory *memory;
    struct top_view *view;
    uint64_t updated_ns, next_event;
};

static void keep_event(void *context, const struct fs_event *event)
{
    struct session *session = context;

    json_array_append_new(session->view->events, events_json(event));
    if (json_array_size(session->view->events) > TOP_EVENTS)
        json_array_remove(session->view->events, 0);
}

static int update(struct session *session, struct error *err)
{
    json_t *status = status_gather(session->options->pin_dir, NULL, err);
    uint64_t now = clock_now_ns();

    if (!status)
        return -1;
    json_decref(session->view->status);
    session->view->status = status;
    top_update(session->view, session->memory, session->instance.health,
               (double)(now - session->updated_ns) / 1e9);
    session->updated_ns = now;
    events_each(&session->instance, &session->next_event, keep_event, session);
    return 0;
}

/* From all to the first service, from each to the next, from the last to all. */
static void next_service(struct top_view *view)
{
    const json_t *services = json_object_get(view->status, "services"), *service;
    bool take = !*view->service;
    size_t i = 0;

    json_array_foreach(services, i, service)
    {
        const char *name = json_string_value(json_object_get(service, "name"));

        if (take) {
            snprintf(view->service, sizeof(view->service), "%s", name);
            return;
        }
        take = strcmp(name, view->service) == 0;
    }
    *view->service = '\0';
}

static void handle_key(struct top_view *view, int key)
{
    switch (key) {
    case 'q':
        stopped = 1;
        break;
    case 's':
        view->order = (view->order + 1) % TOP_ORDERS;
        top_sort(view);
        break;
    case '\t':
        next_service(view);
        break;
    case 'a':
        *view->service = '\0';
        break;
    case ' ':
        view->paused = !view->paused;
        break;
    }
}

static int loop(struct session *session, struct error *err)
{
    int code = update(session, err);

    while (!stopped && !code) {
        bool due = !session->view->paused && clock_now_ns() - session->updated_ns >= REFRESH_NS;

        if (due)
            code = update(session, err);
        top_draw(session->view);
        handle_key(session->view, getch()); /* waits for KEY_MS */
    }
    return code;
}

static void screen_begin(void)
{
    const char *no_color = getenv("NO_COLOR");
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setlocale(LC_ALL, "");
    initscr();
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    timeout(KEY_MS);
    if (has_colors() && !(no_color && *no_color)) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_GREEN, -1);
        init_pair(2, COLOR_YELLOW, -1);
        init_pair(3, COLOR_RED, -1);
    }
}

static bool is_service(const struct options *options, const char *name, struct error *err)
{
    json_t *status = status_gather(options->pin_dir, name, err);

    json_decref(status);
    return status != NULL;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct session session = {.options = options};
    struct error err;
    int code;

    if (!isatty(STDOUT_FILENO))
        return command_misused(&command_top, "top draws on a terminal; in a pipe, use "
                                             "`flowsplit status --watch`");
    if (argc && !is_service(options, argv[0], &err))
        return command_failed(&err);
    code = instance_open(&session.instance, options->pin_dir, INSTANCE_READ, &err);
    if (code)
        return command_failed(&err);
    instance_unlock(&session.instance);
    session.memory = top_memory_new();
    session.view = calloc(1, sizeof(*session.view));
    if (!session.memory || !session.view) {
        error_set(&err, -ENOMEM, "out of memory");
        return command_failed(&err);
    }
    session.view->events = json_array();
    if (argc)
        snprintf(session.view->service, sizeof(session.view->service), "%s", argv[0]);
    screen_begin();
    code = loop(&session, &err);
    endwin();
    json_decref(session.view->status);
    json_decref(session.view->events);
    free(session.view);
    top_memory_free(session.memory);
    instance_close(&session.instance);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_top = {
    .name = "top",
    .usage = "[SERVICE]",
    .summary = "Shows shares, rates, times, guard scores and events, live and full-screen",
    .help = "Rates, shares and p99 are of the last second; the bars beside p99 are the seconds\n"
            "before. GUARD is the highest of a version's scores, and whose it is.\n\n"
            "  q quit   s order by   tab next service   a all services   space pause\n",
    .args_max = 1,
    .run = run,
};
