// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the few steps that it takes to break a promise. */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "steps.h"
#include "tap.h"

#define SECONDS 60      /* for the search */
#define LONGEST 2000000 /* steps */

/* Steps that together break the promise, in order. */
static struct {
    uint64_t seed;
    enum promise promise;
    bool end;
    size_t count;
    uint64_t steps[LONGEST];
} found;

static time_t until;

/* Makes steps, up to where the promise is broken. */
static bool breaks(const uint64_t *steps, size_t count)
{
    steps_begin();
    for (size_t i = 0; i < count; i++) {
        step_make(found.seed, steps[i]);
        if (broken[found.promise].times)
            return true;
    }
    if (found.end)
        steps_end(found.seed, steps[count - 1] + 1);
    return broken[found.promise].times;
}

static bool patient(void)
{
    return time(NULL) < until;
}

/* The last steps up to `step`: first few, then more, until they suffice. Returns false if none do
 * in time. */
static bool find_tail(uint64_t step)
{
    for (uint64_t length = 256; patient(); length *= 4) {
        uint64_t from = step + 1 > length ? step + 1 - length : 0;

        if (step + 1 - from > LONGEST)
            return false;
        found.count = 0;
        while (from <= step)
            found.steps[found.count++] = from++;
        if (breaks(found.steps, found.count))
            return true;
        if (found.count == step + 1)
            return false;
    }
    return false;
}

/* Leaves out what isn't needed, in ever smaller pieces. */
static void leave_out(void)
{
    static uint64_t less[LONGEST];

    for (size_t piece = found.count / 2; piece; piece /= 2) {
        for (size_t at = 0; at + piece <= found.count && patient();) {
            size_t count = found.count - piece;

            memcpy(less, found.steps, at * sizeof(*less));
            memcpy(less + at, found.steps + at + piece, (count - at) * sizeof(*less));
            if (count && breaks(less, count)) {
                memcpy(found.steps, less, count * sizeof(*less));
                found.count = count;
            } else {
                at += piece;
            }
        }
    }
}

void shrink(uint64_t seed, enum promise promise, uint64_t step, bool end)
{
    found.seed = seed;
    found.promise = promise;
    found.end = end;
    until = time(NULL) + SECONDS;
    if (!find_tail(end && step ? step - 1 : step)) {
        note("no few steps before it suffice");
        return;
    }
    leave_out();
    note("these %zu steps suffice:", found.count);
    trace_begin(promise);
    breaks(found.steps, found.count);
    trace_end();
}
