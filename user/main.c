// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command table, and the options that all commands share. */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

const struct command *const commands[] = {
    &command_attach,
    &command_detach,
    &command_apply,
    &command_delete,
    &command_set,
    &command_status,
    &command_explain,
    &command_reasons,
    &command_help,
    &command_version,
    NULL,
};

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

enum { OPTION_LETTER_PIN_DIR = 1, OPTION_LETTER_ALL, OPTION_LETTER_WATCH, OPTION_LETTER_MODE };

static const struct option long_options[] = {
    {"pin-dir", required_argument, NULL, OPTION_LETTER_PIN_DIR},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"all", no_argument, NULL, OPTION_LETTER_ALL},
    {"watch", no_argument, NULL, OPTION_LETTER_WATCH},
    {"mode", required_argument, NULL, OPTION_LETTER_MODE},
    {0},
};

/* What the command line says, apart from the words. */
struct parsed {
    struct options options;
    int given; /* enum option_set */
    bool help;
};

static bool read_options(struct parsed *parsed, int argc, char **argv)
{
    int letter;

    while ((letter = getopt_long(argc, argv, "qjh", long_options, NULL)) != -1) {
        switch (letter) {
        case OPTION_LETTER_PIN_DIR:
            parsed->options.pin_dir = optarg;
            break;
        case 'q':
            parsed->options.quiet = true;
            break;
        case 'j':
            parsed->options.json = true;
            parsed->given |= OPTION_JSON;
            break;
        case 'h':
            parsed->help = true;
            break;
        case OPTION_LETTER_ALL:
            parsed->options.all = true;
            parsed->given |= OPTION_ALL;
            break;
        case OPTION_LETTER_WATCH:
            parsed->options.watch = true;
            parsed->given |= OPTION_WATCH;
            break;
        case OPTION_LETTER_MODE:
            parsed->options.mode = optarg;
            parsed->given |= OPTION_MODE;
            break;
        default: /* getopt has said what was wrong */
            return false;
        }
    }
    return true;
}

static const char *option_name(int options)
{
    return options & OPTION_JSON    ? "--json"
           : options & OPTION_ALL   ? "--all"
           : options & OPTION_WATCH ? "--watch"
                                    : "--mode";
}

static int run_command(const struct command *command, struct parsed *parsed, int argc, char **argv)
{
    if (parsed->help) {
        char *words[] = {(char *)command->name, NULL};

        return command_help.run(&parsed->options, 1, words);
    }
    if (parsed->given & ~command->options)
        return command_misused(command, "%s takes no %s", command->name,
                               option_name(parsed->given & ~command->options));
    if (argc < command->args_min)
        return command_misused(command, "%s: something is missing", command->name);
    if (command->args_max >= 0 && argc > command->args_max)
        return command_misused(command, "%s: unexpected \"%.64s\"", command->name,
                               argv[command->args_max]);
    return command->run(&parsed->options, argc, argv);
}

int main(int argc, char **argv)
{
    struct parsed parsed = {.options.pin_dir = INSTANCE_PIN_DIR};
    const struct command *command;

    if (!read_options(&parsed, argc, argv))
        return EXIT_MISUSED;
    argc -= optind;
    argv += optind;
    if (!argc && parsed.help)
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
