// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Shows a rollout to a person. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "rollout_view.h"
#include "terminal.h"

#define BAR_WIDTH 20

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static const char *duration(json_int_t ms, char *buf)
{
    return format_duration((unsigned)(ms / 1000 * 1000), buf);
}

static enum style state_style(const char *state)
{
    if (strcmp(state, "promoted") == 0)
        return STYLE_GOOD;
    return strcmp(state, "running") == 0 ? STYLE_BOLD : STYLE_WARN;
}

void rollout_print_head(const json_t *view)
{
    const char *state = text(view, "state"), *who = text(view, "who");
    char time[32];

    printf("%s%s/%s%s  %s", terminal_style(STYLE_BOLD), text(view, "service"),
           text(view, "version"), terminal_style(STYLE_OFF), terminal_style(state_style(state)));
    for (const char *at = state; *at; at++)
        putchar(*at == '_' ? ' ' : *at);
    printf("%s, step %lld of %lld, begun %s\n", terminal_style(STYLE_OFF),
           (long long)number(view, "step"), (long long)number(view, "steps_total"),
           text(view, "began"));
    if (*text(view, "why"))
        printf("  why        %s%s%s\n", text(view, "why"), *who ? ", by " : "", who);
    if (*text(view, "waits_for"))
        printf("  waits for  %s\n", text(view, "waits_for"));
    if (json_is_integer(json_object_get(view, "soak_left_ms")))
        printf("  soaks      %s more: `flowsplit rollout undo %s`\n",
               duration(number(view, "soak_left_ms"), time), text(view, "service"));
    if (*text(view, "withdrawn"))
        printf("  %swithdrawn  %s%s\n", terminal_style(STYLE_WARN), text(view, "withdrawn"),
               terminal_style(STYLE_OFF));
}

static void print_steps(const json_t *view)
{
    char bar[3 * BAR_WIDTH + 1], held[32], hold[32];
    const json_t *step;
    size_t i = 0;

    puts("\n  STEP");
    json_array_foreach(json_object_get(view, "steps"), i, step)
    {
        const char *state = text(step, "state");
        bool current = strcmp(state, "current") == 0, done = strcmp(state, "done") == 0;
        json_int_t hold_ms = number(step, "hold_ms");

        printf("  %s%s %2zu  %-40s",
               terminal_style(current ? STYLE_BOLD
                              : done  ? STYLE_DIM
                                      : STYLE_OFF),
               current ? ">"
               : done  ? "x"
                       : " ",
               i + 1, text(step, "step"));
        if (current && hold_ms)
            printf("  %s %s of %s",
                   terminal_bar(bar, BAR_WIDTH, (double)number(view, "held_ms"), (double)hold_ms),
                   duration(number(view, "held_ms") < hold_ms ? number(view, "held_ms") : hold_ms,
                            held),
                   duration(hold_ms, hold));
        else if (hold_ms)
            printf("  %s", duration(hold_ms, hold));
        printf("%s\n", terminal_style(STYLE_OFF));
    }
}

static void print_weights(const json_t *view)
{
    const json_t *now = json_object_get(view, "weights_now_bp"), *wished;
    const json_t *got = json_object_get(view, "share_got");
    char a[16], b[16], bar[3 * BAR_WIDTH + 1];
    const char *name;

    printf("\n  %-20s %8s %8s  %s\n", "VERSION", "WISHED", "NOW", "NEW CONNECTIONS IN THIS STAGE");
    json_object_foreach(json_object_get(view, "weights_wished_bp"), name, wished)
    {
        bool own = strcmp(name, text(view, "version")) == 0;

        printf("  %-20s %8s %8s  ", name, format_weight((unsigned)json_integer_value(wished), a),
               format_weight((unsigned)number(now, name), b));
        if (own && json_is_real(got))
            printf("%s %.2f%%, %lld", terminal_bar(bar, BAR_WIDTH, json_real_value(got), 1),
                   100 * json_real_value(got), (long long)number(view, "connections"));
        putchar('\n');
    }
}

static void print_side(const json_t *rule, const char *key)
{
    const json_t *side = json_object_get(rule, key);
    char buf[48];

    snprintf(buf, sizeof(buf), "%lld of %lld", (long long)number(side, "bad"),
             (long long)number(side, "outcomes"));
    printf(" %16s", buf);
}

/* How near "worse" is. */
static void print_verdict(const json_t *rule)
{
    const char *verdict = text(rule, "verdict");
    double log_e = json_number_value(json_object_get(rule, "log_e"));
    double threshold = json_number_value(json_object_get(rule, "log_threshold"));
    bool worse = strcmp(verdict, "worse") == 0;
    char bar[3 * BAR_WIDTH + 1];

    printf("  %s %s", terminal_bar(bar, BAR_WIDTH / 2, fmax(log_e, 0), threshold),
           terminal_style(worse                              ? STYLE_WARN
                          : strcmp(verdict, "no_worse") == 0 ? STYLE_GOOD
                                                             : STYLE_OFF));
    if (!json_is_true(json_object_get(rule, "begun")))
        fputs("waits for the baseline's times", stdout);
    else if (worse)
        fputs("worse", stdout);
    else if (strcmp(verdict, "no_worse") == 0)
        fputs("no worse", stdout);
    else if (number(rule, "missing"))
        printf("%lld more wanted", (long long)number(rule, "missing"));
    else
        fputs("undecided", stdout);
    printf("%s\n", terminal_style(STYLE_OFF));
}

static void print_rules(const json_t *view)
{
    const json_t *list = json_object_get(view, "compare"), *rule;
    size_t i = 0;

    if (!json_array_size(list) || !number(view, "control_buckets"))
        return;
    printf("\n  %-44s %16s %16s  %-12s VERDICT\n", "COMPARED", "BAD OF VERSION", "OF CONTROL",
           "TO \"WORSE\"");
    json_array_foreach(list, i, rule)
    {
        printf("  %-44s", text(rule, "rule"));
        print_side(rule, "version");
        print_side(rule, "control");
        print_verdict(rule);
    }
}

static void print_checks(const json_t *view)
{
    const json_t *list = json_object_get(view, "checks"), *check;
    size_t i = 0;

    if (!json_array_size(list))
        return;
    puts("\n  CHECK");
    json_array_foreach(list, i, check)
    {
        const char *answer = text(check, "answer");

        printf("  %-44.44s %s%s%s%s%s\n", text(check, "check"),
               terminal_style(strcmp(answer, "good") == 0 ? STYLE_GOOD : STYLE_WARN), answer,
               terminal_style(STYLE_OFF), *text(check, "text") ? ": " : "", text(check, "text"));
    }
}

void rollout_print(const json_t *view)
{
    rollout_print_head(view);
    print_steps(view);
    print_weights(view);
    print_rules(view);
    print_checks(view);
    putchar('\n');
}
