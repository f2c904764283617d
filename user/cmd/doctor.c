// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit doctor`. */
#include "command.h"
#include "doctor.h"
#include "terminal.h"

static int run(const struct options *options, int argc, char **argv)
{
    struct report report = {0};
    bool fails;

    (void)argc;
    (void)argv;
    doctor_examine(&report, options->pin_dir);
    fails = report.of[LEVEL_FAILING];
    if (options->json)
        terminal_print_json(report_json(&report));
    else
        report_print(&report, options->quiet, stdout);
    report_free(&report);
    return fails ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .usage = "[--json]",
    .summary = "Says what this machine allows, and what to do where it doesn't",
    .help =
        "A line each: good, degraded (it works, but worse) or failing, and below it the remedy.\n"
        "Programs are loaded to see whether the kernel takes them; nothing is attached or "
        "changed.\n"
        "Needs no instance; one that there is, is looked at, too. Run it in the network namespace\n"
        "that is to be attached. --quiet shows only what isn't good. Exits with 1 if anything is\n"
        "failing.\n",
    .options = OPTION_JSON,
    .run = run,
};
