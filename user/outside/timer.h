/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One-shot timers on an event loop, in ns. */
#ifndef FLOWSPLIT_TIMER_H
#define FLOWSPLIT_TIMER_H

#include <stdint.h>
#include <systemd/sd-event.h>

/* Calls `handler` once, `after_ns` from now (0: as soon as the loop runs; up to 10 ms late), and
 * not when it was to be called before. *timer is NULL or one of an earlier call, and is the
 * caller's, who ends it by sd_event_source_disable_unref(). Returns 0 or -errno. */
int timer_arm(sd_event *event, sd_event_source **timer, uint64_t after_ns,
              sd_event_time_handler_t handler, void *context);

/* The timer, if there is one, no longer goes off. */
void timer_stop(sd_event_source *timer);

#endif
