// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit history`. */
#include <string.h>

#include "command.h"
#include "journal.h"
#include "parse.h"
#include "state_dir.h"
#include "terminal.h"

struct showing {
    const struct options *options;
    const char *service; /* or NULL */
    bool any;
};

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text ? text : "";
}

static void print_weights(const char *before, const json_t *weights)
{
    const char *name;
    const json_t *value;
    char weight[16];
    bool any = false;

    json_object_foreach((json_t *)weights, name, value)
    {
        printf("%s%s %s", any ? ", " : before, name,
               format_weight((unsigned)json_integer_value(value), weight));
        any = true;
    }
}

/* "rolled_back" reads better as "rolled back". */
static void print_words(const char *what)
{
    for (; *what; what++)
        putchar(*what == '_' ? ' ' : *what);
}

/* What those outside say: a check's answer, a hook's failure. */
static void print_outside(const json_t *line)
{
    const json_t *check = json_object_get(line, "check");
    const char *text = text_of(line, "text");

    if (check)
        printf(" %lld: %s", (long long)json_integer_value(check), text_of(line, "answer"));
    printf("%s%s", *text ? ": " : "", text);
}

static void print_line(const json_t *line)
{
    const char *what = text_of(line, "what"), *why = text_of(line, "why");
    const char *who = text_of(line, "who");
    bool bad = strncmp(what, "rol", 3) == 0 || strcmp(what, "paused") == 0;
    bool good = strcmp(what, "promoted") == 0;

    printf("%s%s%s  %s/%s  %s", terminal_style(STYLE_DIM), text_of(line, "time"),
           terminal_style(STYLE_OFF), text_of(line, "service"), text_of(line, "version"),
           terminal_style(bad    ? STYLE_WARN
                          : good ? STYLE_GOOD
                                 : STYLE_BOLD));
    print_words(strcmp(what, "told") == 0 ? "hook" : what);
    fputs(terminal_style(STYLE_OFF), stdout);
    if (json_object_get(line, "step") && strcmp(what, "advancing") == 0)
        printf(" to step %lld", (long long)json_integer_value(json_object_get(line, "step")) + 1);
    print_weights(strcmp(what, "started") == 0 ? " from " : ": ",
                  json_object_get(line, "weights_bp"));
    print_outside(line);
    printf("%s%s%s%s\n", *why ? "; " : "", why, *who ? ", by " : "", who);
}

/* Some say only what can be counted, or that all is well. */
static bool is_story(const json_t *line)
{
    const char *what = text_of(line, "what");

    return strcmp(what, "holding") != 0 &&
           !(strcmp(what, "told") == 0 && json_is_true(json_object_get(line, "ok")));
}

static int visit(void *context, json_t *line)
{
    struct showing *showing = context;

    if (showing->service && strcmp(text_of(line, "service"), showing->service) != 0)
        return 0;
    showing->any = true;
    if (showing->options->json)
        terminal_print_json(json_incref(line));
    else if (is_story(line))
        print_line(line);
    return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct showing showing = {options, argc ? argv[0] : NULL, false};
    char state_dir[STATE_PATH_MAX];
    struct error err;

    if (journal_each(state_dir_path(state_dir, options->state_dir, options->pin_dir), visit,
                     &showing, &err))
        return command_failed(&err);
    if (!showing.any && !options->json)
        printf("no rollouts%s%s in %s\n", argc ? " of " : "", argc ? argv[0] : "", state_dir);
    return EXIT_DONE;
}

const struct command command_history = {
    .name = "history",
    .usage = "[SERVICE] [--json] [--state-dir DIR]",
    .summary = "The journal of rollouts as a story: what happened, when, why, and who asked",
    .help =
        "With --json, the lines of the journal as they are (docs/rollouts.md, \"The journal\").\n",
    .options = OPTION_JSON | OPTION_STATE,
    .args_max = 1,
    .run = run,
};
