/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP requests beside the event loop, by libcurl. */
#ifndef FLOWSPLIT_HTTP_H
#define FLOWSPLIT_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"

enum { HTTP_BODY_MAX = 1024 * 1024 };

/* What came of a request. Its texts live until the callback returns. */
struct http_answer {
    const char *error; /* why there is no answer, in printable words; NULL if there is one */
    long status;       /* 100 to 599; 0 if there is no answer */
    const char *body;  /* any bytes, with a terminator after them */
    size_t length;
};

/* Called from the event loop, once, when a request is over. The request is gone by then, and the
 * callback may do anything, even free the client. */
typedef void http_done(void *context, const struct http_answer *answer);

/* What is asked for. Needed only for the call of http_start(). */
struct http_request {
    const char *url;     /* http or https; else it is answered by an error */
    const char *json;    /* POST this; NULL: GET. Redirects of a GET are followed, three at most */
    uint64_t timeout_ns; /* for all of it, resolving the name included */
};

/* A client, with its connections. */
struct http;
struct http_call;

/* Returns NULL with *err set when there is no memory for one. The caller has SIGPIPE ignored (TLS
 * writes where nobody may read). Proxies are taken from the environment, as curl does. */
struct http *http_new(sd_event *event, struct error *err);

/* Gives up all requests, without calling back. NULL is allowed. */
void http_free(struct http *http);

/* Starts a request. Returns 0, and *call is valid until `done` is called; or -errno with *err set.
 * Never blocks, and never calls back before it returns. */
int http_start(struct http *http, const struct http_request *request, http_done *done,
               void *context, struct http_call **call, struct error *err);

/* Gives up a request without calling back. NULL is allowed. */
void http_cancel(struct http_call *call);

#endif
