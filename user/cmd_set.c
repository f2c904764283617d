// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit set`. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "command.h"
#include "iface.h"
#include "parse.h"

/* Takes "canary=5%" apart, in place. */
static int parse_word(char *word, struct named_weight *weight, struct error *err)
{
    char *equals = strchr(word, '=');
    struct error inner;

    if (!equals)
        return error_set(err, -1, "\"%.80s\": VERSION=WEIGHT is wanted, as in canary=5%%", word);
    *equals = '\0';
    weight->version = word;
    if (parse_weight(equals + 1, &weight->weight_bp, &inner))
        return error_set(err, -1, "%.64s: %.800s", word, inner.text);
    return 0;
}

static int set(struct transaction *tx, const struct options *options, const char *service,
               const struct named_weight *weights, size_t count, struct error *err)
{
    struct change change = {
        .model = tx->model, .now = tx->now, .is_local = iface_is_local, .notes = tx->notes_stream};
    int code = change_set(&change, service, weights, count, err);

    return code ? code : transaction_commit(tx, options, err);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct named_weight *weights = calloc((size_t)argc, sizeof(*weights));
    struct transaction tx;
    struct error err;
    int code = 0;

    for (int i = 1; i < argc && weights; i++)
        if (parse_word(argv[i], &weights[i - 1], &err)) {
            free(weights);
            return command_misused(&command_set, "%s", err.text);
        }
    if (!weights)
        return EXIT_FAILED;
    code = transaction_begin(&tx, options, INSTANCE_WRITE, &err);
    code = code ? code : set(&tx, options, argv[0], weights, (size_t)argc - 1, &err);
    transaction_end(&tx);
    free(weights);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_set = {
    .name = "set",
    .usage = "SERVICE VERSION=WEIGHT...",
    .summary = "Changes weights while connections live on",
    .help =
        "A weight is a percentage, down to 0.01%. A version that isn't named keeps its weight,\n"
        "and the baseline takes the rest; if the baseline is named too, all must come to 100%.\n"
        "When the command returns, no new flow goes by the old weights.\n\n"
        "  flowsplit set web canary=5%\n",
    .args_min = 2,
    .args_max = -1,
    .run = run,
};
