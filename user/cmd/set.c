// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit set`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
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

/* What is asked for. */
struct request {
    const char *service;
    struct named_weight *weights;
    size_t count;
};

static int set(struct transaction *tx, void *context, struct error *err)
{
    struct request *request = context;
    struct change change = transaction_change(tx);

    return change_set(&change, request->service, request->weights, request->count, err);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct request request = {.service = argv[0], .count = (size_t)argc - 1};
    struct error err;
    int code;

    request.weights = calloc(request.count, sizeof(*request.weights));
    if (!request.weights) {
        error_set(&err, -ENOMEM, "out of memory");
        return command_failed(&err);
    }
    for (size_t i = 0; i < request.count; i++)
        if (parse_word(argv[i + 1], &request.weights[i], &err)) {
            free(request.weights);
            return command_misused(&command_set, "%s", err.text);
        }
    code = transaction_run(options, INSTANCE_WRITE, set, &request, &err);
    free(request.weights);
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
