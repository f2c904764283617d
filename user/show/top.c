// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `top` knows of the last second, by comparison with the one before. */
#include "top.h"

#include <stdlib.h>
#include <string.h>

#include "health.h"

/* Counters as they were, by health slot. */
struct past {
    bool known;
    uint64_t epoch;
    json_int_t new_flows, packets, bytes, begun, failed;
    struct fs_histogram connect, response;
    struct top_history connect_p99, response_p99;
};

struct top_memory {
    struct past slots[FS_HEALTH_SLOTS];
};

struct top_memory *top_memory_new(void)
{
    return calloc(1, sizeof(struct top_memory));
}

void top_memory_free(struct top_memory *memory)
{
    free(memory);
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The 99th percentile of what was added to a histogram; remembers it as it is now. */
static uint64_t added_p99(const struct fs_histogram *now, struct fs_histogram *before, bool known)
{
    struct fs_histogram added = {0};
    uint64_t p99;

    for (uint32_t i = 0; i < FS_BINS && known; i++)
        added.bins[i] = now->bins[i] - before->bins[i];
    p99 = health_quantile(&added, 0.99);
    *before = *now;
    return p99;
}

static void remember(struct top_history *history, uint64_t value)
{
    memmove(history->values, history->values + 1, sizeof(history->values) - sizeof(uint64_t));
    history->values[TOP_HISTORY - 1] = value;
}

static double rate(json_int_t now, json_int_t *before, bool known, double seconds)
{
    double added = known ? (double)(now - *before) / seconds : 0;

    *before = now;
    return added;
}

static void find_score(struct top_row *row, const json_t *health)
{
    const json_t *rule;
    size_t i = 0;

    json_array_foreach(json_object_get(health, "guard"), i, rule)
    {
        double part = json_real_value(json_object_get(rule, "score")) /
                      json_real_value(json_object_get(rule, "threshold"));

        if (row->rule && part <= row->score)
            continue;
        row->score = part;
        row->rule = text(rule, "rule");
    }
}

static void fill_from_slot(struct top_row *row, const json_t *version, struct past *past,
                           const struct fs_health *slot, double seconds)
{
    const json_t *handshakes = json_object_get(json_object_get(version, "health"), "handshakes");
    bool known = past->known && past->epoch == slot->epoch;
    double begun, failed;

    row->new_flows = rate(number(version, "new_flows"), &past->new_flows, known, seconds);
    row->packets = rate(number(version, "packets"), &past->packets, known, seconds);
    row->bytes = rate(number(version, "bytes"), &past->bytes, known, seconds);
    begun = rate(number(handshakes, "begun"), &past->begun, known, seconds);
    failed = rate(number(handshakes, "refused") + number(handshakes, "unanswered"), &past->failed,
                  known, seconds);
    row->failed = begun > 0 ? failed / begun : 0;
    row->connect_p99_ns = added_p99(&slot->connect_time, &past->connect, known);
    row->response_p99_ns = added_p99(&slot->response_time, &past->response, known);
    remember(&past->connect_p99, row->connect_p99_ns);
    remember(&past->response_p99, row->response_p99_ns);
    row->connect = past->connect_p99;
    row->response = past->response_p99;
    past->known = true;
    past->epoch = slot->epoch;
}

static void add_row(struct top_view *view, struct top_memory *memory,
                    const struct fs_health *health, const json_t *service, const json_t *version,
                    double seconds)
{
    const json_t *state = json_object_get(version, "health");
    const json_t *trip = json_object_get(state, "tripped");
    struct top_row *row = &view->rows[view->row_count];
    json_int_t slot = json_is_integer(json_object_get(state, "slot")) ? number(state, "slot") : -1;

    memset(row, 0, sizeof(*row));
    row->place = view->row_count;
    row->service = text(service, "name");
    row->version = text(version, "name");
    row->state = json_is_true(json_object_get(state, "withdrawn")) ? "withdrawn"
                 : json_is_object(trip)                            ? "reported"
                                                                   : "";
    row->wished = (double)number(version, "weight_bp") / FS_BUCKETS;
    find_score(row, state);
    if (slot >= 0 && slot < FS_HEALTH_SLOTS)
        fill_from_slot(row, version, &memory->slots[slot], &health[slot], seconds);
    view->row_count++;
}

static void add_service(struct top_view *view, struct top_memory *memory,
                        const struct fs_health *health, const json_t *service, double seconds)
{
    size_t first = view->row_count, i = 0;
    const json_t *version;
    double flows = 0;

    json_array_foreach(json_object_get(service, "versions"), i, version)
    {
        if (view->row_count < TOP_ROWS_MAX)
            add_row(view, memory, health, service, version, seconds);
    }
    for (size_t row = first; row < view->row_count; row++)
        flows += view->rows[row].new_flows;
    for (size_t row = first; row < view->row_count; row++)
        view->rows[row].got = flows > 0 ? view->rows[row].new_flows / flows : 0;
}

void top_update(struct top_view *view, struct top_memory *memory, const struct fs_health *health,
                double seconds)
{
    const json_t *service;
    size_t i = 0;

    view->row_count = 0;
    json_array_foreach(json_object_get(view->status, "services"), i, service)
        add_service(view, memory, health, service, seconds);
    top_sort(view);
}

/* --- order --- */

static int descending(double a, double b)
{
    return (a < b) - (a > b);
}

static int by_place(const void *a, const void *b)
{
    return descending((double)((const struct top_row *)b)->place,
                      (double)((const struct top_row *)a)->place);
}

static int by_rate(const void *a, const void *b)
{
    return descending(((const struct top_row *)a)->new_flows,
                      ((const struct top_row *)b)->new_flows);
}

static int by_failures(const void *a, const void *b)
{
    return descending(((const struct top_row *)a)->failed, ((const struct top_row *)b)->failed);
}

static int by_score(const void *a, const void *b)
{
    return descending(((const struct top_row *)a)->score, ((const struct top_row *)b)->score);
}

static const struct {
    const char *name;
    int (*compare)(const void *a, const void *b);
} orders[TOP_ORDERS] = {
    [TOP_BY_FILE] = {"file", by_place},
    [TOP_BY_RATE] = {"new flows", by_rate},
    [TOP_BY_FAILURES] = {"failures", by_failures},
    [TOP_BY_SCORE] = {"guard", by_score},
};

const char *top_order_name(enum top_order order)
{
    return orders[order].name;
}

void top_sort(struct top_view *view)
{
    qsort(view->rows, view->row_count, sizeof(view->rows[0]), orders[view->order].compare);
}
