// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit withdraw`. */
#include "change_trip.h"
#include "command.h"
#include "parse.h"

/* What is asked for. */
struct request {
    const char *service, *version;
    struct live_choice live;
};

static int withdraw(struct transaction *tx, void *context, struct error *err)
{
    struct request *request = context;
    struct change change = transaction_change(tx);

    return change_withdraw(&change, request->service, request->version, &request->live,
                           FS_RULE_BY_HAND, err);
}

static int read_choice(const struct options *options, struct live_choice *live, struct error *err)
{
    if (options->keep + options->cut + (options->drain != NULL) > 1)
        return error_set(err, -1, "only one of --keep, --drain and --cut makes sense");
    live->as_guarded = !options->keep && !options->cut && !options->drain;
    live->live = options->cut ? FS_LIVE_CUT : options->drain ? FS_LIVE_DRAIN : FS_LIVE_KEEP;
    return options->drain ? parse_duration(options->drain, &live->ms, err) : 0;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct request request = {.service = argv[0], .version = argv[1]};
    struct error err;

    (void)argc;
    if (read_choice(options, &request.live, &err))
        return command_misused(&command_withdraw, "%s", err.text);
    return transaction_run(options, INSTANCE_WRITE, withdraw, &request, &err) ? command_failed(&err)
                                                                              : EXIT_DONE;
}

const struct command command_withdraw = {
    .name = "withdraw",
    .usage = "SERVICE VERSION [--keep | --drain TIME | --cut]",
    .summary = "Takes a version out of service, at once",
    .help = "It gets no new flow; the baseline gets them instead. Its weight is kept for `clear`.\n"
            "What becomes of its live flows:\n\n"
            "  --keep        they stay until they end\n"
            "  --drain TIME  they stay for that time, then as --cut\n"
            "  --cut         their next packet goes to the baseline, whose host resets them, and\n"
            "                the client connects anew\n\n"
            "Without any of these: as the service's guard says, or --keep.\n",
    .options = OPTION_LIVE_FLOWS,
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
