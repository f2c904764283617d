/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A Prometheus server's answer to a query, judged. Pure; no answer, however odd, is trusted. */
#ifndef FLOWSPLIT_PROMETHEUS_H
#define FLOWSPLIT_PROMETHEUS_H

#include <stddef.h>

#include "answer.h"
#include "plan.h"

/* The address of an instant query: `check`'s url and query, encoded. The caller frees it; NULL when
 * there is no memory. */
char *prometheus_url(const struct plan_check *check);

/* GOOD or BAD when the answer is one number (a scalar, or a vector of one series) that keeps to the
 * check's limit or doesn't; else NO_ANSWER with the reason. `status` is that of HTTP. */
struct finding prometheus_judge(const struct plan_check *check, long status, const char *body,
                                size_t length);

#endif
