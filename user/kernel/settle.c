// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Settles what has happened by itself. */
#include "settle.h"

#include <errno.h>

#include "adopt.h"
#include "change_trip.h"
#include "clock.h"
#include "tcx_pins.h"

/* Publishes what changed, and reads what is then there. */
static int publish(struct instance *instance, struct model **model, struct error *err)
{
    int code;

    if (!(*model)->changed)
        return 0;
    code = instance_publish(instance, *model, err);
    model_free(*model);
    *model = code ? NULL : model_read(instance->arena, instance->trips, err);
    return code || *model ? code : -ENOMEM;
}

int settle(struct instance *instance, enum settle_way way, struct model **model,
           struct sweep_result *swept, struct error *err)
{
    uint64_t budget = way == SETTLE_ALL ? UINT64_MAX : SWEEP_BUDGET;
    int code = adopt_end(instance, err);

    tcx_pins_sweep(instance);
    if (code)
        return code;
    *model = model_read(instance->arena, instance->trips, err);
    if (!*model)
        return -ENOMEM;
    code = change_settle_trips(*model, err);
    code = code ? code : publish(instance, model, err);
    do {
        code = code ? code
                    : sweep(*model, &instance->maps, instance->sweep, clock_tick_now(), &budget,
                            swept, err);
        code = code ? code : publish(instance, model, err);
    } while (!code && swept->end == SWEEP_REST && budget);
    return code;
}
