// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where an instance's pins are, and the file system they are on. */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPF_FS "/sys/fs/bpf"

const char *pins_path(char *buf, const char *dir, const char *name)
{
    snprintf(buf, PIN_PATH_MAX, "%s/%s", dir, name);
    return buf;
}

static int is_on_bpffs(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* The nearest directory above or at `dir` that exists. */
static void existing_part(const char *dir, char *buf)
{
    struct stat st;

    snprintf(buf, PIN_PATH_MAX, "%s", dir);
    while (stat(buf, &st)) {
        char *slash = strrchr(buf, '/');

        if (!slash || slash == buf) {
            strcpy(buf, slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

static int ensure_bpffs(const char *dir, struct error *err)
{
    char path[PIN_PATH_MAX];

    existing_part(dir, path);
    if (is_on_bpffs(path))
        return 0;
    if (strncmp(dir, BPF_FS "/", sizeof(BPF_FS)) == 0 && strcmp(path, BPF_FS) == 0) {
        if (mount("bpf", BPF_FS, "bpf", 0, "mode=0700") == 0)
            return 0;
        return error_set(err, -errno,
                         "no BPF file system (bpffs) is mounted at " BPF_FS
                         ", and mounting one failed: "
                         "%s; try: mount -t bpf bpf " BPF_FS,
                         strerror(errno));
    }
    return error_set(
        err, -EINVAL,
        "pin directory %s is not on a BPF file system (bpffs); choose one below " BPF_FS
        ", or mount one there: mount -t bpf bpf DIRECTORY",
        dir);
}

int pins_make_dir(const char *dir, struct error *err)
{
    char path[PIN_PATH_MAX];
    int code;

    if (strlen(dir) + 64 > PIN_PATH_MAX || dir[0] != '/')
        return error_set(err, -EINVAL, "pin directory \"%s\": give an absolute path, not too long",
                         dir);
    code = ensure_bpffs(dir, err);
    if (code)
        return code;
    snprintf(path, sizeof(path), "%s", dir);
    for (char *p = path + 1;; p++) {
        char was = *p;

        if (was && was != '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) && errno != EEXIST)
            return error_set(err, -errno, "can't make pin directory %s: %s", path, strerror(errno));
        *p = was;
        if (!was)
            return 0;
    }
}

void pins_remove(const char *dir)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;
    char path[PIN_PATH_MAX];

    if (!stream)
        return;
    while ((entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        pins_path(path, dir, entry->d_name);
        if (entry->d_type == DT_DIR)
            pins_remove(path);
        else
            unlink(path);
    }
    closedir(stream);
    rmdir(dir);
}

static int is_same_dir(int fd, const char *dir)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && stat(dir, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

int pins_lock(const char *dir, int operation, int make, struct error *err)
{
    for (;;) {
        int code = make ? pins_make_dir(dir, err) : 0, fd;

        if (code)
            return code;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && make && errno == ENOENT)
            continue;
        if (fd < 0)
            return error_set(err, -errno, "can't open pin directory %s: %s", dir, strerror(errno));
        while (flock(fd, operation))
            if (errno != EINTR) {
                code = error_set(err, -errno, "can't lock %s: %s", dir, strerror(errno));
                close(fd);
                return code;
            }
        if (is_same_dir(fd, dir)) /* not removed by who held the lock before */
            return fd;
        close(fd);
    }
}
