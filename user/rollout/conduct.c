// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Conducts a rollout: looking at it, and doing what follows. What people ask for is in
 * conduct_ask.c. */
#include "conduct.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "conduct_write.h"
#include "rollout_measure.h"
#include "rollout_view.h"

#define MS 1000000ULL

/* Longer pauses between two looks (the machine slept, or was stopped) don't count as held. */
#define LOOK_MAX_MS 5000

/* --- looking --- */

void conduct_take_stage(struct conduct *conduct, uint64_t now_ns)
{
    conduct->held_ms = facts_held_ms(&conduct->facts, conduct->rollout);
    conduct->held_stage = conduct->rollout->stage_id;
    conduct->looked_ns = conduct->stage_ns = conduct->connected_ns = now_ns;
}

static void count_time(struct conduct *conduct, uint64_t now_ns)
{
    uint64_t ms = (now_ns - conduct->looked_ns) / MS;
    const struct rollout *rollout = conduct->rollout;

    if (conduct->held_stage != rollout->stage_id)
        conduct_take_stage(conduct, now_ns);
    else if (rollout->state == ROLLOUT_RUNNING && !rollout->act && ms <= LOOK_MAX_MS)
        conduct->held_ms += ms;
    conduct->looked_ns = now_ns;
}

static void count_traffic(struct conduct *conduct, uint64_t now_ns)
{
    uint64_t connections = facts_connections(&conduct->facts);

    if (connections != conduct->connections || conduct->rollout->state != ROLLOUT_RUNNING)
        conduct->connected_ns = now_ns;
    conduct->connections = connections;
    conduct->situation.idle_ms = (now_ns - conduct->connected_ns) / MS;
    situation_count(&conduct->situation, conduct->rollout, &conduct->facts);
}

/* Has somebody else set weights? */
static void look_for_hands(struct conduct *conduct)
{
    char who[FACTS_TEXT_MAX], from[96], to[96];

    facts_meddler(&conduct->means->instance, conduct->service, &conduct->event_from, who,
                  sizeof(who));
    if (conduct->facts.gone[0] || conduct->rollout->act ||
        weight_set_same(&conduct->facts.weights, &conduct->rollout->wished))
        return;
    snprintf(conduct->texts[0], sizeof(conduct->texts[0]),
             "weights changed by hand, from %s to %s%s%s",
             weight_set_text(&conduct->rollout->wished, from, sizeof(from)),
             weight_set_text(&conduct->facts.weights, to, sizeof(to)), *who ? "; " : "", who);
    conduct->situation.by_hand = conduct->texts[0];
}

static void look_at_check(struct conduct *conduct, size_t number, const struct check_result *result,
                          uint64_t now_ns)
{
    struct situation *s = &conduct->situation;
    uint64_t silent_ms = (now_ns - result->since_ns) / MS;

    if (result->finding.answer != CHECK_GOOD || result->answered_ns < conduct->stage_ns)
        s->checks_good = false;
    if (result->finding.answer == CHECK_BAD && !s->failed_check) {
        snprintf(conduct->texts[1], sizeof(conduct->texts[1]), "check %zu fails: %s", number + 1,
                 result->finding.text);
        s->failed_check = conduct->texts[1];
    }
    if (result->finding.answer != CHECK_NO_ANSWER || silent_ms < s->silent_check_ms)
        return;
    snprintf(conduct->texts[2], sizeof(conduct->texts[2]), "check %zu has no answer: %s",
             number + 1, result->finding.text);
    s->silent_check = conduct->texts[2];
    s->silent_check_ms = silent_ms;
}

static void look_at_checks(struct conduct *conduct, uint64_t now_ns)
{
    const struct check_result *results = conduct->checks ? checks_results(conduct->checks) : NULL;

    conduct->situation.checks_good = true;
    for (size_t i = 0; results && i < conduct->rollout->plan.check_count; i++)
        look_at_check(conduct, i, &results[i], now_ns);
}

/* May it still be told to do something? */
static bool is_alive(const struct rollout *rollout)
{
    return rollout_is_under_way(rollout) || rollout->act ||
           (rollout->state == ROLLOUT_PROMOTED && !rollout->soaked);
}

