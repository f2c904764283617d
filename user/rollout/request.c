// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks the controller, from a command. */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 30 /* a change may have to wait for other commands */

static int connect_to(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
        return fd;
    if (errno == ENOENT)
        errno = ECONNREFUSED;
    close(fd);
    return -1;
}

static int send_line(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0, sent = 0;
    ssize_t done = text ? 0 : -1;

    if (text)
        text[length++] = '\n'; /* in the place of the terminator */
    while (sent < length && done >= 0) {
        done = send(fd, text + sent, length - sent, MSG_NOSIGNAL);
        sent += done > 0 ? (size_t)done : 0;
    }
    free(text);
    return done < 0 ? -1 : 0;
}

static size_t fill(void *buffer, size_t size, void *context)
{
    ssize_t got = read(*(int *)context, buffer, size);

    return got < 0 ? (size_t)-1 : (size_t)got;
}

json_t *request_ask(const char *path, const json_t *request, struct error *err)
{
    int fd = connect_to(path);
    json_error_t why;
    json_t *answer;

    if (fd < 0) {
        error_set(err, -errno, "can't reach the controller at %s: %s", path, strerror(errno));
        return NULL;
    }
    if (send_line(fd, request)) {
        error_set(err, -errno, "can't ask the controller at %s: %s", path, strerror(errno));
        close(fd);
        return NULL;
    }
    answer = json_load_callback(fill, &fd, JSON_DISABLE_EOF_CHECK, &why);
    if (!answer)
        error_set(err, -EIO, "the controller at %s gave no answer within %d s", path, PATIENCE_S);
    close(fd);
    errno = answer ? 0 : EIO;
    return answer;
}
