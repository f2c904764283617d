// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks for sockets namespace by namespace: by the iterator over TCP's, which knows what the
 * observers keep of them, or by socket diagnostics. */
#include "sockets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "namespaces.h"
#include "observers.h"
#include "sockets_diag.h"

/* include/net/tcp_states.h */
static const char *const states[FS_TCP_STATES] = {
    "?",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};

const char *sockets_state_name(uint32_t state)
{
    return states[state < FS_TCP_STATES ? state : 0];
}

/* Who wants to know, and how it went. */
struct listing {
    const struct instance *instance;
    void (*visit)(void *context, const struct fs_connection *connection);
    void *context;
    int err; /* the first, -errno */
};

/* Over the sockets of the namespace that the caller's thread is in. */
static int open_iterator(const struct instance *instance)
{
    int link = bpf_link_create(instance->programs[PROGRAM_SOCKETS_LIST], 0, BPF_TRACE_ITER, NULL),
        iterator;

    if (link < 0)
        return link;
    iterator = bpf_iter_create(link);
    close(link);
    return iterator;
}

static int read_all(struct listing *listing, int iterator)
{
    struct fs_connection connections[64];
    size_t held = 0; /* bytes of what a read cut in two */
    ssize_t got;

    while ((got = read(iterator, (char *)connections + held, sizeof(connections) - held)) > 0 ||
           (got < 0 && errno == EINTR)) {
        size_t whole;

        held += got > 0 ? (size_t)got : 0;
        whole = held / sizeof(connections[0]);
        for (size_t i = 0; i < whole; i++)
            listing->visit(listing->context, &connections[i]);
        held -= whole * sizeof(connections[0]);
        memmove(connections, &connections[whole], held);
    }
    return got < 0 ? -errno : 0;
}

static bool list_namespace(void *context, ino_t inode)
{
    struct listing *listing = context;
    int iterator, code;

    if (!maps_knows_namespace(&listing->instance->maps, (uint32_t)inode))
        return false;
    iterator = open_iterator(listing->instance);
    code = iterator < 0 ? iterator : read_all(listing, iterator);
    if (iterator >= 0)
        close(iterator);
    listing->err = listing->err ? listing->err : code;
    return false;
}

/* Does the kernel keep something of each socket, and list it? */
static bool is_observed(const struct instance *instance)
{
    return instance->programs[PROGRAM_SOCKETS_LIST] >= 0 &&
           observers_get(instance, FS_OBSERVER_STATE).works;
}

static bool diagnose_namespace(void *context, ino_t inode)
{
    struct listing *listing = context;
    int code = sockets_diagnose(listing->instance, listing->visit, listing->context);

    (void)inode;
    listing->err = listing->err ? listing->err : code;
    return false;
}

int sockets_each(const struct instance *instance,
                 void (*visit)(void *context, const struct fs_connection *connection),
                 void *context)
{
    struct listing listing = {.instance = instance, .visit = visit, .context = context};

    namespaces_each(is_observed(instance) ? list_namespace : diagnose_namespace, &listing);
    return listing.err;
}

static void ignore(void *context, const struct fs_connection *connection)
{
    (void)context;
    (void)connection;
}

void sockets_refresh(const struct instance *instance, unsigned age_ms)
{
    struct listing listing = {.instance = instance, .visit = ignore};
    static uint64_t last_ns, last_instance;
    uint64_t now_ns = clock_now_ns();

    if (!is_observed(instance) ||
        (last_instance == instance->inode && now_ns - last_ns < age_ms * 1000000ull))
        return;
    last_ns = now_ns;
    last_instance = instance->inode;
    namespaces_each(list_namespace, &listing);
}
