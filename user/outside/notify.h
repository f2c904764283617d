/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plan's hooks: tells the outside what happened, each hook in order, beside the event loop. */
#ifndef FLOWSPLIT_NOTIFY_H
#define FLOWSPLIT_NOTIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "http.h"
#include "rollout.h"

enum {
    NOTIFY_QUEUE_MAX = 32, /* events that wait for a hook; of more, the oldest are dropped */
    NOTIFY_TEXT_MAX = 400,
};

/* How patient it is. */
struct notify_patience {
    uint64_t timeout_ns; /* of each attempt; default 10 s */
    uint64_t pause_ns;   /* before a webhook's second attempt, doubled each time; default 1 s */
    unsigned retries;    /* of webhooks; default 3. A command isn't started again */
};

/* What became of an event. */
struct notify_report {
    size_t hook; /* index in the plan */
    enum plan_event event;
    bool told; /* a webhook has answered 2xx, a command has exited with 0 */
    unsigned attempts;
    uint64_t line;    /* of the journal, that the event came by */
    uint64_t dropped; /* events this hook has missed because its queue was full, since ever */
    const char *text; /* all of it in words, for a log; printable. Until the callback returns */
};

/* Called from the event loop when a hook is done with an event. May do anything, even free the
 * struct notify. */
typedef void notify_done(void *context, const struct notify_report *report);

struct notify;

/* `http` and `plan` must stay until notify_free(); `patience` is copied, NULL for the defaults.
 * Returns NULL with *err set when there is no memory. */
struct notify *notify_new(sd_event *event, struct http *http, const struct plan *plan,
                          const struct notify_patience *patience, notify_done *callback,
                          void *context, struct error *err);

/* Tells the hooks of `untold`: queues its message, which is copied, with "service", "version" and
 * "event" added. Webhooks get it by POST; commands on stdin, and in their environment
 * FLOWSPLIT_EVENT, FLOWSPLIT_SERVICE, FLOWSPLIT_VERSION, and FLOWSPLIT_REASON (its "reason", or
 * ""). Never blocks, and never calls back before it returns. Returns 0, or -ENOMEM with *err set
 * when some hooks won't be told. */
int notify_send(struct notify *notify, const struct untold *untold, struct error *err);

/* Gives up all that is pending, without calling back. NULL is allowed. */
void notify_free(struct notify *notify);

#endif
