// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The controller's end of the socket. A connection asks once; one that dawdles delays nobody. */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, CLIENTS_MAX = 64, BACKLOG = 16 };

struct client {
    struct request_server *server;
    sd_event_source *source;
    int fd;
    char request[REQUEST_MAX];
    size_t got;
    char *answer; /* NULL until there is one */
    size_t length, sent;
    struct client *next;
};

struct request_server {
    sd_event *event;
    sd_event_source *source;
    json_t *(*answer)(void *context, const json_t *request, const char *who);
    void *context;
    int fd;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct client *clients;
    size_t client_count;
};

/* --- a client --- */

static void client_free(struct client *client)
{
    struct request_server *server = client->server;
    struct client **at = &server->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    server->client_count--;
    sd_event_source_disable_unref(client->source);
    close(client->fd);
    free(client->answer);
    free(client);
}

static void name_of(int fd, char *who, size_t size)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof(peer);
    const struct passwd *user;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
        peer.uid = (uid_t)-1;
    user = getpwuid(peer.uid);
    if (user)
        snprintf(who, size, "%s", user->pw_name);
    else
        snprintf(who, size, "uid %u", (unsigned)peer.uid);
}

static json_t *answer_request(struct client *client)
{
    struct request_server *server = client->server;
    json_t *request = json_loadb(client->request, client->got, JSON_DISABLE_EOF_CHECK, NULL);
    char who[64];
    json_t *answer;

    if (!request)
        return json_pack("{s:s}", "error", "a request is one JSON object on one line");
    name_of(client->fd, who, sizeof(who));
    answer = server->answer(server->context, request, who);
    json_decref(request);
    return answer;
}

static void prepare_answer(struct client *client)
{
    json_t *answer = answer_request(client);

    client->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    client->length = client->answer ? strlen(client->answer) : 0;
    if (client->answer)
        client->answer[client->length++] = '\n'; /* in the place of the terminator */
    json_decref(answer);
    sd_event_source_set_io_events(client->source, EPOLLOUT);
}

/* Returns false when the client is done with. */
static bool receive(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->request + client->got, REQUEST_MAX - client->got, MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    client->got += (size_t)got;
    if (memchr(client->request, '\n', client->got) || client->got == REQUEST_MAX)
        prepare_answer(client);
    return got > 0;
}

static bool transmit(struct client *client)
{
    ssize_t sent = send(client->fd, client->answer + client->sent, client->length - client->sent,
                        MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    client->sent += (size_t)sent;
    return client->sent < client->length;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct client *client = context;
    bool more = client->answer ? transmit(client) : receive(client);

    (void)source, (void)fd, (void)events;
    if (!more)
        client_free(client);
    return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context)
{
    struct request_server *server = context;
    struct client *client;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)source, (void)events;
    if (peer < 0)
        return 0;
    if (server->client_count == CLIENTS_MAX) /* the one that has been here for longest gives way */
        for (struct client *at = server->clients; at; at = at->next)
            if (!at->next) {
                client_free(at);
                break;
            }
    client = calloc(1, sizeof(*client));
    if (!client ||
        sd_event_add_io(server->event, &client->source, peer, EPOLLIN, on_client, client) < 0) {
        free(client);
        close(peer);
        return 0;
    }
    client->server = server;
    client->fd = peer;
    client->next = server->clients;
    server->clients = client;
    server->client_count++;
    return 0;
}

/* --- the server --- */

/* Whoever has the controller's lock may take the socket's place. */
static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before;
    int code;

    if (fd < 0)
        return -errno;
    strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
    unlink(path);
    before = umask(0117);
    code = bind(fd, (struct sockaddr *)&at, sizeof(at));
    umask(before);
    if (!code)
        code = listen(fd, BACKLOG);
    if (!code)
        return fd;
    code = -errno;
    close(fd);
    return code;
}

struct request_server *request_serve(sd_event *event, const char *path,
                                     json_t *(*answer)(void *context, const json_t *request,
                                                       const char *who),
                                     void *context, struct error *err)
{
    struct request_server *server = calloc(1, sizeof(*server));
    int code = -ENOMEM;

    if (server) {
        *server = (struct request_server){.event = event, .answer = answer, .context = context};
        snprintf(server->path, sizeof(server->path), "%s", path);
        code = server->fd = listen_at(path);
    }
    if (code >= 0)
        code = sd_event_add_io(event, &server->source, server->fd, EPOLLIN, on_connection, server);
    if (code >= 0)
        return server;
    error_set(err, code, "can't listen at %s: %s", path, strerror(-code));
    free(server);
    return NULL;
}

void request_stop(struct request_server *server)
{
    if (!server)
        return;
    while (server->clients)
        client_free(server->clients);
    sd_event_source_disable_unref(server->source);
    close(server->fd);
    unlink(server->path);
    free(server);
}
