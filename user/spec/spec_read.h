/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads services from a YAML document. */
#ifndef FLOWSPLIT_SPEC_READ_H
#define FLOWSPLIT_SPEC_READ_H

#include "spec.h"
#include "yaml_doc.h"

/* What `services` has: each by itself; what must hold between them is for spec_check(). Returns 0,
 * or a negative errno with the document's *err set, and then leaves to spec_free() what it has
 * read. A baseline without a weight gets what the others leave in weight_bp, and has_weight stays
 * false. Rules keep the document's file name. */
int spec_read(const struct doc_at *at, struct spec *spec);

#endif
