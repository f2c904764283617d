/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The journal of rollouts: a file that only grows, one JSON object a line, each synced to the disk
 * before what it announces is done. What is in it, rollout.c knows. */
#ifndef FLOWSPLIT_JOURNAL_H
#define FLOWSPLIT_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

#include "error.h"

#define JOURNAL_FORMAT 1 /* in its first line; a file with a higher one is refused */

struct journal;

/* Opens the journal in `dir` for writing, making both if need be. A last line that was torn off is
 * removed. NULL with *err set on failure: not writable, another controller has it, written by a
 * newer version, or not a journal. */
struct journal *journal_open(const char *dir, struct error *err);
void journal_close(struct journal *journal);

/* Sets the line's "time", adds it to the file and syncs it. Keeps no reference. Returns 0, or
 * -errno with *err set and the file as it was. */
int journal_append(struct journal *journal, json_t *line, struct error *err);

/* Calls `visit` for each whole line after the first, oldest first; `visit` returns 0 to go on. No
 * journal in `dir` is an empty one. Returns 0, what `visit` returned, or -errno with *err set. */
int journal_each(const char *dir, int (*visit)(void *context, json_t *line), void *context,
                 struct error *err);

/* The time in a line, in ms of CLOCK_REALTIME; 0 if there is none. */
uint64_t journal_time_ms(const json_t *line);

#endif
