// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command table, and the options that all commands share. */
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "pins.h"

/* A line each. */
/* clang-format off */
const struct command *const commands[] = {
    &command_attach,
    &command_detach,
    &command_apply,
    &command_lint,
    &command_delete,
    &command_set,
    &command_withdraw,
    &command_clear,
    &command_doctor,
    &command_status,
    &command_top,
    &command_conns,
    &command_events,
    &command_explain,
    &command_guard,
    &command_run,
    &command_rollout,
    &command_history,
    &command_wait,
    &command_save,
    &command_restore,
    &command_reasons,
    &command_metrics,
    &command_help,
    &command_version,
    NULL,
};
/* clang-format on */

const struct command *command_find(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

void command_print_usage(FILE *to, const struct command *command)
{
    fprintf(to, "usage: flowsplit %s%s%s\n", command->name, *command->usage ? " " : "",
            command->usage);
}

int command_failed(const struct error *err)
{
    fprintf(stderr, "flowsplit: %s\n", err->text);
    return EXIT_FAILED;
}

int command_misused(const struct command *command, const char *format, ...)
{
    va_list args;

    fputs("flowsplit: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (command)
        command_print_usage(stderr, command);
    return EXIT_MISUSED;
}

/* Every option: where its value goes, and which set of a command's it belongs to; 0: any command
 * takes it. */
static const struct {
    const char *name;
    bool takes_text;
    char letter; /* its short form, or 0 */
    int set;     /* enum option_set */
    size_t at;   /* of a const char * or bool in struct options */
} option_table[] = {
    {"pin-dir", true, 0, 0, offsetof(struct options, pin_dir)},
    {"quiet", false, 'q', 0, offsetof(struct options, quiet)},
    {"help", false, 'h', 0, offsetof(struct options, help)},
    {"json", false, 'j', OPTION_JSON, offsetof(struct options, json)},
    {"all", false, 0, OPTION_ALL, offsetof(struct options, all)},
    {"watch", false, 0, OPTION_WATCH, offsetof(struct options, watch)},
    {"mode", true, 0, OPTION_MODE, offsetof(struct options, mode)},
    {"follow", false, 'f', OPTION_FOLLOW, offsetof(struct options, follow)},
    {"keep", false, 0, OPTION_LIVE_FLOWS, offsetof(struct options, keep)},
    {"drain", true, 0, OPTION_LIVE_FLOWS, offsetof(struct options, drain)},
    {"cut", false, 0, OPTION_LIVE_FLOWS, offsetof(struct options, cut)},
    {"version", true, 0, OPTION_FILTER, offsetof(struct options, version)},
    {"state", true, 0, OPTION_FILTER, offsetof(struct options, state)},
    {"rate", true, 0, OPTION_RATE, offsetof(struct options, rate)},
    {"state-dir", true, 0, OPTION_STATE, offsetof(struct options, state_dir)},
    {"metrics", true, 0, OPTION_METRICS, offsetof(struct options, metrics)},
    {"timeout", true, 0, OPTION_TIMEOUT, offsetof(struct options, timeout)},
    {"full", false, 0, OPTION_FULL, offsetof(struct options, full)},
    {"top", false, 0, OPTION_TOP, offsetof(struct options, top)},
};

#define OPTIONS      (sizeof(option_table) / sizeof(option_table[0]))
#define FIRST_NUMBER 256 /* what getopt_long() returns for the first of the table */

/* What the command line says, apart from the words. */
struct parsed {
    struct options options;
    size_t given[OPTIONS]; /* places in the table */
    size_t given_count;
};

static void fill_getopt(struct option *longs, char *shorts)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        longs[i] = (struct option){.name = option_table[i].name,
                                   .has_arg = option_table[i].takes_text,
                                   .val = FIRST_NUMBER + (int)i};
        if (option_table[i].letter)
            *shorts++ = option_table[i].letter;
    }
}

static size_t find_option(int value)
{
    size_t i = 0;

    if (value >= FIRST_NUMBER)
        return (size_t)(value - FIRST_NUMBER);
    while (option_table[i].letter != value)
        i++;
    return i;
}

static bool read_options(struct parsed *parsed, int argc, char **argv)
{
    struct option longs[OPTIONS + 1] = {{0}};
    char shorts[OPTIONS + 1] = "";
    int value;

    fill_getopt(longs, shorts);
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        size_t i;

        if (value == '?') /* getopt has said what was wrong */
            return false;
        i = find_option(value);
        if (option_table[i].takes_text)
            *(const char **)((char *)&parsed->options + option_table[i].at) = optarg;
        else
            *(bool *)((char *)&parsed->options + option_table[i].at) = true;
        if (parsed->given_count < OPTIONS)
            parsed->given[parsed->given_count++] = i;
    }
    return true;
}

static int run_command(const struct command *command, struct parsed *parsed, int argc, char **argv)
{
    parsed->options.command = command->name;
    if (parsed->options.help) {
        char *words[] = {(char *)command->name, NULL};

        return command_help.run(&parsed->options, 1, words);
    }
    for (size_t i = 0; i < parsed->given_count; i++)
        if (option_table[parsed->given[i]].set & ~command->options)
            return command_misused(command, "%s takes no --%s", command->name,
                                   option_table[parsed->given[i]].name);
    if (argc < command->args_min)
        return command_misused(command, "%s: something is missing", command->name);
    if (command->args_max >= 0 && argc > command->args_max)
        return command_misused(command, "%s: unexpected \"%.64s\"", command->name,
                               argv[command->args_max]);
    return command->run(&parsed->options, argc, argv);
}

int main(int argc, char **argv)
{
    struct parsed parsed = {.options.pin_dir = pins_default_dir};
    const struct command *command;

    if (!read_options(&parsed, argc, argv))
        return EXIT_MISUSED;
    argc -= optind;
    argv += optind;
    if (!argc && parsed.options.help)
        return command_help.run(&parsed.options, 0, argv);
    if (!argc) {
        command_misused(NULL, "a command is missing; `flowsplit help` lists them");
        return EXIT_MISUSED;
    }
    command = command_find(argv[0]);
    if (!command)
        return command_misused(NULL, "unknown command \"%.64s\"; `flowsplit help` lists them",
                               argv[0]);
    return run_command(command, &parsed, argc - 1, argv + 1);
}
