// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One-shot timers on an event loop. */
#include "timer.h"

#include <time.h>

enum { ACCURACY_US = 10000 };

int timer_arm(sd_event *event, sd_event_source **timer, uint64_t after_ns,
              sd_event_time_handler_t handler, void *context)
{
    uint64_t after_us = after_ns / 1000 + !!(after_ns % 1000);
    int ret;

    if (!*timer)
        return sd_event_add_time_relative(event, timer, CLOCK_MONOTONIC, after_us, ACCURACY_US,
                                          handler, context);
    ret = sd_event_source_set_time_relative(*timer, after_us);
    return ret < 0 ? ret : sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

void timer_stop(sd_event_source *timer)
{
    if (timer)
        sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}
