// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads libcurl. */
#include "curl_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#define NAME "libcurl.so.4"

static struct curl_library library;

static const struct {
    const char *symbol;
    size_t at; /* of the function's pointer in `library` */
} functions[] = {
#define CURL_ROW(name) {"curl_" #name, offsetof(struct curl_library, name)},
    CURL_FUNCTIONS(CURL_ROW)
#undef CURL_ROW
};

const struct curl_library *curl_library_load(struct error *err)
{
    void *handle = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        error_set(err, -ENOENT, "can't load " NAME ", which HTTP needs: %s", dlerror());
        return NULL;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function = dlsym(handle, functions[i].symbol);

        if (!function) {
            error_set(err, -ENOENT, NAME " has no %s()", functions[i].symbol);
            return NULL;
        }
        *(void **)((char *)&library + functions[i].at) = function;
    }
    return &library;
}
