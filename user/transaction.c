// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A change from lock to publication. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "sweep.h"

int transaction_begin(struct transaction *tx, const struct options *options,
                      enum instance_access want, struct error *err)
{
    struct sweep_result swept;
    int code;

    memset(tx, 0, sizeof(*tx));
    code = instance_open(&tx->instance, options->pin_dir, want, err);
    if (code)
        return code;
    tx->now = instance_tick();
    tx->notes_stream = open_memstream(&tx->notes, &tx->notes_bytes);
    tx->model = model_read(tx->instance.arena, err);
    if (!tx->notes_stream || !tx->model)
        return error_set(err, -ENOMEM, "out of memory");
    code = sweep(tx->model, &tx->instance.maps, tx->now, &swept, err);
    /* Published by itself, so that a change that fails leaves it done. */
    if (!code && tx->model->changed) {
        code = instance_publish(&tx->instance, tx->model, err);
        model_free(tx->model);
        tx->model = code ? NULL : model_read(tx->instance.arena, err);
        code = code || tx->model ? code : -ENOMEM;
    }
    return code;
}

int transaction_commit(struct transaction *tx, const struct options *options, struct error *err)
{
    bool changed = tx->model->changed;
    int code = instance_publish(&tx->instance, tx->model, err);

    if (code || options->quiet)
        return code;
    fflush(tx->notes_stream);
    if (!changed)
        puts("nothing to change");
    else if (tx->notes_bytes)
        fputs(tx->notes, stdout);
    return 0;
}

void transaction_end(struct transaction *tx)
{
    if (tx->notes_stream)
        fclose(tx->notes_stream);
    free(tx->notes);
    model_free(tx->model);
    if (tx->instance.arena)
        instance_close(&tx->instance);
}
