/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the text format that Prometheus reads, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Pure. */
#ifndef FLOWSPLIT_METRICS_TEXT_H
#define FLOWSPLIT_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flowsplit/health.h>

/* Text that grows. Begins as {0}; owns its bytes: metrics_text_free(). */
struct metrics_text {
    char *bytes; /* not terminated */
    size_t length, room;
    bool failed; /* out of memory: something is missing */
};

void metrics_text_free(struct metrics_text *text);

/* What stands between the braces: NAME="VALUE", with commas between. Begins as {0}. */
struct metrics_labels {
    char text[640]; /* three names of 63 characters and a rule, all of them escaped */
    size_t length;
};

/* Adds a label; one for which there is no room is left out. Bytes that are no UTF-8 become "?":
 * Prometheus would refuse all the rest with them. */
void metrics_label(struct metrics_labels *labels, const char *name, const char *value);

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_SUMMARY };

/* The two lines that a family begins with. */
void metrics_head(struct metrics_text *text, const char *name, enum metrics_type type,
                  const char *help);

/* One sample; `labels` may be NULL. */
void metrics_count(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                   uint64_t value);
void metrics_real(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                  double value);
/* In seconds, exactly. */
void metrics_time(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                  uint64_t ns);

/* NAME_sum, in seconds, and NAME_count. */
void metrics_summary(struct metrics_text *text, const char *name,
                     const struct metrics_labels *labels, uint64_t sum_ns, uint64_t count);

/* NAME_bucket, two an octave from 1.024 us to 103 s, NAME_sum and NAME_count. The limits are those
 * of bins, so that nothing is estimated; a time of exactly a limit counts as above it. */
void metrics_histogram(struct metrics_text *text, const char *name,
                       const struct metrics_labels *labels, const struct fs_histogram *times);

/* A line that Prometheus passes over. */
void metrics_comment(struct metrics_text *text, const char *words);

#endif
