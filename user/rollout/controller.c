// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The event loop of `flowsplit run`. */
#include "controller.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "conductor.h"
#include "metrics_http.h"
#include "request.h"
#include "state_dir.h"

#define LOCK_ATTEMPTS 400 /* 2 s */
#define LOCK_PAUSE_MS 5
#define LOOK_MS       1000 /* between two looks, unless something is due sooner */

struct controller {
    const struct controller_options *options;
    struct conductor conductor;
    struct request_server *server;
    struct metrics_server *metrics;
    sd_event_source *timer;
    int lock;
    bool blind; /* the instance can't be read, and that has been said */
};

/* --- looking --- */

static void look(struct controller *controller)
{
    struct error err;
    int code = means_lock(&controller->conductor.means, &err);

    if (code == -EWOULDBLOCK)
        return; /* somebody writes: next time */
    if (code && !controller->blind)
        fprintf(stderr, "flowsplit: %s\n", err.text);
    controller->blind = code != 0;
    if (code)
        return;
    for (size_t i = 0; i < controller->conductor.count; i++)
        conduct_look(controller->conductor.conducts[i]);
    means_unlock(&controller->conductor.means);
    for (size_t i = 0; i < controller->conductor.count; i++)
        conduct_step(controller->conductor.conducts[i]);
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *context)
{
    struct controller *controller = context;

    uint64_t ms = LOOK_MS;

    look(controller);
    for (size_t i = 0; i < controller->conductor.count; i++)
        ms = conduct_due_ms(controller->conductor.conducts[i], ms);
    return sd_event_source_set_time(source, now_us + ms * 1000);
}

/* --- requests --- */

static json_t *failure(const struct error *err)
{
    return json_pack("{s:s}", "error", err->text);
}

static json_t *view_all(const struct controller *controller, const char *service)
{
    json_t *list = json_array();

    for (size_t i = 0; i < controller->conductor.count; i++) {
        const struct conduct *c = controller->conductor.conducts[i];

        if (*service && strcmp(service, c->service) != 0)
            continue;
        json_array_append_new(list, conduct_view(c));
    }
    return json_pack("{s:o}", "rollouts", list);
}

/* Whoever asks waits for a command that is just writing, but not for one that hangs. */
static int lock_for_request(struct means *means, struct error *err)
{
    int code = means_lock(means, err);

    for (int i = 0; i < LOCK_ATTEMPTS && code == -EWOULDBLOCK; i++) {
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
        code = means_lock(means, err);
    }
    return code;
}

static json_t *do_request(struct controller *controller, struct conduct *conduct, const char *what,
                          bool full, const char *who)
{
    struct error err;
    int code = lock_for_request(&controller->conductor.means, &err);

    if (code)
        return failure(&err);
    conduct_look(conduct);
    means_unlock(&controller->conductor.means);
    code = conduct_ask(conduct, what, full, who, &err);
    if (!code &&
        conduct->rollout != rollouts_find(&controller->conductor.means.rollouts, conduct->service))
        code = conductor_take_up(&controller->conductor, conduct->service, &err);
    look(controller);
    return code ? failure(&err) : conduct_view(conduct);
}

static json_t *on_request(void *context, const json_t *request, const char *who)
{
    struct controller *controller = context;
    const char *what = "", *service = "";
    struct conduct *conduct;
    struct error err;
    int full = 0;

    json_unpack((json_t *)request, "{s?:s, s?:s, s?:b}", "what", &what, "service", &service, "full",
                &full);
    if (strcmp(what, "status") == 0)
        return view_all(controller, service);
    conduct = conductor_find(&controller->conductor, service);
    if (conduct)
        return do_request(controller, conduct, what, full, who);
    error_set(&err, -ENOENT,
              "service %.64s has no rollout; `flowsplit rollout status` lists those "
              "there are",
              *service ? service : "\"\"");
    return failure(&err);
}

/* --- signals --- */

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
    (void)info, (void)context;
    sd_notify(0, "STOPPING=1");
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
    struct controller *controller = context;
    struct error err;

    (void)source, (void)info;
    sd_notify(0, "RELOADING=1");
    for (size_t i = 0; i < controller->options->file_count; i++)
        if (conductor_read_plan(&controller->conductor, controller->options->files[i], &err))
            fprintf(stderr, "flowsplit: %s\n", err.text);
    sd_notify(0, "READY=1");
    return 0;
}

