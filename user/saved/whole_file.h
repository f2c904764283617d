/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that are read whole, and written so that there is always a whole one. */
#ifndef FLOWSPLIT_WHOLE_FILE_H
#define FLOWSPLIT_WHOLE_FILE_H

#include <stddef.h>

#include "error.h"

/* Reads a file, or standard input if the path is "-"; more than `limit` bytes are refused. The text
 * is malloc'ed. Returns 0, or -errno with *err set. */
int whole_file_read(const char *path, size_t limit, char **text, size_t *length, struct error *err);

/* Writes a file that only root may read. Whatever happens, the path names the old one or the new
 * one; when this returns 0, the new one, on disk. Else -errno with *err set. */
int whole_file_write(const char *path, const char *text, size_t length, struct error *err);

#endif
