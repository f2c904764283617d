// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer in`: becomes a command in a network namespace. Nothing else changes: `ip netns exec` would
// hide the pins by mounting /sys anew, and nsenter starts half as fast, which counts when emulated.
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

int cmd_in(char **argv)
{
    if (!argv[0] || !argv[1])
        misuse("in: NETNS COMMAND...");
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        die("%s: %s", argv[0], strerror(errno));
    close(fd);
    execvp(argv[1], argv + 1);
    die("%s: %s", argv[1], strerror(errno));
}
