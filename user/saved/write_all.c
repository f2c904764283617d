// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes all or says why not. */
#include "write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t done = write(fd, text, length);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        text += done;
        length -= (size_t)done;
    }
    return 0;
}
