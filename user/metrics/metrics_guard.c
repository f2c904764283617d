// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of the guard: what each rule has seen of each version, and trips. */
#include "metrics.h"

#include <stddef.h>

#include "rule.h"

/* What a rule has seen; `score` is NULL as long as it is nothing. */
struct view {
    const struct fs_rule *rule;
    const struct fs_score *score;
};

static double natural(__s64 score)
{
    return (double)score / FS_SCORE_ONE;
}

static void put_outcomes(struct metrics_text *text, const char *name,
                         const struct metrics_labels *labels, const struct view *view)
{
    metrics_count(text, name, labels, view->score ? view->score->total : 0);
}

static void put_bad(struct metrics_text *text, const char *name,
                    const struct metrics_labels *labels, const struct view *view)
{
    metrics_count(text, name, labels, view->score ? view->score->bad : 0);
}

static void put_score(struct metrics_text *text, const char *name,
                      const struct metrics_labels *labels, const struct view *view)
{
    __s64 highest = 0;

    for (int bank = 0; bank < FS_BANKS && view->score; bank++)
        if (view->score->score[bank] > highest)
            highest = view->score->score[bank];
    metrics_real(text, name, labels, natural(highest));
}

static void put_threshold(struct metrics_text *text, const char *name,
                          const struct metrics_labels *labels, const struct view *view)
{
    metrics_real(text, name, labels, natural(view->rule->threshold));
}

static void put_clients(struct metrics_text *text, const char *name,
                        const struct metrics_labels *labels, const struct view *view)
{
    metrics_count(text, name, labels, view->score ? fs_score_clients(view->score) : 0);
}

typedef void put_fn(struct metrics_text *text, const char *name,
                    const struct metrics_labels *labels, const struct view *view);

static put_fn *const puts_by_number[] = {put_outcomes, put_bad, put_score, put_threshold,
                                         put_clients};

static void write_rule(struct metrics_text *text, const struct metrics_family *family,
                       const struct metrics_version *version, uint32_t number)
{
    const struct fs_score *score = &version->health->scores[number];
    struct view view = {.rule = &version->guard->rules[number],
                        .score = score->edition == version->guard->edition ? score : NULL};
    struct metrics_labels labels = version->labels;
    char words[RULE_TEXT_MAX];

    metrics_label(&labels, "rule", rule_text(view.rule, words));
    puts_by_number[family->offset](text, family->name, &labels, &view);
}

static void write_rules(struct metrics_text *text, const struct metrics_family *family,
                        const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];

        for (uint32_t rule = 0; version->health && rule < version->guard->rule_count; rule++)
            write_rule(text, family, version, rule);
    }
}

static void write_tripped(struct metrics_text *text, const struct metrics_family *family,
                          const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        if (metrics->versions[i].health)
            metrics_count(text, family->name, &metrics->versions[i].labels,
                          metrics->versions[i].health->trip.state != FS_TRIP_NONE);
}

static void write_recovered(struct metrics_text *text, const struct metrics_family *family,
                            const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++)
        if (metrics->versions[i].health)
            metrics_count(text, family->name, &metrics->versions[i].labels,
                          metrics->versions[i].health->trip.recovered);
}

static void write_trip_time(struct metrics_text *text, const struct metrics_family *family,
                            const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->version_count; i++) {
        const struct metrics_version *version = &metrics->versions[i];
        const struct fs_trip *trip = version->health ? &version->health->trip : NULL;
        struct metrics_labels labels = version->labels;
        char words[RULE_TEXT_MAX];

        if (!trip || trip->state == FS_TRIP_NONE)
            continue;
        metrics_label(&labels, "rule",
                      trip->rule == FS_RULE_BY_HAND ? "by hand" : rule_text(&trip->cause, words));
        metrics_time(text, family->name, &labels,
                     (metrics->monotonic_0 + trip->trip_ns) / 1000000 * 1000000);
    }
}

const struct metrics_family metrics_guard_families[] = {
    {"flowsplit_version_tripped", METRICS_GAUGE,
     "1 for one that has broken a rule or was withdrawn by hand, and isn't cleared", write_tripped,
     0},
    {"flowsplit_version_trip_timestamp_seconds", METRICS_GAUGE,
     "When it tripped, and by which rule", write_trip_time, 0},
    {"flowsplit_version_recoveries", METRICS_GAUGE,
     "How often it came back by itself since it was declared or cleared", write_recovered, 0},
    {"flowsplit_guard_outcomes_total", METRICS_COUNTER,
     "What the rule has judged since the version was declared or cleared", write_rules, 0},
    {"flowsplit_guard_bad_total", METRICS_COUNTER, "of which was bad", write_rules, 1},
    {"flowsplit_guard_score", METRICS_GAUGE, "Evidence that the version breaks the rule",
     write_rules, 2},
    {"flowsplit_guard_threshold", METRICS_GAUGE, "Score at which the rule trips", write_rules, 3},
    {"flowsplit_guard_clients", METRICS_GAUGE,
     "Clients that the bad outcomes of the present evidence came from", write_rules, 4},
    {0},
};
