/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An event loop for tests: runs until something is so, and fails when that takes too long. */
#ifndef FLOWSPLIT_TEST_LOOP_H
#define FLOWSPLIT_TEST_LOOP_H

#include <dirent.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "clock.h"
#include "unit.h"

#define MS_NS 1000000ull

/* Every test's longest wait; on a machine that is busy, too. */
#define PATIENCE_NS (10000 * MS_NS)

static inline sd_event *loop_new(void)
{
    sd_event *event;

    assert_true(sd_event_new(&event) >= 0);
    return event;
}

/* Runs the loop until *count is at least `wanted`. */
static inline void loop_until(sd_event *event, const unsigned *count, unsigned wanted)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    while (*count < wanted && clock_now_ns() < end_ns)
        assert_true(sd_event_run(event, 20000) >= 0);
    if (*count < wanted)
        fail_msg("%u of %u came within 10 s", *count, wanted);
}

static inline void loop_for(sd_event *event, uint64_t ns)
{
    uint64_t end_ns = clock_now_ns() + ns;

    while (clock_now_ns() < end_ns)
        assert_true(sd_event_run(event, 5000) >= 0);
}

static inline unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

#endif
