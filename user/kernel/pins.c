// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where an instance's pins are, and the file system they are on. */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mounts.h"

#define BPF_FS "/sys/fs/bpf"

const char pins_default_dir[] = BPF_FS "/flowsplit";

const char *pins_path(char *buf, const char *dir, const char *name)
{
    snprintf(buf, PIN_PATH_MAX, "%s/%s", dir, name);
    return buf;
}

bool pins_on_bpffs(const char *path)
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

/* --- for how long they are there --- */

/* A file of /proc, cut at `size`; "" if it can't be read. Returns buf. */
static char *read_proc(const char *path, char *buf, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(buf, 1, size - 1, file) : 0;

    buf[length] = '\0';
    if (file)
        fclose(file);
    return buf;
}

/* Goes by what the first process sees: if that can't be told, there is nothing against it. */
static bool view_lasts(const char *mine, const char *first)
{
    struct stat fs;

    if (!*mine || !*first || mounts_share_namespace(mine, first))
        return true;
    return pins_on_bpffs(BPF_FS) && stat(BPF_FS, &fs) == 0 &&
           mounts_have_bpffs(first, major(fs.st_dev), minor(fs.st_dev));
}

bool pins_last(char netns[PINS_NETNS_MAX])
{
    enum { MOST = 1 << 20 };
    char *mine = malloc(MOST), *first = malloc(MOST);
    char path[PINS_NETNS_MAX + 16];
    bool lasts = true;

    *netns = '\0';
    if (mine && first)
        lasts = view_lasts(read_proc("/proc/self/mountinfo", mine, MOST),
                           read_proc("/proc/1/mountinfo", first, MOST));
    if (!lasts) /* `ip netns exec NAME` mounts /sys from "NAME" */
        mounts_source(mine, "/sys", netns, PINS_NETNS_MAX);
    snprintf(path, sizeof(path), "/run/netns/%s", netns);
    if (access(path, F_OK))
        *netns = '\0';
    free(mine);
    free(first);
    return lasts;
}

static int will_not_last(struct error *err)
{
    char netns[PINS_NETNS_MAX];

    pins_last(netns);
    return error_set(err, -EXDEV,
                     "this process has a mount namespace of its own, in which " BPF_FS
                     " isn't the host's: pins there would vanish with it, and the host's can't be "
                     "seen; instead of `ip netns exec`: nsenter --net=/run/netns/%s flowsplit ... "
                     "(or --pin-dir DIR, on a BPF file system that stays)",
                     *netns ? netns : "NAME");
}

/* --- the directory --- */

static int not_on_bpffs(const char *dir, const char *exists, struct error *err)
{
    return error_set(err, -EINVAL,
                     "pin directory %s %s a BPF file system (bpffs); choose one below " BPF_FS
                     ", or mount one there: mount -t bpf bpf DIRECTORY",
                     dir,
                     strcmp(dir, exists) == 0 ? "is not on" : "doesn't exist, and would not be on");
}

/* Would it be on the file system that is usually mounted, and isn't? */
static bool lacks_usual_mount(const char *dir, const char *exists)
{
    return !pins_on_bpffs(exists) && strncmp(dir, BPF_FS "/", sizeof(BPF_FS)) == 0 &&
           strcmp(exists, BPF_FS) == 0;
}

int pins_check_dir(const char *dir, struct error *err)
{
    char exists[PIN_PATH_MAX], netns[PINS_NETNS_MAX];

    if (strlen(dir) + 64 > PIN_PATH_MAX || dir[0] != '/')
        return error_set(err, -EINVAL, "pin directory \"%s\": give an absolute path, not too long",
                         dir);
    existing_part(dir, exists);
    if (dir == pins_default_dir && !pins_last(netns))
        return will_not_last(err);
    if (pins_on_bpffs(exists))
        return 0;
    if (!lacks_usual_mount(dir, exists))
        return not_on_bpffs(dir, exists, err);
    return pins_last(netns) ? 0 : will_not_last(err);
}

/* After pins_check_dir(). */
static int ensure_bpffs(const char *dir, struct error *err)
{
    char exists[PIN_PATH_MAX];

    existing_part(dir, exists);
    if (!lacks_usual_mount(dir, exists) || mount("bpf", BPF_FS, "bpf", 0, "mode=0700") == 0)
        return 0;
    return error_set(err, -errno,
                     "no BPF file system (bpffs) is mounted at " BPF_FS
                     ", and mounting one failed: "
                     "%s; try: mount -t bpf bpf " BPF_FS,
                     strerror(errno));
}

int pins_make_dir(const char *dir, struct error *err)
{
    char path[PIN_PATH_MAX];
    int code;

    code = pins_check_dir(dir, err);
    code = code ? code : ensure_bpffs(dir, err);
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
