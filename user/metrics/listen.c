// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A TCP socket that listens where the user says. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "quote.h"

#define BACKLOG 16

/* Either family's. */
union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* 0..65535 in plain digits, or -1. */
static int port_number(const char *text)
{
    size_t length = strspn(text, "0123456789");

    if (!length || length > 5 || text[length] || atoi(text) > 65535)
        return -1;
    return atoi(text);
}

static bool read_host(const char *host, union place *place)
{
    size_t length = strlen(host);
    char inner[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET, host, &place->v4.sin_addr) == 1) {
        place->any.sa_family = AF_INET;
        return true;
    }
    place->any.sa_family = AF_INET6;
    if (!length) {
        place->v6.sin6_addr = in6addr_any;
        return true;
    }
    if (host[0] != '[' || host[length - 1] != ']' || length - 2 >= sizeof(inner))
        return false;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = '\0';
    return inet_pton(AF_INET6, inner, &place->v6.sin6_addr) == 1;
}

static int read_place(const char *address, union place *place, struct error *err)
{
    const char *colon = strrchr(address, ':');
    char host[LISTEN_TEXT_MAX];
    int port = colon ? port_number(colon + 1) : -1;

    memset(place, 0, sizeof(*place));
    if (port >= 0 && (size_t)(colon - address) < sizeof(host)) {
        memcpy(host, address, (size_t)(colon - address));
        host[colon - address] = '\0';
        place->v6.sin6_port = htons((uint16_t)port); /* where sin_port is, too */
        if (read_host(host, place))
            return 0;
    }
    return error_set(err, -EINVAL,
                     "%s is no address to listen at; write it like 127.0.0.1:9911 or [::1]:9911, "
                     "or :9911 for all addresses",
                     quote(address).text);
}

static socklen_t bytes_of(const union place *place)
{
    return place->any.sa_family == AF_INET ? sizeof(place->v4) : sizeof(place->v6);
}

/* All addresses means both families', if there are both. */
static int open_socket(union place *place)
{
    int fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1,
        only6 = !IN6_IS_ADDR_UNSPECIFIED(&place->v6.sin6_addr);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (place->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6));
    if (bind(fd, &place->any, bytes_of(place)) || listen(fd, BACKLOG)) {
        int code = -errno;

        close(fd);
        return code;
    }
    return fd;
}

/* A host without IPv6 has all its addresses in IPv4. */
static int open_any(const char *address, union place *place)
{
    int fd = open_socket(place);

    if (fd == -EAFNOSUPPORT && address[0] == ':') {
        place->any.sa_family = AF_INET;
        place->v4.sin_addr.s_addr = htonl(INADDR_ANY);
        fd = open_socket(place);
    }
    return fd;
}

static void write_place(const union place *place, char *at)
{
    char host[INET6_ADDRSTRLEN];

    if (place->any.sa_family == AF_INET)
        snprintf(at, LISTEN_TEXT_MAX, "%s:%u",
                 inet_ntop(AF_INET, &place->v4.sin_addr, host, sizeof(host)),
                 ntohs(place->v4.sin_port));
    else
        snprintf(at, LISTEN_TEXT_MAX, "[%s]:%u",
                 inet_ntop(AF_INET6, &place->v6.sin6_addr, host, sizeof(host)),
                 ntohs(place->v6.sin6_port));
}

int listen_at(const char *address, char *at, struct error *err)
{
    union place place;
    socklen_t bytes = sizeof(place);
    int fd = read_place(address, &place, err);

    if (fd)
        return fd;
    fd = open_any(address, &place);
    if (fd == -EADDRINUSE)
        return error_set(err, fd, "can't listen at %s: another process does (ss -ltnp tells which)",
                         address);
    if (fd == -EADDRNOTAVAIL)
        return error_set(err, fd, "can't listen at %s: no such address on this host", address);
    if (fd < 0)
        return error_set(err, fd, "can't listen at %s: %s", address, strerror(-fd));
    getsockname(fd, &place.any, &bytes);
    write_place(&place, at);
    return fd;
}
