/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is promised whatever anybody sends, and how often it was broken. */
#ifndef FLOWSPLIT_ATTACKS_PROMISE_H
#define FLOWSPLIT_ATTACKS_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

enum promise {
    PACKETS_ARRIVE,
    ANSWERS_ARRIVE,
    CONNECTIONS_GO_ON,
    RECORDS_ARE_CONFIRMED,
    OUTSIDE_IS_NO_REPLY,
    PROMISES,
};

extern const char *const promises[PROMISES]; /* sentences */

struct broken {
    unsigned times;
    uint64_t step; /* of the first time, and what it was */
    char what[400];
};

extern struct broken broken[PROMISES];

/* The step that is being made; set by who makes them. */
extern uint64_t promise_step;

/* A promise is broken. */
void promise_broken(enum promise promise, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

/* None is. */
void promises_begin(void);
unsigned promises_broken(void);

/* Takes down what goes on until this promise is broken, and tells the last of it. */
void trace_begin(enum promise promise);
void trace_end(void);

extern bool tracing;
void trace(const char *line, ...) __attribute__((format(printf, 1, 2)));

#endif
