/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a controller keeps what must survive it, and where it is spoken to. */
#ifndef FLOWSPLIT_STATE_DIR_H
#define FLOWSPLIT_STATE_DIR_H

#define STATE_DIR   "/var/lib/flowsplit"
#define RUN_DIR     "/run/flowsplit"

#define STATE_SAVED "/saved"

enum { STATE_PATH_MAX = 256 };

/* The directory of an instance's journal: `given`, or if that is NULL, one below STATE_DIR that is
 * named after the pin directory ("/sys/fs/bpf/flowsplit": "sys-fs-bpf-flowsplit"; a `-` of its own
 * is written %2d, `%` %25). buf holds STATE_PATH_MAX. Returns buf. */
const char *state_dir_path(char *buf, const char *given, const char *pin_dir);

/* Where in such a directory `save` puts everything that steers. buf holds STATE_PATH_MAX and
 * sizeof(STATE_SAVED). Returns buf. */
const char *state_saved_path(char *buf, const char *dir);

/* The path of an instance's file `kind` ("sock", "lock") below RUN_DIR. buf holds STATE_PATH_MAX.
 * Returns buf. */
const char *state_run_path(char *buf, const char *pin_dir, const char *kind);

/* Makes a directory and those above it, for root only. Returns 0 or -errno. */
int state_dir_make(const char *path);

#endif
