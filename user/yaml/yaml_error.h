/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What libyaml didn't like about a file, and where, in a message. */
#ifndef FLOWSPLIT_YAML_ERROR_H
#define FLOWSPLIT_YAML_ERROR_H

#include <stddef.h>
#include <yaml.h>

#include "error.h"
#include "place.h"

/* The bytes of a file. */
struct bytes {
    char *data;
    size_t length;
};

struct place yaml_mark_place(const char *file, const yaml_mark_t *mark);

/* After a call to libyaml has failed on these bytes: sets the text and returns a negative errno. */
int yaml_refuse(const yaml_parser_t *parser, const char *file, const struct bytes *bytes,
                struct error *err);

#endif
