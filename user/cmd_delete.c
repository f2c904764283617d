// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit delete`. */
#include "change.h"
#include "command.h"
#include "iface.h"

static int run(const struct options *options, int argc, char **argv)
{
    struct transaction tx;
    struct error err;
    int code;

    (void)argc;
    code = transaction_begin(&tx, options, INSTANCE_WRITE, &err);
    if (!code) {
        struct change change = {
            .model = tx.model, .now = tx.now, .is_local = iface_is_local, .notes = tx.notes_stream};

        code = change_delete(&change, argv[0], &err);
        code = code ? code : transaction_commit(&tx, options, &err);
    }
    transaction_end(&tx);
    return code ? command_failed(&err) : EXIT_DONE;
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
