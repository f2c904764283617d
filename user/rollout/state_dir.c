// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths of a controller's files. */
#include "state_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Writes what stands for the character at `at` of a path. */
static void escape(const char *at, bool is_first, char piece[4])
{
    piece[0] = piece[1] = '\0';
    if (*at == '-' || *at == '%')
        sprintf(piece, "%%%02x", (unsigned char)*at);
    else if (*at != '/')
        piece[0] = *at;
    else if (!is_first && at[1] && at[1] != '/')
        piece[0] = '-';
}

/* A path as a file name that no other path has. Of one that is too long, a hash (FNV-1a) stands for
 * the end. */
static void flatten(char *buf, size_t size, const char *path)
{
    enum { HASH_LENGTH = 1 + 16 };
    uint64_t hash = 0xcbf29ce484222325;
    size_t length = 0;
    char piece[4];

    for (const char *at = path; *at; at++) {
        escape(at, !length, piece);
        for (const char *c = piece; *c; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
            if (length < size)
                buf[length] = *c;
            length++;
        }
    }
    if (length < size)
        buf[length] = '\0';
    else
        snprintf(buf + size - 1 - HASH_LENGTH, HASH_LENGTH + 1, "~%016" PRIx64, hash);
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
