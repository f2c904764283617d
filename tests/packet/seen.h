/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What packets must have told of a version: every counter, histogram and outcome, exactly. */
#ifndef FLOWSPLIT_SEEN_H
#define FLOWSPLIT_SEEN_H

#include "talk.h"

/* The rules of services that are watched so: none of them withdraws anything. Times are bad from
 * 100 s on. */
#define SEEN_RULES_TEXT \
    "connect_failures > 50%, resets > 50%, p50 connect_time > 100s, p50 response_time > 100s"
#define SEEN_GUARD         "guard: {on_trip: report, rules: [" SEEN_RULES_TEXT ", http_5xx > 50%]},"
#define SEEN_GUARD_NO_HTTP "guard: {on_trip: report, rules: [" SEEN_RULES_TEXT "]},"
enum seen_rule { FAILURES, RESETS, CONNECT_TIMES, RESPONSE_TIMES, HTTP_5XX, SEEN_RULES };

/* How often; whatever is zero must not have moved. */
struct seen {
    unsigned handshakes, answered, refused, unanswered; /* of the backend's counters */
    unsigned established, ended, resets;
    unsigned connect_times, response_times; /* in the histograms */
    unsigned http[6];
    struct {
        unsigned total, bad;
    } outcomes[SEEN_RULES];
};

/* Watches the canary of a way, from now on. */
void seen_begin(const struct way *way);

/* Checks what it has been told since, and that its traffic is counted; all that follows is watched
 * anew. */
void seen_end(const struct seen *wished);

#define SEEN(...) seen_end(&(struct seen){__VA_ARGS__})

#endif
