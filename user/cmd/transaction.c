// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A change from lock to publication. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "clock.h"
#include "command.h"
#include "events.h"
#include "iface.h"
#include "namespaces.h"
#include "observers.h"
#include "settle.h"

/* How long a change may take to prepare, in ticks, at the first and at later attempts. The data
 * path goes on recording for FS_MARGIN_TICKS after a move ends; a change prepared within that time
 * agrees with it on what is moving. */
#define SLACK_FIRST 8
#define SLACK_LATER (FS_MARGIN_TICKS - 4)
#define ATTEMPTS    3

static int begin(struct transaction *tx, const struct options *options, enum instance_access want,
                 struct error *err)
{
    int code = instance_open(&tx->instance, options->pin_dir, want, err);
    struct sweep_result swept;

    if (code)
        return code;
    tx->notes_stream = open_memstream(&tx->notes, &tx->notes_bytes);
    if (!tx->notes_stream)
        return error_set(err, -ENOMEM, "out of memory");
    code = settle(&tx->instance, tx->way, &tx->model, &swept, err);
    tx->now = clock_tick_now();
    return code;
}

static void say(struct transaction *tx, bool changed)
{
    if (tx->notes_bytes)
        fputs(tx->notes, stdout);
    else if (!changed)
        puts("nothing to change");
}

static int commit(struct transaction *tx, const struct options *options, struct error *err)
{
    bool changed = tx->model->changed;
    int code;

    if (changed && clock_tick_now() - tx->now > tx->slack)
        return error_set(
            err, -EAGAIN,
            "the change took too long to prepare, and nothing was changed: the machine "
            "is overloaded; try again");
    code = instance_publish(&tx->instance, tx->model, err);
    code = code ? code : adopt_end(&tx->instance, err);
    fflush(tx->notes_stream);
    if (!code && (changed || tx->acted))
        events_log(&tx->instance, options->command, tx->notes);
    if (!code && !options->quiet)
        say(tx, changed);
    return code;
}

/* An instance that was made for a change that failed is of no use. */
static void end(struct transaction *tx, int code)
{
    if (tx->notes_stream)
        fclose(tx->notes_stream);
    free(tx->notes);
    model_free(tx->model);
    if (code && tx->instance.made)
        instance_remove(&tx->instance);
    if (tx->instance.arena)
        instance_close(&tx->instance);
}

struct change transaction_change(const struct transaction *tx)
{
    struct change change = {.model = tx->model,
                            .now = tx->now,
                            .slack = tx->slack,
                            .is_local = iface_is_local,
                            .is_here = namespaces_have,
                            .notes = tx->notes_stream};

    observers_missing(&tx->instance, change.missing);
    return change;
}

int transaction_run(const struct options *options, enum instance_access want,
                    int (*change)(struct transaction *tx, void *context, struct error *err),
                    void *context, struct error *err)
{
    enum settle_way way = SETTLE_QUICKLY;
    int code = -EAGAIN;

    for (int i = 0; i < ATTEMPTS && code == -EAGAIN; i++) {
        struct transaction tx = {.slack = i ? SLACK_LATER : SLACK_FIRST, .way = way};

        code = begin(&tx, options, want, err);
        code = code ? code : change(&tx, context, err);
        code = code ? code : commit(&tx, options, err);
        end(&tx, code);
        /* What is in the way may only not have been seen to be over. */
        if (code == -ENOSPC && way == SETTLE_QUICKLY) {
            way = SETTLE_ALL;
            code = -EAGAIN;
        }
    }
    return code;
}
