/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libcurl, loaded when it is first needed: it brings thirty libraries with it, and only a
 * controller asks anything over HTTP. All other commands begin sooner without. */
#ifndef FLOWSPLIT_CURL_LIBRARY_H
#define FLOWSPLIT_CURL_LIBRARY_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "error.h"

/* The functions that are used; each is called as `curl->NAME()` for curl_NAME(). */
/* clang-format off */
#define CURL_FUNCTIONS(X)                                                         \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_setopt)                   \
    X(easy_strerror) X(global_cleanup) X(global_init) X(multi_add_handle)         \
    X(multi_assign) X(multi_cleanup) X(multi_info_read) X(multi_init)             \
    X(multi_remove_handle) X(multi_setopt) X(multi_socket_action) X(slist_append) \
    X(slist_free_all)
/* clang-format on */

struct curl_library {
#define CURL_MEMBER(name) __typeof__(&curl_##name) name;
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* The library, loaded if need be; it stays until the process ends. NULL with *err set if it can't
 * be. */
const struct curl_library *curl_library_load(struct error *err);

#endif
