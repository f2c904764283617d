// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A command's beginning. */
#include "process_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quote.h"

extern char **environ;

/* A file and not a pipe: nobody has to be there to fill it, and who doesn't read it breaks nothing.
 */
static int open_input(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    int fd;

    if (!text)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    fd = memfd_create("input", MFD_CLOEXEC);
    if (fd >= 0 && pwrite(fd, text, length, 0) != (ssize_t)length) {
        close(fd);
        errno = ENOSPC;
        return -1;
    }
    return fd;
}

static bool same_name(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");

    return strncmp(a, b, length) == 0 && (b[length] == '=' || !b[length]);
}

static bool replaced(const char *variable, const char *const *by)
{
    for (; *by; by++) {
        if (same_name(*by, variable))
            return true;
    }
    return false;
}

/* Ours with `extra`; the array is the caller's to free, its strings aren't. */
static char **merge_environment(const char *const *extra)
{
    static const char *const none[] = {NULL};
    size_t count = 0, used = 0;
    char **merged;

    extra = extra ? extra : none;
    for (char **at = environ; at && *at; at++)
        count++;
    for (const char *const *at = extra; *at; at++)
        count++;
    merged = calloc(count + 1, sizeof(*merged));
    if (!merged)
        return NULL;
    for (char **at = environ; at && *at; at++) {
        if (!replaced(*at, extra))
            merged[used++] = *at;
    }
    for (; *extra; extra++)
        merged[used++] = (char *)*extra;
    return merged;
}

/* Our signals are none of its business. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int ret;

    sigemptyset(&none);
    sigfillset(&all);
    ret = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF);
    if (!ret)
        ret = posix_spawnattr_setsigmask(attributes, &none);
    return ret ? ret : posix_spawnattr_setsigdefault(attributes, &all);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int input, int output)
{
    int ret = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);

    if (!ret)
        ret = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (!ret)
        ret = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    return ret ? ret : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

/* Like posix_spawnp(), returns an errno; that of exec, too. */
static int spawn(const struct process_spec *spec, int input, int output, char **environment,
                 pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int ret = posix_spawn_file_actions_init(&actions);

    if (ret)
        return ret;
    ret = posix_spawnattr_init(&attributes);
    if (!ret) {
        ret = set_attributes(&attributes);
        if (!ret)
            ret = set_descriptors(&actions, input, output);
        if (!ret)
            ret = posix_spawnp(pid, spec->command[0], &actions, &attributes, spec->command,
                               environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return ret;
}

/* With SIGCHLD ignored, no exit status would be left to read. */
static void heed_children(void)
{
    struct sigaction action;

    if (!sigaction(SIGCHLD, NULL, &action) && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL);
}

/* Takes `output` into its hands when all goes well. Returns 0 or an errno. */
static int run(const struct process_spec *spec, int input, const int output[2],
               struct spawned *spawned)
{
    char **environment = merge_environment(spec->environment);
    int ret;

    if (!environment)
        return ENOMEM;
    heed_children();
    ret = spawn(spec, input, output[1], environment, &spawned->pid);
    free(environment);
    if (ret)
        return ret;
    spawned->pidfd = (int)syscall(SYS_pidfd_open, spawned->pid, 0);
    if (spawned->pidfd >= 0)
        return 0;
    ret = errno;
    kill(-spawned->pid, SIGKILL);
    waitpid(spawned->pid, NULL, 0);
    return ret;
}

int process_spawn(const struct process_spec *spec, struct spawned *spawned, struct error *err)
{
    int output[2] = {-1, -1}, ret = 0;
    int input = open_input(spec->input);

    /* Blocking where the command writes: many don't expect otherwise. */
    if (input < 0 || pipe2(output, O_CLOEXEC) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0)
        ret = errno;
    if (!ret)
        ret = run(spec, input, output, spawned);
    if (input >= 0)
        close(input);
    if (output[1] >= 0)
        close(output[1]);
    if (!ret) {
        spawned->output = output[0];
        return 0;
    }
    if (output[0] >= 0)
        close(output[0]);
    return error_set(err, -ret, "can't start %s: %s", quote(spec->command[0]).text, strerror(ret));
}
