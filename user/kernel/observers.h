/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs of an instance that only observe: which of them there are, and what isn't seen where
 * one is missing. */
#ifndef FLOWSPLIT_USER_OBSERVERS_H
#define FLOWSPLIT_USER_OBSERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/observers.h>

#include "instance.h"

struct bpf_object;

/* One of them in an instance. The texts are static. */
struct observer {
    const char *program;
    const char *on;     /* a tracepoint, or "iter/..." */
    const char *unseen; /* what isn't seen without it */
    bool works;
    int error; /* errno of the kernel's refusal, or ENOENT: it lacks what the program is for */
};

/* Says that none of an object's observers is to be loaded with it. */
void observers_leave_out(struct bpf_object *object);

/* Loads those that the kernel takes, and pins them in the directories `programs` and `links`: each
 * by itself where they aren't taken together. `object` is loaded, and its maps are theirs, too;
 * `steering` is the id of its program that redirects. `refused` gets the errno of each (0: it
 * works), by enum fs_observer. */
void observers_load(struct bpf_object *object, uint32_t steering, const char *programs,
                    const char *links, uint16_t refused[FS_MAX_OBSERVERS]);

/* What is known of an observer without asking anybody: it doesn't say whether it works. */
const struct observer *observers_declared(enum fs_observer which);

/* An observer of the instance. */
struct observer observers_get(const struct instance *instance, enum fs_observer which);

/* Sets what is missing, by the signals that can't be had without it. */
void observers_missing(const struct instance *instance, const char *missing[FS_SIGNAL_COUNT]);

/* How often a tracepoint was passed without its program being run, because that CPU was running it
 * already and had been interrupted (`recursion_misses` of the kernel's struct bpf_prog_info). */
uint64_t observers_missed_runs(const char *pin_dir);

#endif
