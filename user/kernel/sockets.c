// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the iterator over the data path's socket storage. */
#include "sockets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

/* include/net/tcp_states.h */
static const char *const states[FS_TCP_STATES] = {
    "?",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};

const char *sockets_state_name(uint32_t state)
{
    return states[state < FS_TCP_STATES ? state : 0];
}

static int open_iterator(const struct instance *instance)
{
    union bpf_iter_link_info info = {.map.map_fd = (uint32_t)instance->maps.sockets};
    LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &info, .iter_info_len = sizeof(info));
    int link =
            bpf_link_create(instance->programs[PROGRAM_SOCKETS_LIST], 0, BPF_TRACE_ITER, &options),
        iterator;

    if (link < 0)
        return link;
    iterator = bpf_iter_create(link);
    close(link);
    return iterator;
}

int sockets_each(const struct instance *instance,
                 void (*visit)(void *context, const struct fs_connection *connection),
                 void *context)
{
    struct fs_connection connections[32];
    size_t held = 0; /* bytes of what a read cut in two */
    int iterator = open_iterator(instance);
    ssize_t got;

    if (iterator < 0)
        return iterator;
    while ((got = read(iterator, (char *)connections + held, sizeof(connections) - held)) > 0 ||
           (got < 0 && errno == EINTR)) {
        size_t whole;

        held += got > 0 ? (size_t)got : 0;
        whole = held / sizeof(connections[0]);
        for (size_t i = 0; i < whole; i++)
            visit(context, &connections[i]);
        held -= whole * sizeof(connections[0]);
        for (size_t i = 0; i < held; i++)
            ((char *)connections)[i] = ((char *)&connections[whole])[i];
    }
    close(iterator);
    return got < 0 ? -errno : 0;
}
