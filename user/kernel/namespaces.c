// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Visits the network namespaces of this host. */
#include "namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iface.h"

#define OWN   "/proc/thread-self/ns/net"
#define NAMED "/run/netns"

struct search {
    bool (*visit)(void *context, ino_t inode);
    void *context;
    int own;     /* the caller's namespace, to go back to */
    ino_t *seen; /* visited already */
    size_t count, room;
};

/* Has this one not been visited yet? */
static bool is_new(struct search *search, ino_t inode)
{
    ino_t *more;

    for (size_t i = 0; i < search->count; i++)
        if (search->seen[i] == inode)
            return false;
    if (search->count == search->room) {
        more = realloc(search->seen, (search->room * 2 + 16) * sizeof(*more));
        if (!more)
            return false;
        search->seen = more;
        search->room = search->room * 2 + 16;
    }
    search->seen[search->count++] = inode;
    return true;
}

/* The caller's thread is there for no longer than this takes. */
static bool visit(struct search *search, const char *path)
{
    struct stat state;
    bool found = false;
    int fd;

    if (stat(path, &state) || !is_new(search, state.st_ino))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
        found = search->visit(search->context, state.st_ino);
        if (setns(search->own, CLONE_NEWNET))
            abort(); /* in a namespace that isn't its own, it could only do harm */
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* DIRECTORY/NAME/FILE for all names that begin with a digit, or for all. */
static bool visit_each(struct search *search, const char *directory, bool numbers, const char *file)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    char path[512];
    bool found = false;

    while (dir && !found && (entry = readdir(dir))) {
        if (*entry->d_name == '.' || (numbers && !strchr("123456789", *entry->d_name)))
            continue;
        snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, file);
        found = visit(search, path);
    }
    if (dir)
        closedir(dir);
    return found;
}

bool namespaces_each(bool (*visit_one)(void *context, ino_t inode), void *context)
{
    struct search search = {
        .visit = visit_one, .context = context, .own = open(OWN, O_RDONLY | O_CLOEXEC)};
    struct stat own = {0};
    bool found;

    if (fstat(search.own, &own) == 0)
        is_new(&search, own.st_ino);
    found = visit_one(context, own.st_ino);
    if (!found && search.own >= 0)
        found =
            visit_each(&search, NAMED, false, "") || visit_each(&search, "/proc", true, "/ns/net");
    if (search.own >= 0)
        close(search.own);
    free(search.seen);
    return found;
}

static bool has(void *context, ino_t inode)
{
    (void)inode;
    return iface_is_local(context);
}

bool namespaces_have(const struct fs_endpoint *at)
{
    return namespaces_each(has, (void *)at);
}
