// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads and writes whole files. */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write_all.h"

#define NEW_SUFFIX ".new"

/* --- reading --- */

static int read_stream(FILE *stream, size_t limit, char **text, size_t *length)
{
    size_t room = 0, got;

    *text = NULL;
    *length = 0;
    do {
        char *more;

        if (*length == room) {
            room = room ? room * 2 : 1 << 16;
            more = realloc(*text, room);
            if (!more)
                return -ENOMEM;
            *text = more;
        }
        got = fread(*text + *length, 1, room - *length, stream);
        *length += got;
        if (*length > limit)
            return -EFBIG;
    } while (got);
    return ferror(stream) ? -EIO : 0;
}

int whole_file_read(const char *path, size_t limit, char **text, size_t *length, struct error *err)
{
    int standard = strcmp(path, "-") == 0, code;
    FILE *stream = standard ? stdin : fopen(path, "re");

    *text = NULL;
    if (!stream)
        return error_set(err, -errno, "can't open %s: %s", path, strerror(errno));
    code = read_stream(stream, limit, text, length);
    if (!standard)
        fclose(stream);
    if (!code)
        return 0;
    free(*text);
    *text = NULL;
    return error_set(err, code, "can't read %s: %s", standard ? "standard input" : path,
                     strerror(-code));
}

/* --- writing --- */

/* Under a name that is free: what stood there was left by someone who was killed. */
static int write_new(int dir, const char *name, const char *text, size_t length)
{
    int fd, code;

    unlinkat(dir, name, 0);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    code = write_all(fd, text, length);
    if (!code && fsync(fd))
        code = -errno;
    if (close(fd) && !code)
        code = -errno;
    return code;
}

/* The lock keeps others from taking the new file for one that was left behind. */
static int replace(int dir, const char *name, const char *text, size_t length)
{
    char new_name[NAME_MAX + 1];
    int code = 0;

    if (snprintf(new_name, sizeof(new_name), "%s" NEW_SUFFIX, name) >= (int)sizeof(new_name))
        return -ENAMETOOLONG;
    while (flock(dir, LOCK_EX))
        if (errno != EINTR)
            return -errno;
    code = write_new(dir, new_name, text, length);
    if (!code && renameat(dir, new_name, dir, name))
        code = -errno;
    if (code)
        unlinkat(dir, new_name, 0);
    return !code && fsync(dir) ? -errno : code;
}

/* A device or a pipe would be replaced by a file. */
static int check_kind(int dir, const char *name)
{
    struct stat there;

    if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -errno;
    return S_ISREG(there.st_mode) ? 0 : -EINVAL;
}

int whole_file_write(const char *path, const char *text, size_t length, struct error *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char dir_path[PATH_MAX] = ".";
    int dir, code;

    if (slash)
        snprintf(dir_path, sizeof(dir_path), "%.*s", (int)(slash == path ? 1 : slash - path), path);
    dir = *name ? open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : (errno = EISDIR, -1);
    if (dir < 0)
        return error_set(err, -errno, "can't write %s: %s", path, strerror(errno));
    code = check_kind(dir, name);
    if (code == -EINVAL)
        error_set(err, code, "can't write %s: it is there, and no file (\"-\" is standard output)",
                  path);
    else if (code || (code = replace(dir, name, text, length)))
        error_set(err, code, "can't write %s: %s", path, strerror(-code));
    close(dir);
    return code;
}
