// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of rollouts. */
#include "metrics.h"

#include <stddef.h>
#include <string.h>

#define OF(member) offsetof(struct metrics_rollout, member)

const char *const metrics_rollout_states[] = {"running", "paused", "rolled_back", "promoted",
                                              "soaking", "undone", NULL};

/* 1 for the state it is in, 0 for the others, as Prometheus has it. */
static void write_states(struct metrics_text *text, const struct metrics_family *family,
                         const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        for (const char *const *state = metrics_rollout_states; *state; state++) {
            struct metrics_labels labels = metrics->rollouts[i].labels;

            metrics_label(&labels, "state", *state);
            metrics_count(text, family->name, &labels,
                          strcmp(*state, metrics->rollouts[i].state) == 0);
        }
}

static uint64_t word(const struct metrics_rollout *rollout, const struct metrics_family *family)
{
    return *(const uint64_t *)((const char *)rollout + family->offset);
}

static void write_count(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        metrics_count(text, family->name, &metrics->rollouts[i].labels,
                      word(&metrics->rollouts[i], family));
}

static void write_time(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        metrics_time(text, family->name, &metrics->rollouts[i].labels,
                     word(&metrics->rollouts[i], family));
}

static void write_evidence(struct metrics_text *text, const struct metrics_family *family,
                           const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        for (size_t rule = 0; rule < metrics->rollouts[i].rule_count; rule++)
            metrics_real(text, family->name, &metrics->rollouts[i].rules[rule].labels,
                         metrics->rollouts[i].rules[rule].log_e);
}

static void write_threshold(struct metrics_text *text, const struct metrics_family *family,
                            const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        for (size_t rule = 0; rule < metrics->rollouts[i].rule_count; rule++)
            metrics_real(text, family->name, &metrics->rollouts[i].rules[rule].labels,
                         metrics->rollouts[i].rules[rule].threshold);
}

static void write_checks(struct metrics_text *text, const struct metrics_family *family,
                         const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++)
        for (size_t check = 0; check < metrics->rollouts[i].check_count; check++)
            metrics_real(text, family->name, &metrics->rollouts[i].checks[check].labels,
                         metrics->rollouts[i].checks[check].passing);
}

const struct metrics_family metrics_rollout_families[] = {
    {"flowsplit_rollout_state", METRICS_GAUGE, "1 for the state that the rollout is in",
     write_states, 0},
    {"flowsplit_rollout_state_seconds", METRICS_GAUGE, "For how long", write_time, OF(state_ns)},
    {"flowsplit_rollout_step", METRICS_GAUGE, "The present step, from 1 on", write_count, OF(step)},
    {"flowsplit_rollout_steps", METRICS_GAUGE, "Steps of the plan", write_count, OF(steps)},
    {"flowsplit_rollout_held_seconds", METRICS_GAUGE, "Time that the present step has been held",
     write_time, OF(held_ns)},
    {"flowsplit_rollout_evidence", METRICS_GAUGE,
     "Natural logarithm of the evidence that the version is worse than its control", write_evidence,
     offsetof(struct metrics_evidence, log_e)},
    {"flowsplit_rollout_evidence_threshold", METRICS_GAUGE, "From which on it is called worse",
     write_threshold, 0},
    {"flowsplit_rollout_check_passing", METRICS_GAUGE,
     "1 if the check passes, 0 if it fails, NaN if it gives no answer", write_checks, 0},
    {"flowsplit_rollout_heartbeat_age_seconds", METRICS_GAUGE,
     "Time since the controller was last heard of", write_time, OF(beat_age_ns)},
    {"flowsplit_rollout_heartbeat_lost_after_seconds", METRICS_GAUGE,
     "Age at which it counts as lost", write_time, OF(lost_after_ns)},
    {0},
};
