/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Texts of a YAML document that stand for values: names, weights, times, one word of several. All
 * return 0 or a negative errno, with *at->err set to what was wrong where, and what is allowed. */
#ifndef FLOWSPLIT_YAML_WORDS_H
#define FLOWSPLIT_YAML_WORDS_H

#include <flowsplit/guard.h>

#include "yaml_doc.h"

/* Refuses with the place in front of what a parse_* function said. */
int doc_refuse(const struct doc_at *at, const struct error *why);

int doc_out_of_memory(const struct doc_at *at);

/* A name of FS_NAME_MAX bytes at most, and its terminator. `what` names it here and below. */
int doc_name(const struct doc_at *at, const char *what, char *name);

/* 0..FS_BUCKETS, in basis points. */
int doc_weight(const struct doc_at *at, const char *what, unsigned *bp);

/* The times that are allowed, in milliseconds, and as a message says it: "1s to 24h". */
struct doc_times {
    unsigned min, max;
    const char *text;
};

int doc_time(const struct doc_at *at, const char *what, const struct doc_times *allowed,
             unsigned *ms);

/* The index of one of `count` words. */
int doc_choice(const struct doc_at *at, const char *what, const char *const *words, size_t count,
               size_t *index);

/* `keep`, `drain TIME` (1s to 24h), `cut`. *ms is left alone but for `drain`. */
int doc_live_flows(const struct doc_at *at, enum fs_live_flows *live_flows, unsigned *ms);

#endif
