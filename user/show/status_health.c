// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Describes a version's health. */
#include "status_health.h"

#include "clock.h"
#include "health.h"
#include "rule.h"
#include "sockets.h"

static json_int_t integer(uint64_t value)
{
    return (json_int_t)value;
}

static json_t *share(uint64_t part, uint64_t whole)
{
    return whole ? json_real((double)part / (double)whole) : json_null();
}

static json_t *times_json(const struct fs_histogram *times)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", integer(times->count), "mean_ns",
                     integer(times->count ? times->sum_ns / times->count : 0), "p50_ns",
                     integer(health_quantile(times, 0.5)), "p90_ns",
                     integer(health_quantile(times, 0.9)), "p99_ns",
                     integer(health_quantile(times, 0.99)), "p999_ns",
                     integer(health_quantile(times, 0.999)));
}

static json_t *handshakes_json(const struct fs_backend_counters *sum)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "begun", integer(sum->handshakes), "answered",
                     integer(sum->answered), "refused", integer(sum->refused), "unanswered",
                     integer(sum->unanswered), "failed_share",
                     share(sum->refused + sum->unanswered, sum->handshakes));
}

static json_t *sampled_json(const struct fs_backend_counters *sum)
{
    return json_pack("{s:I, s:I, s:I, s:o}", "established", integer(sum->established), "ended",
                     integer(sum->ended), "resets", integer(sum->resets), "reset_share",
                     share(sum->resets, sum->established));
}

static json_t *http_json(const struct fs_health *slot)
{
    json_t *object = json_object();
    uint64_t all = 0;

    for (int class = 1; class < FS_HTTP_CLASSES; class ++) {
        char name[] = {(char)('0' + class), 'x', 'x', '\0'};

        json_object_set_new(object, name, json_integer(integer(slot->http[class])));
        all += slot->http[class];
    }
    json_object_set_new(object, "5xx_share", share(slot->http[5], all));
    return object;
}

/* By TCP state, those that there are. */
static json_t *states_json(const struct fs_sockets *sockets, uint64_t *open)
{
    json_t *object = json_object();

    for (uint32_t state = 1; state < FS_TCP_STATES; state++) {
        *open += sockets->now[state];
        if (sockets->now[state])
            json_object_set_new(object, sockets_state_name(state),
                                json_integer(integer(sockets->now[state])));
    }
    return object;
}

static json_t *sockets_json(const struct fs_sockets *sockets)
{
    uint64_t closed = 0, open = 0;
    json_t *states = states_json(sockets, &open);

    for (int end = 0; end < FS_END_COUNT; end++)
        closed += sockets->ended[end];
    return json_pack(
        "{s:I, s:o, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I}",
        "open", integer(open), "states", states, "close_wait_too_long", integer(sockets->stuck),
        "opened", integer(sockets->opened), "closed", integer(closed), "closed_by", "client",
        integer(sockets->ended[FS_END_CLIENT]), "backend", integer(sockets->ended[FS_END_BACKEND]),
        "client_reset", integer(sockets->ended[FS_END_CLIENT_RESET]), "backend_reset",
        integer(sockets->ended[FS_END_BACKEND_RESET]), "other",
        integer(sockets->ended[FS_END_OTHER]), "mean_lifetime_ns",
        integer(closed ? sockets->lifetime_ns / closed : 0), "bytes_in", integer(sockets->bytes_in),
        "bytes_out", integer(sockets->bytes_out), "mean_rtt_us",
        integer(sockets->rtt_count ? sockets->rtt_us / sockets->rtt_count : 0), "segments",
        integer(sockets->segments), "retransmits", integer(sockets->retransmits));
}

static json_t *rule_json(const struct fs_rule *rule, const struct fs_score *score, bool current)
{
    char text[RULE_TEXT_MAX];
    __s64 highest = 0;

    for (int bank = 0; bank < FS_BANKS && current; bank++)
        if (score->score[bank] > highest)
            highest = score->score[bank];
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I}", "rule", rule_text(rule, text),
                     "outcomes", integer(current ? score->total : 0), "bad",
                     integer(current ? score->bad : 0), "score", (double)highest / FS_SCORE_ONE,
                     "threshold", (double)rule->threshold / FS_SCORE_ONE, "clients",
                     integer(current ? fs_score_clients(score) : 0), "clients_needed",
                     integer(rule->clients));
}

static json_t *rules_json(const struct fs_guard *guard, const struct fs_health *slot)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < guard->rule_count; i++)
        json_array_append_new(list, rule_json(&guard->rules[i], &slot->scores[i],
                                              slot->scores[i].edition == guard->edition));
    return list;
}

/* When a withdrawn version comes back by itself, or null. */
static json_t *until_json(const struct fs_trip *trip)
{
    char when[CLOCK_TEXT_MAX];

    return trip->state == FS_TRIP_WITHDRAWN && trip->back_ns
               ? json_string(clock_text(trip->back_ns, when))
               : json_null();
}

/* Why and when it tripped, or null. */
static json_t *trip_json(const struct fs_trip *trip)
{
    char why[RULE_TEXT_MAX], when[CLOCK_TEXT_MAX];

    if (trip->state == FS_TRIP_NONE)
        return json_null();
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:f, s:I, s:{s:I, s:I, s:b}, s:o}", "why",
                     health_trip_why(trip, why), "time", clock_text(trip->trip_ns, when),
                     "withdrawn", trip->state == FS_TRIP_WITHDRAWN, "outcomes",
                     integer(trip->total), "bad", integer(trip->bad), "score",
                     (double)trip->score / FS_SCORE_ONE, "clients", integer(trip->clients),
                     "baseline", "outcomes", integer(trip->baseline_total), "bad",
                     integer(trip->baseline_bad), "breaks_it", trip->baseline_breaks != 0, "until",
                     until_json(trip));
}

json_t *status_health(const struct draft *draft, const struct draft_version *version,
                      const struct fs_health *slot, const struct fs_backend_counters *sum)
{
    bool withdrawn = slot && slot->trip.state == FS_TRIP_WITHDRAWN;
    json_t *object =
        json_pack("{s:b, s:b, s:o, s:o}", "observed", slot != NULL, "withdrawn", withdrawn,
                  "handshakes", handshakes_json(sum), "sampled", sampled_json(sum));

    if (!slot)
        return object;
    json_object_set_new(object, "slot", json_integer(version->health));
    json_object_set_new(object, "tripped", trip_json(&slot->trip));
    json_object_set_new(object, "recovered", json_integer(slot->trip.recovered));
    json_object_set_new(object, "connect_time", times_json(&slot->connect_time));
    json_object_set_new(object, "response_time", times_json(&slot->response_time));
    json_object_set_new(object, "http", http_json(slot));
    json_object_set_new(object, "connections", sockets_json(&slot->sockets));
    json_object_set_new(object, "guard", rules_json(&draft->guard, slot));
    return object;
}
