/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reasons that have been met, as somebody who looks again and again wants them. Pure. */
#ifndef FLOWSPLIT_REASON_ROWS_H
#define FLOWSPLIT_REASON_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/reasons.h>

/* What is said of each. */
struct reason_text {
    const char *name, *fate, *text;
    const char *setting; /* "" if it points to none */
    const char *normal;  /* or "look" */
};

extern const struct reason_text reason_texts[FS_REASON_COUNT];

/* Is other than zero fine on a healthy host? */
bool reason_is_normal(const struct reason_text *reason);

struct reason_row {
    enum fs_reason reason;
    uint64_t packets;
    double rate; /* a second */
    bool fresh;  /* there was none yet at the first look */
};

/* Fills in a row for each that isn't zero: fresh ones first, each kind by rate, then by packets.
 * `first` and `before` are the counts of the first look and of the last one, `seconds` ago. Returns
 * how many. */
int reason_rows(struct reason_row rows[FS_REASON_COUNT], const uint64_t first[FS_REASON_COUNT],
                const uint64_t before[FS_REASON_COUNT], const uint64_t now[FS_REASON_COUNT],
                double seconds);

#endif