void conduct_look(struct conduct *conduct)
{
    const struct rollout *rollout = conduct->rollout;
    uint64_t now_ns = clock_now_ns();
    struct situation *s = &conduct->situation;

    *s = (struct situation){0};
    if (!is_alive(rollout) && conduct->laid_down)
        return;
    facts_read(&conduct->means->instance, &rollout->plan, &conduct->facts);
    conduct->laid_down = !is_alive(rollout);
    count_time(conduct, now_ns);
    count_traffic(conduct, now_ns);
    look_for_hands(conduct);
    look_at_checks(conduct, now_ns);
    s->gone = conduct->facts.gone[0] ? conduct->facts.gone : NULL;
    s->withdrawn = conduct->facts.withdrawn[0] ? conduct->facts.withdrawn : NULL;
    s->compared = conduct->facts.control_buckets != 0;
    s->held_ms = conduct->held_ms;
    s->ended_ms = situation_ended_ms(rollout);
    for (size_t i = 0; i < rollout->plan.rule_count && !rollout->act; i++)
        s->answers[i] = measure_answer(rollout, i, &conduct->facts, &conduct->tests[i]);
    if (rollout_is_under_way(rollout))
        facts_beat(&conduct->facts, rollout, conduct->held_ms);
    else
        facts_beat_end(&conduct->facts);
}

uint64_t conduct_due_ms(const struct conduct *conduct, uint64_t most_ms)
{
    const struct rollout *rollout = conduct->rollout;
    uint64_t hold_ms;

    if (rollout->state != ROLLOUT_RUNNING || !rollout->stage_id)
        return most_ms;
    hold_ms = rollout_hold_ms(rollout);
    if (conduct->held_ms >= hold_ms || hold_ms - conduct->held_ms > most_ms)
        return most_ms;
    return hold_ms - conduct->held_ms;
}

/* --- doing --- */

/* Measures that could only begin now are written down. */
static void begin_measures(struct conduct *conduct)
{
    struct rollout *rollout = conduct->rollout;
    struct measure measures[PLAN_MAX_RULES];
    bool due = false;

    if (rollout->act || !rollout->stage_id || !rollout_is_under_way(rollout) ||
        conduct->facts.gone[0])
        return;
    for (size_t i = 0; i < rollout->plan.rule_count; i++) {
        bool now = measure_is_due(rollout, i, &conduct->facts);

        measures[i] =
            now ? measure_begin(&rollout->plan.rules[i], &conduct->facts) : rollout->measures[i];
        due |= now;
    }
    if (due)
        conduct_write(conduct, rollout_line_holding(rollout, measures, rollout->connections,
                                                    rollout->all_connections));
}

/* Checks that answer otherwise than before are written down. */
static void write_checks(struct conduct *conduct)
{
    const struct check_result *results = conduct->checks ? checks_results(conduct->checks) : NULL;

    for (size_t i = 0; results && i < conduct->rollout->plan.check_count; i++) {
        const struct finding *finding = &results[i].finding;

        if (finding->answer != CHECK_WAITING &&
            finding->answer != conduct->rollout->checks[i].answer)
            conduct_write(conduct, rollout_line_checked(conduct->rollout, i, finding));
    }
}

json_t *conduct_view(const struct conduct *conduct)
{
    json_t *view = rollout_view(conduct->rollout, &conduct->facts, &conduct->situation);

    if (conduct_is_stalled(conduct)) {
        json_object_set_new(view, "state", json_string(rollout_state_names[ROLLOUT_PAUSED]));
        json_object_set_new(view, "why", json_string(conduct->stalled));
        json_object_set_new(view, "who", json_string(""));
        json_object_set_new(view, "waits_for", json_string(""));
    }
    return view;
}

void conduct_step(struct conduct *conduct)
{
    struct decision decision;

    if (!rollout_is_under_way(conduct->rollout))
        conduct_end_checks(conduct);
    if (!is_alive(conduct->rollout))
        return;
    if (conduct_is_stalled(conduct) && conduct_pause_stalled(conduct))
        return;
    write_checks(conduct);
    decision = rollout_decide(conduct->rollout, &conduct->situation);
    if (decision.next == NEXT_NOTHING)
        begin_measures(conduct);
    else
        conduct_do(conduct, &decision, NULL);
}
