// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths of a controller's files. */
#include "state_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A path as a file name. */
static void flatten(char *buf, size_t size, const char *path)
{
    snprintf(buf, size, "%s", path + strspn(path, "/"));
    for (char *at = buf; *at; at++)
        if (*at == '/')
            *at = '-';
}

const char *state_dir_path(char *buf, const char *given, const char *pin_dir)
{
    char name[STATE_PATH_MAX / 2];

    flatten(name, sizeof(name), pin_dir);
    if (given)
        snprintf(buf, STATE_PATH_MAX, "%s", given);
    else
        snprintf(buf, STATE_PATH_MAX, "%s/%s", STATE_DIR, name);
    return buf;
}

const char *state_saved_path(char *buf, const char *dir)
{
    snprintf(buf, STATE_PATH_MAX + sizeof(STATE_SAVED), "%s%s", dir, STATE_SAVED);
    return buf;
}

const char *state_run_path(char *buf, const char *pin_dir, const char *kind)
{
    char name[STATE_PATH_MAX / 4];

    flatten(name, sizeof(name), pin_dir);
    snprintf(buf, STATE_PATH_MAX, "%s/%s.%s", RUN_DIR, name, kind);
    return buf;
}

int state_dir_make(const char *path)
{
    char buf[STATE_PATH_MAX];

    snprintf(buf, sizeof(buf), "%s", path);
    for (char *at = strchr(buf + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(buf, 0755) && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    return mkdir(buf, 0755) && errno != EEXIST ? -errno : 0;
}
