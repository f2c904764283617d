// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP connections to many addresses at once. */
#include "knock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

static int start(const struct fs_endpoint *at, int fd)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = at->port_be};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = at->port_be};
    int code;

    memcpy(&v4.sin_addr, at->addr, sizeof(v4.sin_addr));
    memcpy(&v6.sin6_addr, at->addr, sizeof(v6.sin6_addr));
    code = at->family == 4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                           : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
    return code ? -errno : 0;
}

/* One that is decided has its poll() taken out. */
static void decide(struct door *door, struct pollfd *poll, int code)
{
    door->code = code;
    if (code == -EINPROGRESS)
        return;
    if (poll->fd >= 0)
        close(poll->fd);
    poll->fd = -1;
}

static int result(int fd)
{
    socklen_t bytes = sizeof(int);
    int code = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &bytes) ? -errno : -code;
}

static void knock_some(struct door *doors, size_t count, int wait_ms)
{
    uint64_t end = clock_now_ns() + (uint64_t)wait_ms * 1000000, now;
    struct pollfd polls[KNOCK_AT_ONCE];
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

        polls[i].events = POLLOUT;
        polls[i].fd = socket(doors[i].at.family == 4 ? AF_INET : AF_INET6, type, 0);
        decide(&doors[i], &polls[i], polls[i].fd < 0 ? -errno : start(&doors[i].at, polls[i].fd));
        open += polls[i].fd >= 0;
    }
    while (open && (now = clock_now_ns()) < end &&
           poll(polls, count, (int)((end - now) / 1000000) + 1) > 0)
        for (size_t i = 0; i < count; i++)
            if (polls[i].fd >= 0 && polls[i].revents) {
                decide(&doors[i], &polls[i], result(polls[i].fd));
                open--;
            }
    for (size_t i = 0; i < count; i++)
        if (polls[i].fd >= 0)
            decide(&doors[i], &polls[i], -ETIMEDOUT);
}

void knock(struct door *doors, size_t count, int wait_ms)
{
    for (size_t i = 0; i < count; i += KNOCK_AT_ONCE)
        knock_some(doors + i, count - i < KNOCK_AT_ONCE ? count - i : KNOCK_AT_ONCE, wait_ms);
}
