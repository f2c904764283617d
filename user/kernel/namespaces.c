// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looks for an address in the network namespaces of this host. */
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
    const struct fs_endpoint *at;
    int own;     /* the caller's namespace, to go back to */
    ino_t *seen; /* asked already */
    size_t count, room;
};

/* Has this one not been asked yet? */
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
static bool ask(struct search *search, const char *path)
{
    struct stat state;
    bool found = false;
    int fd;

    if (stat(path, &state) || !is_new(search, state.st_ino))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
        found = iface_is_local(search->at);
        if (setns(search->own, CLONE_NEWNET))
            abort(); /* in a namespace that isn't its own, it could only do harm */
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* DIRECTORY/NAME/FILE for all names that begin with a digit, or for all. */
static bool ask_each(struct search *search, const char *directory, bool numbers, const char *file)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    char path[512];
    bool found = false;

    while (dir && !found && (entry = readdir(dir))) {
        if (*entry->d_name == '.' || (numbers && !strchr("123456789", *entry->d_name)))
            continue;
        snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, file);
        found = ask(search, path);
    }
    if (dir)
        closedir(dir);
    return found;
}

bool namespaces_have(const struct fs_endpoint *at)
{
    struct search search = {.at = at, .own = open(OWN, O_RDONLY | O_CLOEXEC)};
    bool found = iface_is_local(at);

    if (!found && search.own >= 0)
        found = ask_each(&search, NAMED, false, "") || ask_each(&search, "/proc", true, "/ns/net");
    if (search.own >= 0)
        close(search.own);
    free(search.seen);
    return found;
}
