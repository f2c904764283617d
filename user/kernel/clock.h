/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's clocks, and how their times are written. */
#ifndef FLOWSPLIT_CLOCK_H
#define FLOWSPLIT_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, in ns: what the data path's times are in. */
uint64_t clock_now_ns(void);

/* CLOCK_REALTIME when CLOCK_MONOTONIC was 0, in ns. */
uint64_t clock_realtime_0(void);

/* The present tick of the data path's coarse clock. */
uint32_t clock_tick_now(void);

/* CLOCK_REALTIME, in ms. */
uint64_t clock_real_ms(void);

enum { CLOCK_TEXT_MAX = 40 };

/* A time of CLOCK_MONOTONIC as UTC with microseconds, RFC 3339; buf holds CLOCK_TEXT_MAX. Returns
 * buf. */
const char *clock_text(uint64_t monotonic_ns, char *buf);

/* "812us", "20.3ms", "1.50s"; buf holds CLOCK_TEXT_MAX. Returns buf. */
const char *clock_span(uint64_t ns, char *buf);

#endif
