// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One client connection: opening, an exchange without blocking, and the check of every answer
// against the first one.
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_failed(struct client *c, const char *what)
{
    snprintf(c->why, sizeof(c->why), "%s: %s", what, strerror(errno));
    client_close(c, true);
    return -1;
}

static int bind_source(int fd, const union address *from)
{
    int on = 1;
    if (from->v4.sin_port == 0)
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(fd, &from->any, address_len(from));
}

int client_open(struct client *c, const struct target *to, const union address *from)
{
    int type = to->udp ? SOCK_DGRAM : SOCK_STREAM;
    socklen_t len = sizeof(c->local);
    memset(c, 0, sizeof(*c));
    c->target = *to;
    c->nonce = random_u64();
    c->fd = socket(to->addr.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return open_failed(c, "socket");
    if (from && bind_source(c->fd, from) < 0)
        return open_failed(c, "bind");
    c->started_ns = now_ns();
    if (connect(c->fd, &to->addr.any, address_len(&to->addr)) < 0 && errno != EINPROGRESS)
        return open_failed(c, "connect");
    getsockname(c->fd, &c->local.any, &len);
    return 0;
}

void client_begin(struct client *c, uint32_t payload_len, uint32_t reply_len)
{
    struct request req = {.magic = REQUEST_MAGIC,
                          .seq = ++c->seq,
                          .nonce = c->nonce,
                          .payload_len = payload_len,
                          .reply_len = reply_len};
    buffer_reserve(&c->out, sizeof(req) + payload_len);
    memcpy(c->out.data, &req, sizeof(req));
    payload_fill(c->out.data + sizeof(req), payload_len, &req, TO_SERVER);
    c->out.len = sizeof(req) + payload_len;
    c->out.done = 0;
    buffer_reserve(&c->in, sizeof(struct response) + reply_len);
    c->in.len = 0;
    c->busy = true;
}

static enum progress step_failed(struct client *c, const char *what, int error)
{
    snprintf(c->why, sizeof(c->why), "%s %u: %s", what, c->seq, strerror(error));
    return STEP_FAILED;
}

static enum progress connect_finish(struct client *c)
{
    int error = 0;
    socklen_t len = sizeof(error);
    union address peer;
    socklen_t peer_len = sizeof(peer);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0)
        return step_failed(c, "connect", error);
    if (getpeername(c->fd, &peer.any, &peer_len) < 0)
        return errno == ENOTCONN ? STEP_AGAIN : step_failed(c, "connect", errno);
    c->connected = true;
    return STEP_DONE;
}

static enum progress send_rest(struct client *c)
{
    while (c->out.done < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->out.done, c->out.len - c->out.done, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return STEP_AGAIN;
        if (n < 0)
            return step_failed(c, "send", errno);
        c->out.done += (size_t)n;
    }
    return STEP_DONE;
}

static enum progress misrouted(struct client *c, const struct response *r, const char *what)
{
    snprintf(c->why, sizeof(c->why), "exchange %u: %s (first \"%s\" #%u, now \"%.*s\" #%u)", c->seq,
             what, c->name, c->answered, NAME_LEN, r->name, r->served);
    return STEP_MISROUTED;
}

// Is it the answer to this request, from the connection that answered the first one?
static enum progress answer_check(struct client *c)
{
    struct response r;
    memcpy(&r, c->in.data, sizeof(r));
    if (memcmp(&r.echo, c->out.data, sizeof(r.echo)) != 0)
        return misrouted(c, &r, "another request's answer");
    if (!r.payload_ok)
        return misrouted(c, &r, "the server got other bytes than were sent");
    if (!payload_matches(c->in.data + sizeof(r), r.echo.reply_len, &r.echo, TO_CLIENT))
        return misrouted(c, &r, "other bytes than the server sent");
    if (c->answered == 0) {
        memcpy(c->name, r.name, NAME_LEN);
        c->connection_id = r.connection_id;
    } else if (strncmp(c->name, r.name, NAME_LEN) != 0) {
        return misrouted(c, &r, "another server");
    } else if (c->connection_id != r.connection_id) {
        return misrouted(c, &r, "another connection of this server");
    }
    c->answered++;
    if (!c->target.udp && c->answered != r.served)
        return misrouted(c, &r, "another count");
    c->busy = false;
    return STEP_DONE;
}

static enum progress receive_stream(struct client *c)
{
    size_t want = sizeof(struct response) + ((struct request *)c->out.data)->reply_len;
    while (c->in.len < want) {
        ssize_t n = recv(c->fd, c->in.data + c->in.len, want - c->in.len, 0);
        if (n < 0 && errno == EAGAIN)
            return STEP_AGAIN;
        if (n < 0)
            return step_failed(c, "receive", errno);
        if (n == 0)
            return step_failed(c, "receive: closed", ECONNRESET);
        c->in.len += (size_t)n;
    }
    return answer_check(c);
}

// Late answers to requests given up before are skipped.
static enum progress receive_datagram(struct client *c)
{
    size_t want = sizeof(struct response) + ((struct request *)c->out.data)->reply_len;
    for (;;) {
        struct response r;
        ssize_t n = recv(c->fd, c->in.data, want, 0);
        if (n < 0 && errno == EAGAIN)
            return STEP_AGAIN;
        if (n < 0)
            return step_failed(c, "receive", errno);
        if ((size_t)n < sizeof(r))
            continue;
        memcpy(&r, c->in.data, sizeof(r));
        if (r.echo.nonce == c->nonce && r.echo.seq < c->seq)
            continue;
        if ((size_t)n != want)
            return misrouted(c, &r, "an answer cut short");
        return answer_check(c);
    }
}

enum progress client_step(struct client *c)
{
    if (!c->connected) {
        enum progress p = connect_finish(c);
        if (p != STEP_DONE)
            return p;
    }
    if (!c->busy)
        return STEP_AGAIN;
    enum progress p = send_rest(c);
    if (p != STEP_DONE)
        return p;
    return c->target.udp ? receive_datagram(c) : receive_stream(c);
}

enum progress client_check_idle(struct client *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);
    if (c->target.udp || (n < 0 && errno == EAGAIN))
        return STEP_AGAIN;
    if (n > 0) {
        snprintf(c->why, sizeof(c->why), "data nobody asked for after exchange %u", c->seq);
        return STEP_MISROUTED;
    }
    return step_failed(c, "closed while idle after exchange", n == 0 ? ECONNRESET : errno);
}

void client_close(struct client *c, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (c->fd >= 0) {
        if (reset && !c->target.udp)
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        close(c->fd);
    }
    c->fd = -1;
    c->ended_ns = now_ns();
    buffer_free(&c->out);
    buffer_free(&c->in);
}
