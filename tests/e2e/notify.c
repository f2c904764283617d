// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer notify`: the manager's end of sd_notify.
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int cmd_notify(char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!argv[0] || strlen(argv[0]) >= sizeof(at.sun_path))
        misuse("notify: of which path?");
    strcpy(at.sun_path, argv[0]);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        die("bind: %s", strerror(errno));
    printf("ready\n");
    for (;;) {
        char text[4096];
        fflush(stdout);
        ssize_t n = recv(fd, text, sizeof(text), 0);
        if (n > 0)
            printf("%.*s\n", (int)n, text);
    }
}
