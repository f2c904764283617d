/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The places on an interface that hold a program of an instance: one at each of XDP's two levels
 * and TC's two directions. What is there is asked of the kernel each time; nothing is remembered
 * that could be wrong. */
#ifndef FLOWSPLIT_HOOK_H
#define FLOWSPLIT_HOOK_H

#include "instance.h"

enum hook {
    HOOK_XDP_NATIVE,
    HOOK_XDP_GENERIC,
    HOOK_TC_INGRESS,
    HOOK_TC_EGRESS,
    HOOK_COUNT,
};

/* The instance's program at a hook, or PROGRAM_COUNT if it has none there. */
enum instance_program hook_get(const struct instance *instance, unsigned ifindex, enum hook hook);

/* Puts a program there, in one step with taking away another of this instance; at TC, in front of
 * what others have there. Returns 0 or -errno, for hook_problem(), and what was there stays. */
int hook_put(const struct instance *instance, unsigned ifindex, enum hook hook,
             enum instance_program program);

/* Takes away what the instance has there. Returns 0, also if that is nothing, or -errno. */
int hook_clear(const struct instance *instance, unsigned ifindex, enum hook hook);

#define HOOK_WHY 128

/* Looks whether packets reach what the instance has there. `why` (HOOK_WHY bytes) becomes "" if so,
 * else what is in the way. That an interface is down isn't. */
void hook_look(const struct instance *instance, unsigned ifindex, enum hook hook, char *why);

/* What a failure of hook_put() means, for people. */
const char *hook_problem(enum hook hook, int err);

#endif
