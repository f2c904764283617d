// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the lines of /proc/PID/mountinfo. */
#include "mounts.h"

#include <stdio.h>
#include <string.h>

/* A line: ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE MORE-OPTIONS */
struct mount {
    unsigned id, major, minor;
    char place[256], type[32], source[64];
};

/* Reads the line at *text and moves on to the next. Returns false at the end; a line that isn't
 * understood is all zero. */
static bool next(const char **text, struct mount *mount)
{
    const char *line = *text, *end = strchr(line, '\n'), *rest;

    *mount = (struct mount){0};
    if (!*line)
        return false;
    *text = end ? end + 1 : line + strlen(line);
    rest = strstr(line, " - ");
    if (!rest || rest >= *text ||
        sscanf(line, "%u %*u %u:%u %*s %255s", &mount->id, &mount->major, &mount->minor,
               mount->place) != 4 ||
        sscanf(rest, " - %31s %63s", mount->type, mount->source) != 2)
        *mount = (struct mount){0};
    return true;
}

static bool has_id(const char *text, unsigned id)
{
    struct mount mount;

    while (next(&text, &mount))
        if (mount.id == id)
            return true;
    return false;
}

bool mounts_share_namespace(const char *mine, const char *other)
{
    struct mount mount;

    while (next(&mine, &mount))
        if (mount.id && has_id(other, mount.id))
            return true;
    return false;
}

bool mounts_have_bpffs(const char *text, unsigned major, unsigned minor)
{
    struct mount mount;

    while (next(&text, &mount))
        if (strcmp(mount.type, "bpf") == 0 && mount.major == major && mount.minor == minor)
            return true;
    return false;
}

const char *mounts_source(const char *text, const char *place, char *buf, size_t size)
{
    struct mount mount;

    *buf = '\0';
    while (next(&text, &mount))
        if (strcmp(mount.place, place) == 0)
            snprintf(buf, size, "%s", mount.source);
    return buf;
}
