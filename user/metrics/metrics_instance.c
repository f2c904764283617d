// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of an instance as a whole. */
#include "metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <flowsplit/version.h>

static void write_up(struct metrics_text *text, const struct metrics_family *family,
                     const struct metrics *metrics)
{
    metrics_count(text, family->name, NULL, metrics->up);
}

static void write_build(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    struct metrics_labels labels = {0};
    char abi[16];

    (void)metrics;
    snprintf(abi, sizeof(abi), "%d", FS_ABI);
    metrics_label(&labels, "version", FLOWSPLIT_VERSION);
    metrics_label(&labels, "abi", abi);
    metrics_count(text, family->name, &labels, 1);
}

static void write_duration(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    metrics_real(text, family->name, NULL, metrics->seconds);
}

static void write_events(struct metrics_text *text, const struct metrics_family *family,
                         const struct metrics *metrics)
{
    if (metrics->up)
        metrics_count(text, family->name, NULL, metrics->events);
}

static void write_interfaces(struct metrics_text *text, const struct metrics_family *family,
                             const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->interface_count; i++)
        metrics_count(text, family->name, &metrics->interfaces[i].labels,
                      metrics->interfaces[i].works);
}

static void write_ways(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->way_count; i++)
        metrics_count(text, family->name, &metrics->ways[i].labels, metrics->ways[i].works);
}

static void write_tracepoints(struct metrics_text *text, const struct metrics_family *family,
                              const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->observer_count; i++)
        metrics_count(text, family->name, &metrics->observers[i].tracepoint,
                      !metrics->observers[i].error);
}

static void write_refusals(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->observer_count; i++)
        if (metrics->observers[i].error)
            metrics_count(text, family->name, &metrics->observers[i].program,
                          (uint64_t)metrics->observers[i].error);
}

static void write_reasons(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    static const struct {
        const char *name, *fate, *normal;
    } reasons[] = {
#define REASON_ROW(id, name, fate, normal, words, setting) {name, fate, normal},
        FS_REASONS(REASON_ROW)
#undef REASON_ROW
    };

    for (int i = 0; metrics->up && i < FS_REASON_COUNT; i++) {
        struct metrics_labels labels = {0};

        metrics_label(&labels, "reason", reasons[i].name);
        metrics_label(&labels, "fate", reasons[i].fate);
        metrics_label(&labels, "normal", strcmp(reasons[i].normal, "normal") ? "false" : "true");
        metrics_count(text, family->name, &labels, metrics->reasons[i]);
    }
}

const struct metrics_family metrics_instance_families[] = {
    {"flowsplit_up", METRICS_GAUGE, "Is there an instance that could be read", write_up, 0},
    {"flowsplit_build_info", METRICS_GAUGE, "What answers: its version, and that of its maps",
     write_build, 0},
    {"flowsplit_gather_seconds", METRICS_GAUGE, "What this took to gather, waiting included",
     write_duration, 0},
    {"flowsplit_interface_info", METRICS_GAUGE, "Attached interfaces and their mode",
     write_interfaces, 0},
    {"flowsplit_interface_attached", METRICS_GAUGE,
     "1 if packets of this way (in, back) reach the program that should see them, else 0",
     write_ways, 0},
    {"flowsplit_tracepoint_watched", METRICS_GAUGE,
     "1 if a tracepoint, or all sockets (iter/tcp), can be looked at; 0 if this kernel refuses",
     write_tracepoints, 0},
    {"flowsplit_observer_refused_errno", METRICS_GAUGE,
     "Why the kernel refuses a program that observes; no sample: it doesn't", write_refusals, 0},
    {"flowsplit_reason_packets_total", METRICS_COUNTER,
     "Packets by what became of them; normal=\"false\" deserves a look when it grows",
     write_reasons, 0},
    {"flowsplit_events_total", METRICS_COUNTER, "Trips and people's acts, as in flowsplit events",
     write_events, 0},
    {0},
};
