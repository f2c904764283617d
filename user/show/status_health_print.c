// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Shows a version's health to a person. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "status_health.h"
#include "terminal.h"

#define BAR_WIDTH 20

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_share(const json_t *part)
{
    if (json_is_real(part))
        printf(" (%.2f%%)", 100 * json_real_value(part));
}

static void print_times(const char *what, const json_t *times)
{
    char p50[CLOCK_TEXT_MAX], p90[CLOCK_TEXT_MAX], p99[CLOCK_TEXT_MAX], p999[CLOCK_TEXT_MAX];

    if (!number(times, "count"))
        return;
    printf("    %-13s p50 %s  p90 %s  p99 %s  p99.9 %s  (%" JSON_INTEGER_FORMAT ")\n", what,
           clock_span((uint64_t)number(times, "p50_ns"), p50),
           clock_span((uint64_t)number(times, "p90_ns"), p90),
           clock_span((uint64_t)number(times, "p99_ns"), p99),
           clock_span((uint64_t)number(times, "p999_ns"), p999), number(times, "count"));
}

static void print_packets(const json_t *health)
{
    const json_t *handshakes = json_object_get(health, "handshakes");
    const json_t *sampled = json_object_get(health, "sampled");

    if (!number(handshakes, "begun"))
        return;
    printf("    handshakes    %" JSON_INTEGER_FORMAT ", answered %" JSON_INTEGER_FORMAT
           ", refused %" JSON_INTEGER_FORMAT ", unanswered %" JSON_INTEGER_FORMAT,
           number(handshakes, "begun"), number(handshakes, "answered"),
           number(handshakes, "refused"), number(handshakes, "unanswered"));
    print_share(json_object_get(handshakes, "failed_share"));
    printf("\n    sampled       %" JSON_INTEGER_FORMAT " established, %" JSON_INTEGER_FORMAT
           " reset by the backend",
           number(sampled, "established"), number(sampled, "resets"));
    print_share(json_object_get(sampled, "reset_share"));
    putchar('\n');
}

static void print_http(const json_t *http)
{
    json_int_t all = 0;

    for (int class = 1; class <= 5; class ++) {
        char name[] = {(char)('0' + class), 'x', 'x', '\0'};

        all += number(http, name);
    }
    if (!all)
        return;
    printf("    http          2xx %" JSON_INTEGER_FORMAT ", 3xx %" JSON_INTEGER_FORMAT
           ", 4xx %" JSON_INTEGER_FORMAT ", 5xx %" JSON_INTEGER_FORMAT,
           number(http, "2xx"), number(http, "3xx"), number(http, "4xx"), number(http, "5xx"));
    print_share(json_object_get(http, "5xx_share"));
    putchar('\n');
}

static void print_connections(const json_t *connections)
{
    json_t *states = json_object_get(connections, "states");

    if (!number(connections, "opened"))
        return;
    printf("    connections   %" JSON_INTEGER_FORMAT " open", number(connections, "open"));
    for (void *state = json_object_iter(states); state;
         state = json_object_iter_next(states, state))
        printf(", %s %" JSON_INTEGER_FORMAT, json_object_iter_key(state),
               json_integer_value(json_object_iter_value(state)));
    printf(";  %" JSON_INTEGER_FORMAT " closed, RTT %.2fms, resent %" JSON_INTEGER_FORMAT
           " of %" JSON_INTEGER_FORMAT " segments\n",
           number(connections, "closed"), (double)number(connections, "mean_rtt_us") / 1000,
           number(connections, "retransmits"), number(connections, "segments"));
    if (number(connections, "close_wait_too_long"))
        printf("    %sCLOSE_WAIT    %" JSON_INTEGER_FORMAT " for too long%s\n",
               terminal_style(STYLE_WARN), number(connections, "close_wait_too_long"),
               terminal_style(STYLE_OFF));
}

static void print_rule(const json_t *rule)
{
    double score = json_real_value(json_object_get(rule, "score"));
    double threshold = json_real_value(json_object_get(rule, "threshold"));
    char bar[3 * BAR_WIDTH + 1];
    bool alarming = score >= threshold / 2;

    printf("    guard         %s%-32s %s %5.1f of %.1f%s  %" JSON_INTEGER_FORMAT
           " bad of %" JSON_INTEGER_FORMAT,
           alarming ? terminal_style(STYLE_WARN) : "",
           json_string_value(json_object_get(rule, "rule")),
           terminal_bar(bar, BAR_WIDTH, score < threshold ? score : threshold, threshold), score,
           threshold, alarming ? terminal_style(STYLE_OFF) : "", number(rule, "bad"),
           number(rule, "outcomes"));
    if (score > 0 && number(rule, "clients_needed") > 1)
        printf(", %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " clients",
               number(rule, "clients"), number(rule, "clients_needed"));
    putchar('\n');
}

static void print_trip(const json_t *health)
{
    const json_t *trip = json_object_get(health, "tripped");
    const json_t *baseline = json_object_get(trip, "baseline");
    const char *until = json_string_value(json_object_get(trip, "until"));
    bool withdrawn = json_is_true(json_object_get(health, "withdrawn"));

    if (!json_is_object(trip))
        return;
    printf("    %s%s  %s, at %s%s%s%s%s\n", terminal_style(STYLE_WARN),
           withdrawn ? "WITHDRAWN   " : "REPORTED    ",
           json_string_value(json_object_get(trip, "why")),
           json_string_value(json_object_get(trip, "time")), until ? ", until " : "",
           until ? until : "",
           json_is_true(json_object_get(baseline, "breaks_it"))
               ? ", and the baseline breaks it, too"
               : "",
           terminal_style(STYLE_OFF));
}

static void print_recovered(json_int_t times)
{
    if (times)
        printf("    recovered     %" JSON_INTEGER_FORMAT " %s by itself\n", times,
               times == 1 ? "time" : "times");
}

void status_health_print(const json_t *health)
{
    const json_t *rule;
    size_t i = 0;

    print_trip(health);
    print_recovered(number(health, "recovered"));
    print_packets(health);
    print_times("connect time", json_object_get(health, "connect_time"));
    print_times("response time", json_object_get(health, "response_time"));
    print_http(json_object_get(health, "http"));
    print_connections(json_object_get(health, "connections"));
    json_array_foreach(json_object_get(health, "guard"), i, rule) print_rule(rule);
}
