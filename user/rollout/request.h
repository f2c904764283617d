/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How commands speak to the controller: over a Unix socket, one JSON object each way, one line
 * each. Who may write to the socket may ask; its mode is 0660, its owner the controller's. */
#ifndef FLOWSPLIT_REQUEST_H
#define FLOWSPLIT_REQUEST_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "error.h"

struct request_server;

/* Serves at `path`, taking the place of a socket that nobody serves any more. `answer` gets each
 * request (borrowed) and who asks ("root"), and returns the answer, which becomes the server's.
 * NULL with *err set on failure. */
struct request_server *request_serve(sd_event *event, const char *path,
                                     json_t *(*answer)(void *context, const json_t *request,
                                                       const char *who),
                                     void *context, struct error *err);
void request_stop(struct request_server *server);

/* Asks, and waits for the answer for some seconds. Returns it, the caller's, or NULL with *err set;
 * errno is ECONNREFUSED if there is nobody. */
json_t *request_ask(const char *path, const json_t *request, struct error *err);

#endif
