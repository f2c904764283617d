/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the plan of a rollout from a YAML document. All return 0 or a negative errno with the
 * document's *err set, and then leave to plan_free() what they have read. */
#ifndef FLOWSPLIT_PLAN_READ_H
#define FLOWSPLIT_PLAN_READ_H

#include "plan.h"
#include "yaml_doc.h"

/* What `rollout` has: all that can be said without the service. */
int plan_read(const struct doc_at *at, struct plan *plan);

/* What `steps` has. Needs the version's name. */
int plan_read_steps(const struct doc_at *at, struct plan *plan);

/* What `checks` and `notify` have. Need the names of service and version, for their texts. */
int plan_read_checks(const struct doc_at *at, struct plan *plan);
int plan_read_notify(const struct doc_at *at, struct plan *plan);

/* A text of 1 to `max` bytes, {{version}} and {{service}} replaced; the caller frees *out. */
int plan_read_text(const struct doc_at *at, const char *what, const struct plan *plan, size_t max,
                   char **out);

/* Such a text that begins with http:// or https://; the caller frees *url, after a failure too. */
int plan_read_url(const struct doc_at *at, const struct plan *plan, char **url);

/* A list of such texts, ended by NULL; plan_free() frees *command, after a failure too. */
int plan_read_command(const struct doc_at *at, const struct plan *plan, char ***command);

#endif
