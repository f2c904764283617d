// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs a command beside the event loop. */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "printable.h"
#include "process_spawn.h"
#include "timer.h"

/* How far we have gone to end it. */
enum force { FORCE_NONE, FORCE_TERM, FORCE_KILL, FORCE_IN_VAIN };

/* The leader stays unreaped until the end, so that the number of its group is nobody else's. */
struct process {
    sd_event *event;
    pid_t pid;
    int pidfd;
    sd_event_source *exit, *output, *timer; /* `output` owns its descriptor, `exit` doesn't */
    bool exited, closed;
    enum force force;
    uint64_t timeout_ns, grace_ns;
    process_done *done;
    void *context;
    struct process_result result;
};

static bool reap(int pidfd)
{
    siginfo_t info = {0};

    return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid;
}

static int on_late_exit(sd_event_source *source, int pidfd, uint32_t events, void *context)
{
    (void)events;
    (void)context;
    reap(pidfd);
    sd_event_source_set_floating(source, 0); /* gives up the loop's reference, the only one */
    return 0;
}

/* Now or when it exits, which after a SIGKILL is soon, unless it hangs in the kernel. */
static void reap_in_time(sd_event *event, int pidfd)
{
    sd_event_source *source;

    if (reap(pidfd) || sd_event_add_io(event, &source, pidfd, EPOLLIN, on_late_exit, NULL) < 0) {
        close(pidfd);
        return;
    }
    sd_event_source_set_io_fd_own(source, 1);
    sd_event_source_set_floating(source, 1);
    sd_event_source_unref(source);
}

/* Leaves the command itself to its fate. */
static void release(struct process *process)
{
    sd_event_source_disable_unref(process->exit);
    sd_event_source_disable_unref(process->output);
    sd_event_source_disable_unref(process->timer);
    reap_in_time(process->event, process->pidfd);
    sd_event_unref(process->event);
    free(process);
}

static void finish(struct process *process)
{
    struct process_result result = process->result;
    process_done *done = process->done;
    void *context = process->context;

    if (process->force == FORCE_TERM)
        kill(-process->pid, SIGKILL); /* who has closed its output, and ignores SIGTERM */
    if (process->force) {
        result.end = PROCESS_TIMED_OUT;
        result.status = (int)(process->timeout_ns / 1000000);
    }
    release(process);
    done(context, &result);
}

static void finish_if_over(struct process *process)
{
    if (process->exited && process->closed)
        finish(process);
}

static int on_exit_seen(sd_event_source *source, int pidfd, uint32_t events, void *context)
{
    struct process *process = context;
    siginfo_t info = {0};

    (void)events;
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid)
        return 0;
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    process->exited = true;
    process->result.end = info.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_KILLED;
    process->result.status = info.si_status;
    finish_if_over(process);
    return 0;
}

static void keep_end(struct process_result *result, const char *bytes, size_t length)
{
    size_t kept = result->output_length;

    if (length > PROCESS_OUTPUT_MAX) {
        bytes += length - PROCESS_OUTPUT_MAX;
        length = PROCESS_OUTPUT_MAX;
    }
    if (kept > PROCESS_OUTPUT_MAX - length)
        kept = PROCESS_OUTPUT_MAX - length;
    memmove(result->output, result->output + result->output_length - kept, kept);
    memcpy(result->output + kept, bytes, length);
    result->output_length = kept + length;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct process *process = context;
    char bytes[16384];
    ssize_t length = read(fd, bytes, sizeof(bytes));

    (void)events;
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (length > 0) {
        keep_end(&process->result, bytes, (size_t)length);
        return 0;
    }
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    process->closed = true;
    finish_if_over(process);
    return 0;
}

/* After a SIGKILL in vain: the leader hangs in the kernel, or one that left its group has the pipe.
 */
static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
    struct process *process = context;

    (void)source;
    (void)usec;
    process->force++;
    if (process->force == FORCE_IN_VAIN) {
        finish(process);
        return 0;
    }
    kill(-process->pid, process->force == FORCE_TERM ? SIGTERM : SIGKILL);
    kill(-process->pid, SIGCONT); /* who is stopped doesn't see a SIGTERM */
    timer_arm(process->event, &process->timer, process->grace_ns, on_timer, process);
    return 0;
}

static int watch(struct process *process, int output)
{
    int ret =
        sd_event_add_io(process->event, &process->output, output, EPOLLIN, on_output, process);

    if (ret < 0) {
        close(output);
        return ret;
    }
    sd_event_source_set_io_fd_own(process->output, 1);
    ret = sd_event_add_io(process->event, &process->exit, process->pidfd, EPOLLIN, on_exit_seen,
                          process);
    if (ret < 0)
        return ret;
    return timer_arm(process->event, &process->timer, process->timeout_ns, on_timer, process);
}

int process_start(sd_event *event, const struct process_spec *spec, process_done *done,
                  void *context, struct process **process, struct error *err)
{
    struct process *new = calloc(1, sizeof(*new));
    struct spawned spawned;
    int ret;

    if (!new)
        return error_set(err, -ENOMEM, "out of memory");
    ret = process_spawn(spec, &spawned, err);
    if (ret) {
        free(new);
        return ret;
    }
    new->event = sd_event_ref(event);
    new->pid = spawned.pid;
    new->pidfd = spawned.pidfd;
    new->timeout_ns = spec->timeout_ns;
    new->grace_ns = spec->grace_ns;
    new->done = done;
    new->context = context;
    ret = watch(new, spawned.output);
    if (ret < 0) {
        process_free(new);
        return error_set(err, ret, "can't watch a command: %s", strerror(-ret));
    }
    *process = new;
    return 0;
}

void process_free(struct process *process)
{
    if (!process)
        return;
    kill(-process->pid, SIGKILL);
    release(process);
}

const char *process_text(const struct process_result *result, char *buf)
{
    char line[PROCESS_TEXT_MAX - 64], span[CLOCK_TEXT_MAX];
    const char *name = sigabbrev_np(result->status);
    int used;

    printable_last_line(line, sizeof(line), result->output, result->output_length);
    if (result->end == PROCESS_EXITED)
        used = sprintf(buf, "exited with %d", result->status);
    else if (result->end == PROCESS_TIMED_OUT)
        used = sprintf(buf, "timed out after %s",
                       clock_span((uint64_t)result->status * 1000000, span));
    else if (name)
        used = sprintf(buf, "was killed by SIG%s", name);
    else
        used = sprintf(buf, "was killed by signal %d", result->status);
    if (line[0])
        sprintf(buf + used, ": %s", line);
    return buf;
}
