/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process sees mounted: the lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Pure. */
#ifndef FLOWSPLIT_MOUNTS_H
#define FLOWSPLIT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/* Are both of one mount namespace? A mount has a number that no other namespace's has. */
bool mounts_share_namespace(const char *mine, const char *other);

/* Is the BPF file system of this device mounted there, anywhere? */
bool mounts_have_bpffs(const char *text, unsigned major, unsigned minor);

/* What was mounted at a place last: its source, as mount(8) shows it. Returns buf, "" if nothing
 * is mounted there. */
const char *mounts_source(const char *text, const char *place, char *buf, size_t size);

#endif
