// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Promises, and who broke them. */
#include "promise.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

const char *const promises[PROMISES] = {
    "each packet of a live flow gets to the backend that the flow is with, whatever is forged",
    "each answer of a live flow leaves from where its client asked, whatever is forged",
    "each live connection goes on until its ends end it, whatever is forged",
    "only what a backend has confirmed is on record, whatever is forged",
    "what comes from outside with a local backend's source is left to the stack",
};

struct broken broken[PROMISES];
uint64_t promise_step;
bool tracing;

/* The last lines. */
#define LINES 200
static struct {
    enum promise promise;
    unsigned count;
    char lines[LINES][512];
} traced;

void promise_broken(enum promise promise, const char *what, ...)
{
    struct broken *it = &broken[promise];
    char text[sizeof(it->what)];
    va_list args;

    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    trace("BROKEN: %s", text);
    tracing &= promise != traced.promise;
    if (it->times++)
        return;
    it->step = promise_step;
    strcpy(it->what, text);
}

void promises_begin(void)
{
    memset(broken, 0, sizeof(broken));
}

unsigned promises_broken(void)
{
    unsigned times = 0;

    for (int i = 0; i < PROMISES; i++)
        times += broken[i].times;
    return times;
}

void trace_begin(enum promise promise)
{
    traced.promise = promise;
    traced.count = 0;
    tracing = true;
}

void trace_end(void)
{
    tracing = false;
    if (traced.count > LINES)
        note("  ... %u lines", traced.count - LINES);
    for (unsigned i = traced.count > LINES ? traced.count - LINES : 0; i < traced.count; i++)
        note("  %s", traced.lines[i % LINES]);
}

void trace(const char *line, ...)
{
    va_list args;

    if (!tracing)
        return;
    va_start(args, line);
    vsnprintf(traced.lines[traced.count++ % LINES], sizeof(*traced.lines), line, args);
    va_end(args);
}
