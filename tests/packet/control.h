/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes that only a rollout's controller makes, made as it makes them. */
#ifndef FLOWSPLIT_PACKET_CONTROL_H
#define FLOWSPLIT_PACKET_CONTROL_H

#include <stdint.h>

/* Chooses the service's control for its version. Gives up if it can't. */
void control_choose(const char *pin_dir, const char *service, const char *version, uint64_t seed);

/* Ends it. */
void control_end(const char *pin_dir, const char *service);

#endif
