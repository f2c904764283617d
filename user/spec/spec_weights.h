/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The weights of a service as declared. */
#ifndef FLOWSPLIT_SPEC_WEIGHTS_H
#define FLOWSPLIT_SPEC_WEIGHTS_H

#include "error.h"
#include "spec.h"

/* Gives a baseline without weight what the others leave; refuses weights that don't come to 100 %,
 * and a version that has weight but no backends. Returns 0 or -EINVAL with *err set. */
int spec_settle_weights(struct service_spec *service, const char *file, struct error *err);

#endif
