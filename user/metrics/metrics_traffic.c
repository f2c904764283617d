// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of packets and handshakes, by version and by backend. */
#include "metrics.h"

#include <stddef.h>

#define OF(member) offsetof(struct fs_backend_counters, member)

static uint64_t counter(const struct fs_backend_counters *counters,
                        const struct metrics_family *family)
{
    return *(const __u64 *)((const char *)counters + family->offset);
}

static void write_version(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        metrics_count(text, family->name, &metrics->versions[i].labels,
                      counter(&metrics->versions[i].counters, family));
}

static void write_backend(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->backend_count; i++)
        metrics_count(text, family->name, &metrics->backends[i].labels,
                      counter(&metrics->backends[i].counters, family));
}

static void write_local(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->backend_count; i++)
        metrics_count(text, family->name, &metrics->backends[i].labels, metrics->backends[i].local);
}

static void write_draining(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->backend_count; i++)
        metrics_count(text, family->name, &metrics->backends[i].labels,
                      metrics->backends[i].draining);
}

const struct metrics_family metrics_traffic_families[] = {
    {"flowsplit_version_new_flows_total", METRICS_COUNTER,
     "First SYNs and new UDP flows; with affinity none, packets", write_version, OF(new_flows)},
    {"flowsplit_version_received_packets_total", METRICS_COUNTER, "Packets from clients",
     write_version, OF(packets_in)},
    {"flowsplit_version_received_bytes_total", METRICS_COUNTER, "Bytes of IP packets from clients",
     write_version, OF(bytes_in)},
    {"flowsplit_version_sent_packets_total", METRICS_COUNTER, "Packets to clients", write_version,
     OF(packets_out)},
    {"flowsplit_version_sent_bytes_total", METRICS_COUNTER, "Bytes of IP packets to clients",
     write_version, OF(bytes_out)},
    {"flowsplit_handshakes_total", METRICS_COUNTER, "TCP handshakes begun", write_version,
     OF(handshakes)},
    {"flowsplit_handshakes_answered_total", METRICS_COUNTER, "of which a SYN-ACK answered",
     write_version, OF(answered)},
    {"flowsplit_handshakes_refused_total", METRICS_COUNTER, "of which a RST answered",
     write_version, OF(refused)},
    {"flowsplit_handshakes_unanswered_total", METRICS_COUNTER, "of which the SYN had to come again",
     write_version, OF(unanswered)},
    {"flowsplit_sampled_established_total", METRICS_COUNTER,
     "Connections in the sample that clients have established", write_version, OF(established)},
    {"flowsplit_sampled_ended_total", METRICS_COUNTER, "of which came to a proper end",
     write_version, OF(ended)},
    {"flowsplit_sampled_resets_total", METRICS_COUNTER, "of which the backend has reset",
     write_version, OF(resets)},
    {"flowsplit_backend_local", METRICS_GAUGE, "1 for a backend on this host", write_local, 0},
    {"flowsplit_backend_draining", METRICS_GAUGE,
     "1 for one that has left its pool, whose flows live on", write_draining, 0},
    {"flowsplit_backend_new_flows_total", METRICS_COUNTER,
     "First SYNs and new UDP flows; with affinity none, packets", write_backend, OF(new_flows)},
    {"flowsplit_backend_received_packets_total", METRICS_COUNTER, "Packets from clients",
     write_backend, OF(packets_in)},
    {"flowsplit_backend_received_bytes_total", METRICS_COUNTER, "Bytes of IP packets from clients",
     write_backend, OF(bytes_in)},
    {"flowsplit_backend_sent_packets_total", METRICS_COUNTER, "Packets to clients", write_backend,
     OF(packets_out)},
    {"flowsplit_backend_sent_bytes_total", METRICS_COUNTER, "Bytes of IP packets to clients",
     write_backend, OF(bytes_out)},
    {0},
};