static int watch_signals(struct controller *controller, struct error *err)
{
    sd_event *event = controller->conductor.means.event;
    sigset_t set;
    int code;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    code = sd_event_add_signal(event, NULL, SIGTERM, on_stop, controller);
    if (code >= 0)
        code = sd_event_add_signal(event, NULL, SIGINT, on_stop, controller);
    if (code >= 0)
        code = sd_event_add_signal(event, NULL, SIGHUP, on_reload, controller);
    return code < 0 ? error_set(err, code, "can't watch signals: %s", strerror(-code)) : 0;
}

/* --- beginning and end --- */

/* One controller for an instance. */
static int lock_instance(struct controller *controller, struct error *err)
{
    char path[STATE_PATH_MAX];
    int code = state_dir_make(RUN_DIR);

    state_run_path(path, controller->options->pin_dir, "lock");
    controller->lock = code ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (controller->lock < 0)
        return error_set(err, -errno, "can't open %s: %s", path, strerror(errno));
    if (!flock(controller->lock, LOCK_EX | LOCK_NB))
        return 0;
    return error_set(err, -EBUSY, "another controller runs for %s; one at a time",
                     controller->options->pin_dir);
}

static int open_loop(struct controller *controller, struct error *err)
{
    struct means *means = &controller->conductor.means;
    int code = sd_event_new(&means->event);

    if (code < 0)
        return error_set(err, code, "can't make an event loop: %s", strerror(-code));
    sd_event_set_watchdog(means->event, true);
    code = watch_signals(controller, err);
    if (code)
        return code;
    means->http = http_new(means->event, err);
    return means->http ? 0 : -ENOMEM;
}

static int open_journal(struct controller *controller, struct error *err)
{
    struct means *means = &controller->conductor.means;
    const char *dir = controller->options->state_dir;

    means->journal = journal_open(dir, err);
    return means->journal ? rollouts_read(dir, &means->rollouts, err) : -EIO;
}

static int open_doors(struct controller *controller, struct error *err)
{
    const struct controller_options *options = controller->options;
    char path[STATE_PATH_MAX];
    int code;

    controller->server =
        request_serve(controller->conductor.means.event,
                      state_run_path(path, options->pin_dir, "sock"), on_request, controller, err);
    if (!controller->server)
        return -EIO;
    if (options->metrics) {
        controller->metrics =
            metrics_serve(options->metrics, options->pin_dir, options->state_dir, err);
        if (!controller->metrics)
            return -EIO;
    }
    code = sd_event_add_time_relative(controller->conductor.means.event, &controller->timer,
                                      CLOCK_MONOTONIC, 0, 1000, on_timer, controller);
    if (code >= 0)
        code = sd_event_source_set_enabled(controller->timer, SD_EVENT_ON);
    return code < 0 ? error_set(err, code, "can't set a timer: %s", strerror(-code)) : 0;
}

static void close_all(struct controller *controller)
{
    struct means *means = &controller->conductor.means;

    metrics_stop(controller->metrics);
    request_stop(controller->server);
    conductor_end(&controller->conductor);
    sd_event_source_disable_unref(controller->timer);
    http_free(means->http);
    sd_event_unref(means->event);
    rollouts_free(&means->rollouts);
    journal_close(means->journal);
    if (means->is_open)
        instance_close(&means->instance);
    if (controller->lock >= 0)
        close(controller->lock);
}

static int read_plans(struct controller *controller, struct error *err)
{
    int code = conductor_take_up_all(&controller->conductor, err);

    for (size_t i = 0; i < controller->options->file_count && !code; i++)
        code = conductor_read_plan(&controller->conductor, controller->options->files[i], err);
    return code;
}

static int begin(struct controller *controller, struct error *err)
{
    int code = lock_instance(controller, err);

    code = code ? code : open_loop(controller, err);
    code = code ? code : open_journal(controller, err);
    code = code ? code : read_plans(controller, err);
    return code ? code : open_doors(controller, err);
}

int controller_run(const struct controller_options *options, struct error *err)
{
    struct controller controller = {
        .options = options, .conductor.means.pin_dir = options->pin_dir, .lock = -1};
    int code = begin(&controller, err);

    if (!code) {
        sd_notify(0, "READY=1");
        code = sd_event_loop(controller.conductor.means.event);
        if (code < 0)
            error_set(err, code, "the event loop broke: %s", strerror(-code));
    }
    close_all(&controller);
    return code;
}
