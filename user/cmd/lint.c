// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit lint`. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "parse.h"
#include "plan_file.h"
#include "quote.h"
#include "terminal.h"

static unsigned weight_now(const struct plan_file *contents)
{
    for (size_t s = 0; s < contents->spec.service_count; s++) {
        const struct service_spec *service = &contents->spec.services[s];

        if (strcmp(service->name, contents->plan.service) != 0)
            continue;
        for (size_t v = 0; v < service->version_count; v++)
            if (strcmp(service->versions[v].name, contents->plan.version) == 0)
                return service->versions[v].weight_bp;
    }
    return PLAN_WEIGHT_UNKNOWN;
}

/* What takes longer than a duration can say is said in days. */
static const char *time_text(uint64_t ms, char *buf, size_t size)
{
    const uint64_t day_ms = 24 * 3600 * 1000;

    if (ms < 30 * day_ms)
        return format_duration((unsigned)ms, buf);
    snprintf(buf, size, "%llud", (unsigned long long)(ms / day_ms));
    return buf;
}

static void print_text(const char *file, const struct plan_file *contents)
{
    const struct plan *plan = &contents->plan;
    char time[32];

    printf("%s: ok: ", file);
    if (contents->has_spec)
        printf("%zu service%s%s", contents->spec.service_count,
               contents->spec.service_count == 1 ? "" : "s", contents->has_plan ? ", " : "");
    if (contents->has_plan)
        printf("a rollout of %s/%s in %zu step%s, at least %s", plan->service, plan->version,
               plan->step_count, plan->step_count == 1 ? "" : "s",
               time_text(plan_least_ms(plan, weight_now(contents)), time, sizeof(time)));
    putchar('\n');
}

/* The name of a file may be no UTF-8. */
static json_t *name_json(const char *text)
{
    json_t *name = json_string(text);

    return name ? name : json_string(quote(text).text);
}

static json_t *rollout_json(const struct plan_file *contents)
{
    const struct plan *plan = &contents->plan;

    if (!contents->has_plan)
        return json_null();
    return json_pack("{s:s, s:s, s:I, s:I}", "service", plan->service, "version", plan->version,
                     "steps", (json_int_t)plan->step_count, "least_ms",
                     (json_int_t)plan_least_ms(plan, weight_now(contents)));
}

static void print_json(const char *file, const struct plan_file *contents)
{
    terminal_print_json(json_pack("{s:o, s:b, s:I, s:o}", "file", name_json(file), "ok", 1,
                                  "services", (json_int_t)contents->spec.service_count, "rollout",
                                  rollout_json(contents)));
}

static int refuse(const struct options *options, const char *file, const struct error *err)
{
    if (!options->json)
        return command_failed(err);
    terminal_print_json(json_pack("{s:o, s:b, s:o}", "file", name_json(file), "ok", 0, "error",
                                  name_json(err->text)));
    return EXIT_FAILED;
}

static int lint(const struct options *options, const char *file)
{
    struct plan_file contents;
    struct error err;

    if (plan_file_open(file, &contents, &err))
        return refuse(options, file, &err);
    if (options->json)
        print_json(file, &contents);
    else if (!options->quiet)
        print_text(strcmp(file, "-") == 0 ? "standard input" : file, &contents);
    plan_file_free(&contents);
    return EXIT_DONE;
}

static int run(const struct options *options, int argc, char **argv)
{
    int code = EXIT_DONE;

    for (int i = 0; i < argc; i++)
        if (lint(options, argv[i]))
            code = EXIT_FAILED;
    return code;
}

const struct command command_lint = {
    .name = "lint",
    .usage = "FILE|-... [--json]",
    .summary = "Checks files of services and plans of rollouts, and changes nothing",
    .help =
        "Each file is read as `flowsplit apply` and `flowsplit run` would; a plan in a file with\n"
        "services is checked against these. Needs no root and no instance. What is wrong is said\n"
        "with file, line and column, and what is allowed there.\n\n"
        "  flowsplit lint web.yaml plan.yaml\n"
        "  flowsplit lint - <web.yaml\n",
    .options = OPTION_JSON,
    .args_min = 1,
    .args_max = -1,
    .run = run,
};
