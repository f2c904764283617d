// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Gathers rollouts for metrics, from the journal and from what the kernel has counted: no
 * controller is asked, so none can keep a scrape waiting. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "metrics.h"
#include "rollout_measure.h"

static double passing(enum check_answer answer)
{
    return answer == CHECK_GOOD ? 1 : answer == CHECK_BAD ? 0 : NAN;
}

static const char *state_of(const struct rollout *rollout)
{
    bool soaks = rollout->state == ROLLOUT_PROMOTED && !rollout->soaked;

    return soaks ? "soaking" : rollout_state_names[rollout->state];
}

static int read_rules(struct metrics_rollout *to, const struct rollout *rollout,
                      const struct situation *situation)
{
    char text[COMPARE_TEXT_MAX];

    to->rules = calloc(rollout->plan.rule_count + 1, sizeof(*to->rules));
    if (!to->rules)
        return -ENOMEM;
    for (; to->rule_count < rollout->plan.rule_count; to->rule_count++) {
        struct metrics_evidence *rule = &to->rules[to->rule_count];

        rule->labels = to->labels;
        metrics_label(&rule->labels, "rule",
                      compare_format(&rollout->plan.rules[to->rule_count], text));
        rule->log_e = situation->answers[to->rule_count].log_e;
        rule->threshold = situation->answers[to->rule_count].log_threshold;
    }
    return 0;
}

static int read_checks(struct metrics_rollout *to, const struct rollout *rollout)
{
    char number[8];

    to->checks = calloc(rollout->plan.check_count + 1, sizeof(*to->checks));
    if (!to->checks)
        return -ENOMEM;
    for (; to->check_count < rollout->plan.check_count; to->check_count++) {
        struct metrics_check *check = &to->checks[to->check_count];

        snprintf(number, sizeof(number), "%u", (unsigned)to->check_count + 1);
        check->labels = to->labels;
        metrics_label(&check->labels, "check", number);
        check->passing = passing(rollout->checks[to->check_count].answer);
    }
    return 0;
}

static int read_rollout(struct metrics_rollout *to, const struct instance *instance,
                        const struct rollout *rollout)
{
    struct situation situation;
    struct facts facts;

    facts_read(instance, &rollout->plan, &facts);
    situation_read(&situation, rollout, &facts);
    metrics_label(&to->labels, "service", rollout->plan.service);
    metrics_label(&to->labels, "version", rollout->plan.version);
    to->state = state_of(rollout);
    to->step = rollout->stage_id ? rollout->step + 1 : 0;
    to->steps = rollout->plan.step_count;
    to->held_ns = situation.held_ms * 1000000;
    to->state_ns = (clock_real_ms() - rollout->state_ms) * 1000000;
    if (facts.version && facts.version->heart.lost_after_ns) {
        to->beat_age_ns = clock_now_ns() - facts.version->heart.beat_ns;
        to->lost_after_ns = facts.version->heart.lost_after_ns;
    }
    return read_rules(to, rollout, &situation) || read_checks(to, rollout) ? -ENOMEM : 0;
}

int metrics_gather_rollouts(struct metrics *metrics, const struct instance *instance,
                            const char *state_dir, struct error *err)
{
    struct rollouts rollouts;
    int code = rollouts_read(state_dir, &rollouts, err);

    if (!code)
        metrics->rollouts = calloc(rollouts.count + 1, sizeof(*metrics->rollouts));
    if (!code && !metrics->rollouts)
        code = error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; !code && i < rollouts.count; i++) {
        code = read_rollout(&metrics->rollouts[i], instance, rollouts.list[i]);
        metrics->rollout_count++;
        if (code)
            error_set(err, code, "out of memory");
    }
    rollouts_free(&rollouts);
    return code;
}
