/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a service is observed and guarded, as declared: its keys `sample`, `http` and `guard`. */
#ifndef FLOWSPLIT_SPEC_GUARD_H
#define FLOWSPLIT_SPEC_GUARD_H

#include "spec.h"
#include "yaml_doc.h"

/* Sets what a service has without these keys. */
void spec_guard_defaults(struct service_spec *service);

/* `1/16` */
int spec_read_sample(const struct doc_at *at, struct service_spec *service);

/* `true`, `false`. Needs the VIP. */
int spec_read_http(const struct doc_at *at, struct service_spec *service);

/* The whole mapping. Needs the VIP, http and the versions; refuses rules whose signals can't be
 * observed by what the file says. */
int spec_read_guard(const struct doc_at *at, struct service_spec *service);

/* The rest, which only the host knows. Both refuse the first rule that nothing can feed: they
 * return 0, or -EINVAL with *err set. */

/* `missing` are tracepoints, by the signals that can't be had without; or NULL. */
int guard_check_kernel(const struct service_spec *service,
                       const char *const missing[FS_SIGNAL_COUNT], struct error *err);

/* Of a version that has backends, one at least must be here for signals of sockets. */
int guard_check_sockets(const struct service_spec *service, const struct version_spec *version,
                        bool (*is_here)(const struct fs_endpoint *), struct error *err);

#endif
