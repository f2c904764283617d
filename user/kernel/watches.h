/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's tracepoints by which an instance observes sockets and failed redirects. */
#ifndef FLOWSPLIT_WATCHES_H
#define FLOWSPLIT_WATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/signals.h>

struct bpf_object;

/* Leaves programs out of the loading whose tracepoints this kernel doesn't have: none could be
 * loaded else. */
void watches_leave_out(struct bpf_object *object);

/* Attaches the others and pins their links, which keep them alive, in `dir`. Returns 0 or -errno.
 */
int watches_pin(struct bpf_object *object, const char *dir);

/* Calls `tell` for each tracepoint, and whether the instance watches it: a kernel may not have all.
 */
void watches_each(const char *pin_dir, void (*tell)(void *context, const char *name, bool works),
                  void *context);

/* Sets those that are missing, by the signals that can't be had without them. */
void watches_missing(const char *pin_dir, const char *missing[FS_SIGNAL_COUNT]);

/* How often a tracepoint was passed without its program being run, because that CPU was running it
 * already and had been interrupted (`recursion_misses` of the kernel's struct bpf_prog_info). */
uint64_t watches_missed_runs(const char *pin_dir);

#endif
