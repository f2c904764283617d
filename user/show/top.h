/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The live view: what `top` keeps from one second to the next, and how it is drawn. */
#ifndef FLOWSPLIT_TOP_H
#define FLOWSPLIT_TOP_H

#include <jansson.h>

#include "instance.h"

enum { TOP_HISTORY = 30, TOP_EVENTS = 64, TOP_ROWS_MAX = 1024 };

/* The last values of something, one a second, the newest last. */
struct top_history {
    uint64_t values[TOP_HISTORY];
};

/* A version on the screen. */
struct top_row {
    const char *service, *version, *state; /* in `status` */
    size_t place;                          /* among all, as declared */
    double wished, got;                    /* shares of new flows, got: in the last second */
    double new_flows, packets, bytes;      /* a second */
    double failed;                         /* share of handshakes in the last second */
    uint64_t connect_p99_ns, response_p99_ns;
    struct top_history connect, response; /* p99 of each second */
    double score;                         /* the highest of its rules', of its threshold */
    const char *rule;                     /* that rule, or NULL */
};

enum top_order { TOP_BY_FILE, TOP_BY_RATE, TOP_BY_FAILURES, TOP_BY_SCORE, TOP_ORDERS };

/* All that is on the screen. */
struct top_view {
    json_t *status;
    struct top_row rows[TOP_ROWS_MAX]; /* of all services, as ordered */
    size_t row_count;
    enum top_order order;
    char service[FS_NAME_MAX + 1]; /* the one to draw; "" for all */
    json_t *events;                /* the last TOP_EVENTS */
    bool paused;
};

/* What has to be remembered of a version to tell what the last second was like. */
struct top_memory;

struct top_memory *top_memory_new(void);
void top_memory_free(struct top_memory *memory);

/* Fills the view's rows from view->status, which stands for the time until now since the last call,
 * `seconds` ago. `health` has FS_HEALTH_SLOTS. */
void top_update(struct top_view *view, struct top_memory *memory, const struct fs_health *health,
                double seconds);

/* Puts rows in the order asked for. */
void top_sort(struct top_view *view);

const char *top_order_name(enum top_order order);

/* Draws all of it on the curses screen. */
void top_draw(const struct top_view *view);

#endif
