/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaches an instance to an interface, as a change of its own. */
#ifndef FLOWSPLIT_ATTACH_H
#define FLOWSPLIT_ATTACH_H

#include "command.h"
#include "iface.h"

/* Makes the instance if there is none. Returns 0, or -errno with *err set and nothing changed. */
int attach_run(const struct options *options, const char *name, enum iface_mode mode,
               struct error *err);

#endif
