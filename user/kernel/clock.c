// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's clocks. */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <flowsplit/abi.h>

#define SECOND_NS 1000000000u

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint32_t clock_tick_now(void)
{
    return (uint32_t)(read_ns(CLOCK_MONOTONIC_COARSE) >> FS_TICK_SHIFT);
}

uint64_t clock_real_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

uint64_t clock_realtime_0(void)
{
    return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

const char *clock_text(uint64_t monotonic_ns, char *buf)
{
    uint64_t ns = clock_realtime_0() + monotonic_ns;
    time_t seconds = (time_t)(ns / SECOND_NS);
    struct tm parts;
    size_t length;

    gmtime_r(&seconds, &parts);
    length = strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(buf + length, CLOCK_TEXT_MAX - length, ".%06uZ", (unsigned)(ns % SECOND_NS / 1000));
    return buf;
}

const char *clock_span(uint64_t ns, char *buf)
{
    double us = (double)ns / 1e3;

    if (us < 1000)
        snprintf(buf, CLOCK_TEXT_MAX, us < 10 ? "%.1fus" : "%.0fus", us);
    else if (us < 1e6)
        snprintf(buf, CLOCK_TEXT_MAX,
                 us < 1e4   ? "%.2fms"
                 : us < 1e5 ? "%.1fms"
                            : "%.0fms",
                 us / 1e3);
    else
        snprintf(buf, CLOCK_TEXT_MAX, us < 1e7 ? "%.2fs" : "%.1fs", us / 1e6);
    return buf;
}
