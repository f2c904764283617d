// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares counters. A rule for times becomes one for shares: q is the baseline's quantile as the
 * comparison begins; an answer of the version's is bad if it takes longer than FACTOR q + MARGIN,
 * one of the control's if it takes longer than q. Whatever q is, a version that is slower by no
 * more than that has no larger share of bad answers. */
#include "rollout_measure.h"

#include <math.h>
#include <string.h>

#include "clock.h"
#include "health.h"
#include "rule.h"

#define MILLION       1e6
#define QUANTILE_FEW  3   /* times above a quantile that it takes to know it */
#define HISTORY_LEAST 100 /* outcomes that make a history */

static bool is_time(const struct compare_rule *rule)
{
    return signal_infos[rule->signal].kind == FS_KIND_TIME;
}

static const struct fs_histogram *times_of(const struct fs_health *health,
                                           const struct compare_rule *rule)
{
    return rule->signal == FS_SIGNAL_CONNECT_TIME ? &health->connect_time : &health->response_time;
}

/* Times that begin at a limit, which is where a bin begins, are bad. */
static struct tally times_tally(const struct fs_histogram *times, uint64_t limit_ns)
{
    struct tally tally = {0};

    for (uint32_t i = 0; i < FS_BINS; i++) {
        tally.total += times->bins[i];
        tally.bad += fs_bin_low(i) >= limit_ns ? times->bins[i] : 0;
    }
    return tally;
}

static struct tally tally_of(const struct fs_health *health, const struct compare_rule *rule,
                             uint64_t limit_ns)
{
    const struct fs_tally *share;

    if (!health)
        return (struct tally){0};
    if (is_time(rule))
        return times_tally(times_of(health, rule), limit_ns);
    share = &health->tallies[rule->signal];
    return (struct tally){share->total, share->bad};
}

/* Where the first bin begins that has no time below `ns`. */
static uint64_t bin_at(uint64_t ns)
{
    uint32_t bin = fs_bin(ns);

    return fs_bin_low(bin) == ns ? ns : fs_bin_low(bin + 1);
}

static bool know_limits(const struct compare_rule *rule, const struct facts *facts,
                        struct measure *measure)
{
    const struct fs_histogram *times = times_of(facts->baseline, rule);
    double above = rule->share_ppm / MILLION;
    uint64_t quantile;

    if ((double)times->count * above < QUANTILE_FEW)
        return false;
    quantile = health_quantile(times, 1 - above);
    measure->control_limit_ns = fs_bin_low(fs_bin(quantile) + 1);
    measure->version_limit_ns =
        bin_at(measure->control_limit_ns * rule->factor_millis / 1000 + rule->margin_ns);
    return true;
}

static double base_rate(const struct compare_rule *rule, const struct facts *facts)
{
    struct tally history;

    if (is_time(rule))
        return rule->share_ppm / MILLION;
    history = tally_of(facts->baseline, rule, 0);
    return history.total < HISTORY_LEAST ? 0 : (double)history.bad / (double)history.total;
}

struct measure measure_begin(const struct compare_rule *rule, const struct facts *facts)
{
    struct measure measure = {0};

    if (!facts->version || !facts->control || !facts->baseline)
        return measure;
    if (is_time(rule) && !know_limits(rule, facts, &measure))
        return measure;
    measure.known = true;
    measure.base_rate = base_rate(rule, facts);
    measure.version = tally_of(facts->version, rule, measure.version_limit_ns);
    measure.control = tally_of(facts->control, rule, measure.control_limit_ns);
    return measure;
}

/* Counters only grow, unless they begin anew. */
static bool began_anew(struct tally now, struct tally then)
{
    return now.total < then.total || now.bad < then.bad;
}

bool measure_is_due(const struct rollout *rollout, size_t rule, const struct facts *facts)
{
    const struct measure *measure = &rollout->measures[rule];
    const struct compare_rule *compare = &rollout->plan.rules[rule];
    struct tally version, control;

    if (!measure->known)
        return measure_begin(compare, facts).known;
    version = tally_of(facts->version, compare, measure->version_limit_ns);
    control = tally_of(facts->control, compare, measure->control_limit_ns);
    return facts->control && facts->version &&
           (began_anew(version, measure->version) || began_anew(control, measure->control));
}

static struct tally since(struct tally now, struct tally then)
{
    if (began_anew(now, then))
        return (struct tally){0};
    return (struct tally){now.total - then.total, now.bad - then.bad};
}

void measure_now(const struct rollout *rollout, size_t rule, const struct facts *facts,
                 struct tally *version, struct tally *control)
{
    const struct measure *measure = &rollout->measures[rule];
    const struct compare_rule *compare = &rollout->plan.rules[rule];

    *version = *control = (struct tally){0};
    if (!measure->known)
        return;
    *version =
        since(tally_of(facts->version, compare, measure->version_limit_ns), measure->version);
    *control =
        since(tally_of(facts->control, compare, measure->control_limit_ns), measure->control);
}

struct answer measure_answer(const struct rollout *rollout, size_t rule, const struct facts *facts,
                             struct verdict_test *test)
{
    const struct compare_rule *compare = &rollout->plan.rules[rule];
    struct question question = {
        .factor = is_time(compare) ? 1 : compare->factor_millis / 1000.0,
        .margin = is_time(compare) ? 0 : compare->margin_ppm / MILLION,
        .base_rate = rollout->measures[rule].base_rate,
        .alpha = rollout_alpha(rollout),
        .evidence = rollout_evidence(rollout, compare, facts->sample_shift),
        .version_buckets = facts->version_buckets,
        .control_buckets = facts->control_buckets,
    };
    struct tally version, control;

    measure_now(rollout, rule, facts, &version, &control);
    if (!rollout->measures[rule].known)
        question.control_buckets = 0;
    if (memcmp(&test->question, &question, sizeof(question)) != 0)
        verdict_prepare(test, &question);
    return verdict_look(test, version, control);
}

/* Counters that began anew count from zero. */
static uint64_t grown(uint64_t now, uint64_t then)
{
    return now >= then ? now - then : now;
}

void situation_count(struct situation *situation, const struct rollout *rollout,
                     const struct facts *facts)
{
    situation->connections = grown(facts_connections(facts), rollout->connections);
    situation->all_connections = grown(facts->all_connections, rollout->all_connections);
}

uint64_t situation_ended_ms(const struct rollout *rollout)
{
    uint64_t now_ms = clock_real_ms();

    return rollout->ended_ms && now_ms > rollout->ended_ms ? now_ms - rollout->ended_ms : 0;
}

void situation_read(struct situation *situation, const struct rollout *rollout,
                    const struct facts *facts)
{
    *situation = (struct situation){.checks_good = true,
                                    .held_ms = facts_held_ms(facts, rollout),
                                    .compared = facts->control_buckets != 0,
                                    .ended_ms = situation_ended_ms(rollout)};
    situation_count(situation, rollout, facts);
    for (size_t i = 0; i < rollout->plan.check_count; i++)
        situation->checks_good &= rollout->checks[i].answer == CHECK_GOOD;
    for (size_t i = 0; i < rollout->plan.rule_count && rollout->stage_id; i++)
        situation->answers[i] =
            measure_answer(rollout, i, facts, &(struct verdict_test){.term_count = 0});
}
