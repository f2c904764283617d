// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaches an instance to an interface. */
#include "attach.h"

#include "adopt.h"
#include "warn.h"

/* How long after an attachment connections to a backend's own address that were
 * there before are taken for what they seem. */
#define LEARN_TICKS (5 * 60 * 15)

static void say(FILE *notes, const char *name, enum iface_mode mode, bool changed, const char *why)
{
    fprintf(notes, "%s: %s, %s", name, changed ? "attached" : "already attached",
            iface_mode_name(mode));
    if (*why)
        fprintf(notes, " (not native: %s)", why);
    fputc('\n', notes);
}

/* What is asked for. */
struct request {
    const struct options *options;
    const char *name;
    enum iface_mode mode;
    bool changed; /* by this attempt or, when that came too late, by one before */
};

/* What was there before has to be known as such from the first packet on: published before the
 * programs are attached. */
static int learn(struct transaction *tx, struct error *err)
{
    int code;

    tx->model->learn_until = tx->now + LEARN_TICKS;
    adopt_begin(tx->model);
    tx->model->changed = true;
    code = instance_publish(&tx->instance, tx->model, err);
    tx->model->changed = false;
    return code;
}

static int attach(struct transaction *tx, void *context, struct error *err)
{
    struct request *request = context;
    enum iface_mode mode = request->mode;
    char why[256];
    bool changed;
    int code = learn(tx, err);

    code = code ? code : iface_attach(&tx->instance, request->name, &mode, &changed, why, err);
    if (code)
        return code;
    request->changed |= changed;
    tx->acted = request->changed;
    say(tx->notes_stream, request->name, mode, request->changed, why);
    if (!request->options->quiet)
        warn_settings(&tx->instance, tx->model);
    return 0;
}

int attach_run(const struct options *options, const char *name, enum iface_mode mode,
               struct error *err)
{
    struct request request = {.options = options, .name = name, .mode = mode};

    return transaction_run(options, INSTANCE_CREATE, attach, &request, err);
}
