// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of what is observed of each version: times, HTTP, sockets. */
#include "metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "sockets.h"

#define OF(member) offsetof(struct fs_health, member)

static const void *at(const struct fs_health *health, size_t offset)
{
    return (const char *)health + offset;
}

/* A __u64 of each observed version. */
static void write_count(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        if (metrics->versions[i].health)
            metrics_count(text, family->name, &metrics->versions[i].labels,
                          *(const __u64 *)at(metrics->versions[i].health, family->offset));
}

static void write_times(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        if (metrics->versions[i].health)
            metrics_histogram(text, family->name, &metrics->versions[i].labels,
                              at(metrics->versions[i].health, family->offset));
}

static void write_observed(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        metrics_count(text, family->name, &metrics->versions[i].labels,
                      metrics->versions[i].health != NULL);
}

/* A version's sample with one more label. */
static void write_part(struct metrics_text *text, const char *name,
                       const struct metrics_version *version, const char *label, const char *part,
                       uint64_t value)
{
    struct metrics_labels labels = version->labels;

    metrics_label(&labels, label, part);
    metrics_count(text, name, &labels, value);
}

static void write_http(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        for (int class = 1; version->health && class < FS_HTTP_CLASSES; class ++) {
            char code[] = {(char)('0' + class), 'x', 'x', '\0'};

            write_part(text, family->name, version, "code", code, version->health->http[class]);
        }
    }
}

static void write_states(struct metrics_text *text, const struct metrics_family *family,
                         const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        for (uint32_t state = 1; version->health && state < FS_TCP_STATES; state++)
            write_part(text, family->name, version, "state", sockets_state_name(state),
                       version->health->sockets.now[state]);
    }
}

/* The words of `flowsplit status --json`. */
static const char *const ends[FS_END_COUNT] = {
    [FS_END_OTHER] = "other",
    [FS_END_CLIENT] = "client",
    [FS_END_BACKEND] = "backend",
    [FS_END_CLIENT_RESET] = "client_reset",
    [FS_END_BACKEND_RESET] = "backend_reset",
};

static void write_ends(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        for (int end = 0; version->health && end < FS_END_COUNT; end++)
            write_part(text, family->name, version, "by", ends[end],
                       version->health->sockets.ended[end]);
    }
}

static void write_lifetime(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct fs_health *health = metrics->versions[i].health;
        uint64_t closed = 0;

        for (int end = 0; health && end < FS_END_COUNT; end++)
            closed += health->sockets.ended[end];
        if (health)
            metrics_summary(text, family->name, &metrics->versions[i].labels,
                            health->sockets.lifetime_ns, closed);
    }
}

static void write_rtt(struct metrics_text *text, const struct metrics_family *family,
                      const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct fs_health *health = metrics->versions[i].health;

        if (health)
            metrics_summary(text, family->name, &metrics->versions[i].labels,
                            health->sockets.rtt_us * 1000, health->sockets.rtt_count);
    }
}

const struct metrics_family metrics_health_families[] = {
    {"flowsplit_version_observed", METRICS_GAUGE, "1 for one that has a slot for observation",
     write_observed, 0},
    {"flowsplit_connect_time_seconds", METRICS_HISTOGRAM, "From a SYN to its SYN-ACK", write_times,
     OF(connect_time)},
    {"flowsplit_response_time_seconds", METRICS_HISTOGRAM,
     "From the first byte of a request to that of its answer, in the sample", write_times,
     OF(response_time)},
    {"flowsplit_http_responses_total", METRICS_COUNTER,
     "Responses in the sample, by class of status", write_http, 0},
    {"flowsplit_connections", METRICS_GAUGE, "Sockets of backends on this host, by TCP state",
     write_states, 0},
    {"flowsplit_connections_stuck", METRICS_GAUGE,
     "of which in CLOSE_WAIT for longer than the guard's close_wait_after", write_count,
     OF(sockets.stuck)},
    {"flowsplit_connections_opened_total", METRICS_COUNTER,
     "Connections that backends on this host have accepted", write_count, OF(sockets.opened)},
    {"flowsplit_connections_closed_total", METRICS_COUNTER, "of which are over, by who ended them",
     write_ends, 0},
    {"flowsplit_connection_lifetime_seconds", METRICS_SUMMARY, "How long these lived",
     write_lifetime, 0},
    {"flowsplit_connection_rtt_seconds", METRICS_SUMMARY, "Their smoothed round-trip time",
     write_rtt, 0},
    {"flowsplit_connection_received_bytes_total", METRICS_COUNTER, "Payload that they received",
     write_count, OF(sockets.bytes_in)},
    {"flowsplit_connection_sent_bytes_total", METRICS_COUNTER, "Payload that they sent",
     write_count, OF(sockets.bytes_out)},
    {"flowsplit_segments_total", METRICS_COUNTER,
     "Segments with payload that backends sent, sent again ones included", write_count,
     OF(sockets.segments)},
    {"flowsplit_retransmits_total", METRICS_COUNTER, "of which were sent again", write_count,
     OF(sockets.retransmits)},
    {0},
};
