// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Steps and thresholds of a guard's scores, so that its false-alarm rate is a promise.
 *
 * Why it holds: with p0 the limit, p1 a score's rate and e^S the likelihood ratio of a stretch of
 * outcomes, let R be the sum of e^S over all stretches that end now and begin with a bad outcome.
 * At the limit each such ratio stays the same on average, and every outcome adds on average p0 *
 * p1 / p0 = p1; so R, summed over a rule's scores, is on average the number of outcomes times the
 * sum of their p1. A score is the S of such a stretch; when one reaches the threshold h, R is e^h
 * or more. So by then e^h / sum(p1) outcomes have passed on average, or more (Lorden's bound, but
 * for several scores at once, and sharper, as stretches begin with a bad outcome). Hence
 *
 *     h = ln(1 / false_alarm) + ln(sum(p1)),   the latter only if the sum is above 1,
 *
 * which it is for limits above 5 %. Rounding steps down and the threshold up keeps the promise. */
#include "guard.h"

#include <math.h>
#include <string.h>

#include <flowsplit/steer.h>

/* Twice the limit, eight times the limit, one half: what the design asks for. A limit so high that
 * one of these isn't between it and 1 is told apart by the good outcomes instead, which the rates
 * make rarer by the same factors. So limits above 1/9, 1/4 and 1/3 have other rates than these. */
void guard_rates(unsigned share_ppm, double rates[FS_BANKS])
{
    double limit = (double)share_ppm / FS_SHARE_ONE, good = 1 - limit;

    rates[0] = fmin(2 * limit, 1 - good / 2);
    rates[1] = fmin(8 * limit, 1 - good / 8);
    rates[2] = limit < 0.25 ? 0.5 : 1 - good / 4;
}

/* How many bad outcomes of one client count for each score: what comes to half of the threshold, or
 * to three quarters where two clients are enough, who could never fill two halves. */
static void build_most(struct fs_rule *rule)
{
    __s64 part = rule->clients == 2 ? rule->threshold / 4 * 3 : rule->threshold / 2;

    for (int i = 0; i < FS_BANKS; i++) {
        __s64 most = rule->steps[i].bad ? part / rule->steps[i].bad : FS_CELL_MAX;

        rule->most[i] = (__u8)(most < 1 ? 1 : most < FS_CELL_MAX ? most : FS_CELL_MAX);
    }
}

static void rule_build(const struct rule_spec *spec, double false_alarm, unsigned clients,
                       struct fs_rule *rule)
{
    double limit = (double)spec->share_ppm / FS_SHARE_ONE, rates[FS_BANKS], sum = 0;

    rule->signal = spec->signal;
    rule->share_ppm = spec->share_ppm;
    rule->limit_ns = spec->limit_ns;
    guard_rates(spec->share_ppm, rates);
    for (int i = 0; i < FS_BANKS; i++) {
        rule->steps[i].bad = (__s64)floor(log(rates[i] / limit) * FS_SCORE_ONE);
        rule->steps[i].good = (__s64)floor(log((1 - rates[i]) / (1 - limit)) * FS_SCORE_ONE);
        sum += rates[i];
    }
    rule->threshold = (__s64)ceil(log(fmax(sum, 1) / false_alarm) * FS_SCORE_ONE);
    rule->hold_ns = spec->hold_ms * 1000000ULL;
    rule->clients = (__u8)clients;
    build_most(rule);
}

void guard_build(const struct guard_spec *spec, struct fs_guard *guard)
{
    memset(guard, 0, sizeof(*guard));
    guard->rule_count = (__u32)spec->rule_count;
    guard->on_trip = (__u8)spec->on_trip;
    guard->live_flows = (__u8)spec->live_flows;
    guard->live_ticks = spec->live_flows == FS_LIVE_DRAIN ? fs_ticks(spec->live_ms) : 0;
    guard->close_wait_after_ms = spec->close_wait_after_ms;
    guard->false_alarm_ppb = spec->false_alarm_ppb;
    guard->clients = (__u8)spec->clients;
    guard->worse_than_baseline = spec->worse_than_baseline;
    guard->recover_ticks = spec->recover_at_most ? fs_ticks(spec->recover_ms) : 0;
    guard->recover_at_most = spec->recover_at_most;
    for (size_t i = 0; i < spec->rule_count; i++)
        rule_build(&spec->rules[i], spec->false_alarm_ppb / 1e9, spec->clients, &guard->rules[i]);
}
