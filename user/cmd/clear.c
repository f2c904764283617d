// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit clear`. */
#include "change_trip.h"
#include "command.h"

static bool is_tripped(void *context, uint32_t health)
{
    const struct instance *instance = context;

    return health < FS_HEALTH_SLOTS && instance->health[health].trip.state != FS_TRIP_NONE;
}

static int clear(struct transaction *tx, void *context, struct error *err)
{
    char **words = context;
    struct change change = transaction_change(tx);

    return change_clear(&change, words[0], words[1], is_tripped, &tx->instance, err);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct error err;

    (void)argc;
    return transaction_run(options, INSTANCE_WRITE, clear, argv, &err) ? command_failed(&err)
                                                                       : EXIT_DONE;
}

const struct command command_clear = {
    .name = "clear",
    .usage = "SERVICE VERSION",
    .summary = "Ends a trip: the version gets its weight back",
    .help = "Its guard scores begin at zero again. New flows come back to the buckets they left.\n",
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
