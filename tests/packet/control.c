// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Chooses controls, by the library. Knows nothing of packets, whose names here mean others. */
#include "control.h"

#include <stdio.h>

#include "change_control.h"
#include "clock.h"
#include "iface.h"
#include "instance.h"
#include "tap.h"

/* No version: the control ends. */
static void change_it(const char *pin_dir, const char *service, const char *version, uint64_t seed)
{
    struct instance instance;
    struct error err = {{0}};
    struct change change = {.now = clock_tick_now(), .is_local = iface_is_local, .notes = stderr};
    int code;

    if (instance_open(&instance, pin_dir, INSTANCE_WRITE, &err))
        give_up("%s", err.text);
    change.model = model_read(instance.arena, instance.trips, &err);
    if (!change.model)
        give_up("%s", err.text);
    code = version ? change_control(&change, service, version, seed, &err)
                   : change_control_end(&change, service, &err);
    if (code || instance_publish(&instance, change.model, &err))
        give_up("%s", err.text);
    model_free(change.model);
    instance_close(&instance);
}

void control_choose(const char *pin_dir, const char *service, const char *version, uint64_t seed)
{
    change_it(pin_dir, service, version, seed);
}

void control_end(const char *pin_dir, const char *service)
{
    change_it(pin_dir, service, NULL, 0);
}
