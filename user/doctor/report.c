// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A list of findings. */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"
#include "terminal.h"

static const char *const level_names[] = {
    [LEVEL_GOOD] = "good", [LEVEL_DEGRADED] = "degraded", [LEVEL_FAILING] = "failing"};

static struct finding *new_finding(struct report *report)
{
    if (report->count == report->room) {
        size_t room = report->room * 2 + 32;
        struct finding *more = realloc(report->findings, room * sizeof(*more));

        if (!more) {
            fputs("flowsplit: out of memory\n", stderr);
            exit(EXIT_FAILURE);
        }
        report->findings = more;
        report->room = room;
    }
    return &report->findings[report->count++];
}

/* Names come from kernel and hosts: nothing of them may steer a terminal or break JSON. */
__attribute__((format(printf, 3, 0))) static void put(char *buf, size_t size, const char *format,
                                                      va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), format, args);
    printable(buf, size, text, strlen(text));
}

void report_add(struct report *report, const char *check, enum level level, const char *format, ...)
{
    struct finding *finding = new_finding(report);
    va_list args;

    finding->check = check;
    finding->level = level;
    finding->remedy[0] = '\0';
    report->of[level]++;
    va_start(args, format);
    put(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

void report_remedy(struct report *report, const char *format, ...)
{
    struct finding *finding = &report->findings[report->count - 1];
    va_list args;

    va_start(args, format);
    put(finding->remedy, sizeof(finding->remedy), format, args);
    va_end(args);
}

static const char *style_of(enum level level)
{
    static const enum style styles[] = {
        [LEVEL_GOOD] = STYLE_GOOD, [LEVEL_DEGRADED] = STYLE_WARN, [LEVEL_FAILING] = STYLE_BOLD};

    return terminal_style(styles[level]);
}

void report_print(const struct report *report, bool problems_only, FILE *to)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];

        if (problems_only && finding->level == LEVEL_GOOD)
            continue;
        fprintf(to, "%s%-9s%s %-12s %s\n", style_of(finding->level), level_names[finding->level],
                terminal_style(STYLE_OFF), finding->check, finding->text);
        if (*finding->remedy)
            fprintf(to, "%23s-> %s\n", "", finding->remedy);
    }
    fprintf(to, "%zu good, %zu degraded, %zu failing\n", report->of[LEVEL_GOOD],
            report->of[LEVEL_DEGRADED], report->of[LEVEL_FAILING]);
}

json_t *report_json(const struct report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", finding->check,
                                              "level", level_names[finding->level], "text",
                                              finding->text, "remedy", finding->remedy));
    }
    return json_pack("{s:o, s:I, s:I}", "findings", list, "failing",
                     (json_int_t)report->of[LEVEL_FAILING], "degraded",
                     (json_int_t)report->of[LEVEL_DEGRADED]);
}

void report_free(struct report *report)
{
    free(report->findings);
    *report = (struct report){0};
}
