// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit delete`. */
#include "command.h"

static int delete (struct transaction *tx, void *context, struct error *err)
{
    struct change change = transaction_change(tx);

    return change_delete(&change, context, err);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct error err;

    (void)argc;
    return transaction_run(options, INSTANCE_WRITE, delete, argv[0], &err) ? command_failed(&err)
                                                                           : EXIT_DONE;
}

const struct command command_delete = {
    .name = "delete",
    .usage = "SERVICE",
    .summary = "Removes a service; packets to its VIP are left alone again",
    .help = "Its live connections are no longer steered, and end.\n",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
