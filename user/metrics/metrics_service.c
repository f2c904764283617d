// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of services, and of what each version is to have and has. */
#include "metrics.h"

#include <stddef.h>

#define OF_SERVICE(member) offsetof(struct metrics_service, member)
#define OF_VERSION(member) offsetof(struct metrics_version, member)

static void write_info(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->service_count; i++)
        metrics_count(text, family->name, &metrics->services[i].info, 1);
}

static void write_drain(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->service_count; i++)
        metrics_time(text, family->name, &metrics->services[i].labels,
                     metrics->services[i].drain_ms * 1000000);
}

/* A uint64_t of each service. */
static void write_service(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->service_count; i++) {
        const struct metrics_service *service = &metrics->services[i];

        metrics_count(text, family->name, &service->labels,
                      *(const uint64_t *)((const char *)service + family->offset));
    }
}

/* A uint64_t of each version. */
static void write_version(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        metrics_count(text, family->name, &version->labels,
                      *(const uint64_t *)((const char *)version + family->offset));
    }
}

/* A bool of each version. */
static void write_flag(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        metrics_count(text, family->name, &version->labels,
                      *(const bool *)((const char *)version + family->offset));
    }
}

static void write_weight(struct metrics_text *text, const struct metrics_family *family,
                         const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        metrics_real(text, family->name, &metrics->versions[i].labels, metrics->versions[i].weight);
}

const struct metrics_family metrics_service_families[] = {
    {"flowsplit_service_info", METRICS_GAUGE, "Services and what they are", write_info, 0},
    {"flowsplit_service_drain_seconds", METRICS_GAUGE,
     "How long a live flow may be silent across a change", write_drain, 0},
    {"flowsplit_service_generation", METRICS_GAUGE, "Changes of the service so far", write_service,
     OF_SERVICE(generation)},
    {"flowsplit_service_moving_buckets", METRICS_GAUGE,
     "Buckets that have changed owner less than `drain` ago", write_service,
     OF_SERVICE(moving_buckets)},
    {"flowsplit_service_tracked_buckets", METRICS_GAUGE,
     "Buckets that have changed owner and have flows on record since", write_service,
     OF_SERVICE(tracked_buckets)},
    {"flowsplit_service_flow_entries", METRICS_GAUGE, "Flows on record", write_service,
     OF_SERVICE(flow_entries)},
    {"flowsplit_version_weight_ratio", METRICS_GAUGE, "Share of new flows that is wished",
     write_weight, 0},
    {"flowsplit_version_buckets", METRICS_GAUGE, "Buckets of 10,000 that the version has",
     write_version, OF_VERSION(buckets)},
    {"flowsplit_version_slots", METRICS_GAUGE, "Slots of the version's table of backends",
     write_version, OF_VERSION(slots)},
    {"flowsplit_version_moving_slots", METRICS_GAUGE,
     "Slots that have changed backend less than `drain` ago", write_version,
     OF_VERSION(moving_slots)},
    {"flowsplit_version_baseline", METRICS_GAUGE, "1 for the version that gets what others lose",
     write_flag, OF_VERSION(baseline)},
    {"flowsplit_version_retired", METRICS_GAUGE,
     "1 for one that is no longer declared, whose flows live on", write_flag, OF_VERSION(retired)},
    {"flowsplit_version_withdrawn", METRICS_GAUGE,
     "1 for one that gets no new flows, whatever its weight", write_flag, OF_VERSION(withdrawn)},
    {0},
};
