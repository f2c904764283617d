/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Serves the metrics of an instance over HTTP, by a thread of its own. */
#ifndef FLOWSPLIT_METRICS_HTTP_H
#define FLOWSPLIT_METRICS_HTTP_H

#include "error.h"

struct metrics_server;

/* Serves GET /metrics at "127.0.0.1:9911", "[::1]:9911", or ":9911" for all addresses; port 0 is
 * any that is free. Each scrape opens the instance by itself, so that it doesn't matter what the
 * caller does meanwhile, nor whether there is an instance yet. Returns NULL with *err set if the
 * address is none, or can't be had. */
struct metrics_server *metrics_serve(const char *address, const char *pin_dir,
                                     const char *state_dir, struct error *err);

/* "http://127.0.0.1:9911/metrics", as long as the server lives. */
const char *metrics_url(const struct metrics_server *server);

/* Ends what is under way, and frees the server. NULL is none. */
void metrics_stop(struct metrics_server *server);

#endif
