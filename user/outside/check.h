/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plan's checks: asks what the outside thinks, again and again, beside the event loop. */
#ifndef FLOWSPLIT_CHECK_H
#define FLOWSPLIT_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "answer.h"
#include "error.h"
#include "http.h"
#include "plan.h"

/* The last answer of a check. Times are CLOCK_MONOTONIC, in ns. */
struct check_result {
    struct finding finding;
    uint64_t asked_ns;    /* when it was last asked; after answered_ns: it is being asked */
    uint64_t answered_ns; /* 0: never yet */
    uint64_t since_ns;    /* since when it says this, whatever the number: when it was first asked
                             what it answered so; while WAITING since checks_new() */
    unsigned failures;    /* answers in a row that weren't GOOD */
};

/* Called from the event loop after each answer of check `index` of the plan. May do anything, even
 * free the checks. */
typedef void check_answered(void *context, size_t index, const struct check_result *result);

struct checks;

/* Begins to ask: each check at once and then every `every`; where the answer takes longer, as soon
 * as it is there. A request is given up after `every`, 30 s at most; that is NO_ANSWER. Commands
 * get FLOWSPLIT_SERVICE and FLOWSPLIT_VERSION. `http` and `plan` must stay until checks_free().
 * Returns NULL with *err set when there is no memory. */
struct checks *checks_new(sd_event *event, struct http *http, const struct plan *plan,
                          check_answered *callback, void *context, struct error *err);

/* The last answers, plan->check_count of them, in the plan's order; as long as the checks. */
const struct check_result *checks_results(const struct checks *checks);

/* Asks no more, without calling back: commands are killed, requests given up. NULL is allowed. */
void checks_free(struct checks *checks);

#endif
