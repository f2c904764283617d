/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections to VIPs that are older than flowsplit, and go on with the server that has them. The
 * data path asks for them as long as they may be there; whoever comes by sees whether they are. */
#ifndef FLOWSPLIT_ADOPT_H
#define FLOWSPLIT_ADOPT_H

#include "instance.h"

/* Connections may be there from now on, for all services that want them adopted. */
void adopt_begin(struct model *model);

/* Counts those of each service for which adoption is under way, in all network namespaces. Returns
 * 0, or -errno if they can't be seen. */
int adopt_count(const struct model *model, uint32_t counts[FS_MAX_SERVICES]);

/* Publishes of which services none is left. Returns 0 or -errno with *err set. */
int adopt_end(struct instance *instance, struct error *err);

#endif
