/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a doctor has found: a list of findings, as text and as JSON. Pure. */
#ifndef FLOWSPLIT_REPORT_H
#define FLOWSPLIT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum level { LEVEL_GOOD, LEVEL_DEGRADED, LEVEL_FAILING, LEVEL_COUNT };

struct finding {
    const char *check; /* static */
    enum level level;
    char text[512];
    char remedy[512]; /* "" if there is nothing to do */
};

/* Begins as all zero; freed with report_free(). */
struct report {
    struct finding *findings;
    size_t count, room;
    size_t of[LEVEL_COUNT]; /* how many of each level */
};

void report_add(struct report *report, const char *check, enum level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What to do about the finding that was added last. */
void report_remedy(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line each, the remedies indented below them, and one line of sums. `problems_only` leaves out
 * what is good. */
void report_print(const struct report *report, bool problems_only, FILE *to);

/* A new reference, or NULL when out of memory. */
json_t *report_json(const struct report *report);

void report_free(struct report *report);

#endif
