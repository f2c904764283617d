// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit help` and `flowsplit version`. */
#include "command.h"

#include <flowsplit/version.h>

static void print_all(void)
{
    puts("flowsplit: splits new flows over versions of a service, in the kernel\n");
    puts("usage: flowsplit COMMAND [OPTIONS]\n");
    for (int i = 0; commands[i]; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    puts("\nOptions of every command:\n"
         "  --pin-dir DIR  the instance's directory on a BPF file system\n"
         "                 (default " INSTANCE_PIN_DIR ")\n"
         "  -q, --quiet    print nothing but errors\n"
         "  -j, --json     where something is shown: as JSON\n"
         "  -h, --help     help for the command\n\n"
         "Exit codes: 0 done, 1 failed, 2 misused.\n"
         "`flowsplit help COMMAND` says more.");
}

static int run_help(const struct options *options, int argc, char **argv)
{
    const struct command *command;

    (void)options;
    if (!argc) {
        print_all();
        return EXIT_DONE;
    }
    command = command_find(argv[0]);
    if (!command)
        return command_misused(&command_help,
                               "unknown command \"%.64s\"; `flowsplit help` lists them", argv[0]);
    command_print_usage(stdout, command);
    printf("\n%s.\n%s%s", command->summary, *command->help ? "\n" : "", command->help);
    return EXIT_DONE;
}

const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "Says how to use flowsplit, or one of its commands",
    .help = "",
    .args_max = 1,
    .run = run_help,
};

static int run_version(const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (options->json)
        printf("{\"version\":\"%s\",\"abi\":%d}\n", FLOWSPLIT_VERSION, FS_ABI);
    else
        printf("flowsplit %s (ABI %d)\n", FLOWSPLIT_VERSION, FS_ABI);
    return EXIT_DONE;
}

const struct command command_version = {
    .name = "version",
    .usage = "",
    .summary = "Says which version this is",
    .help = "",
    .options = OPTION_JSON,
    .run = run_version,
};
