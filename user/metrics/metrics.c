// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The list of all metrics. */
#include "metrics.h"

#include <stdlib.h>

static const struct metrics_family *const groups[] = {
    metrics_instance_families, metrics_service_families, metrics_traffic_families,
    metrics_health_families,   metrics_guard_families,   metrics_rollout_families,
};

void metrics_write(struct metrics_text *text, const struct metrics *metrics)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        for (const struct metrics_family *family = groups[i]; family->name; family++) {
            metrics_head(text, family->name, family->type, family->help);
            family->write(text, family, metrics);
        }
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->rollout_count; i++) {
        free(metrics->rollouts[i].rules);
        free(metrics->rollouts[i].checks);
    }
    free(metrics->rollouts);
    free(metrics->interfaces);
    free(metrics->observers);
    free(metrics->ways);
    free(metrics->services);
    free(metrics->versions);
    free(metrics->backends);
    *metrics = (struct metrics){0};
}
