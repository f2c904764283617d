/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What must hold between the services of a file. */
#ifndef FLOWSPLIT_SPEC_CHECK_H
#define FLOWSPLIT_SPEC_CHECK_H

#include "error.h"
#include "spec.h"

/* Refuses services with one name or one VIP, backends that are a service's VIP, that stand twice in
 * a version, or that belong to two services. Returns 0 or a negative errno with *err set. */
int spec_check(const struct spec *spec, const char *file, struct error *err);

#endif
