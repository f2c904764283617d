/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What conducting rollouts takes, once for all of a controller's: the instance, the journal, the
 * event loop. */
#ifndef FLOWSPLIT_MEANS_H
#define FLOWSPLIT_MEANS_H

#include <systemd/sd-event.h>

#include "http.h"
#include "instance.h"
#include "journal.h"
#include "rollout.h"

/* Made and released by the controller. */
struct means {
    const char *pin_dir;
    struct journal *journal;
    struct rollouts rollouts; /* what the journal says */
    struct instance instance; /* open, but not locked, where `is_open` */
    bool is_open;
    sd_event *event;
    struct http *http;
};

/* Opens the instance if need be and locks it, without waiting. Returns 0 or -errno with *err set.
 */
int means_lock(struct means *means, struct error *err);
void means_unlock(struct means *means);

#endif
