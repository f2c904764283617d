/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was saved of a version. Each returns 0, or -EINVAL with a message. Pure. */
#ifndef FLOWSPLIT_SAVED_VERSION_H
#define FLOWSPLIT_SAVED_VERSION_H

#include "saved_reader.h"

int saved_read_guard(const struct saved_reader *reader, const json_t *from, struct fs_guard *guard);

/* What `from` says of a version's trip, or null. */
int saved_read_trip(const struct saved_reader *reader, const json_t *from,
                    struct draft_version *version);

/* A version into its draft, with its backends, but not which buckets it has. */
int saved_read_version(const struct saved_reader *reader, const json_t *from, uint32_t service);

#endif
