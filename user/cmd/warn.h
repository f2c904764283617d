/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Warnings about a host's settings that would keep packets from their backends. */
#ifndef FLOWSPLIT_WARN_H
#define FLOWSPLIT_WARN_H

#include "instance.h"

/* Says on stderr which attached interfaces drop packets for loopback backends, and which have
 * forwarding off while there are remote ones. */
void warn_settings(const struct instance *instance, const struct model *model);

#endif
